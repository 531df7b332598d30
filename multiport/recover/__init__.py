"""Bring a stack back after a failed update or a killed CLI: what the audit finds is mended, and nothing else is touched."""
