"""What the shop's servers say."""


def greeting(domain: str) -> str:
    """The greeting of a domain."""
    return f"Welcome to {domain}"
