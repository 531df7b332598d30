"""Policies for Pulumi's policy engine: they refuse mistakes in every program of a project, whoever wrote it."""
