"""The direct driver: deploys a Pulumi program on the local cloud with Pulumi's Python SDK, without the Pulumi CLI.

It creates the resources that an unmodified program registers and records them, does nothing on a second run without changes, and
deletes everything again. Changes to existing resources need the Pulumi CLI: the driver has no diff, update or replace.
"""
