"""The direct driver: a Pulumi program deployed on the local cloud by the Pulumi Python SDK alone, without the CLI.

It creates what an unmodified program registers, records it, does nothing on an unchanged second run and takes everything
down again. Every change to what exists needs the Pulumi CLI: diff, update and replace are not imitated here.
"""
