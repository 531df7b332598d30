"""Pulumi components for OpenStack servers that answer on every one of their ports."""
