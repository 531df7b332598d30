"""Sizes of the shop's servers."""


def flavor_of(name: str) -> str:
    """The flavor of a name."""
    return name or "gp.0.1.2"
