"""Verifies a deployed stack as the guide does: probes each address from outside and inside the guests."""
