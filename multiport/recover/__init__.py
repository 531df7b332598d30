"""Recovers a stack after a failed update or a killed CLI: repairs what the audit finds, and touches nothing else."""
