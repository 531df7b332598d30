"""What identifies a port for as long as it lives: its original key, and the slot that follows from it."""

from multiport.components.topology import PortOptions
from multiport.guest.slots import derived_slot


def original_key(key: str, port: PortOptions) -> str:
    """The key that the port was created under: its oldest former key, else its present one."""
    return port["formerly"][0] if port.get("formerly") else key


def slot_of(key: str, port: PortOptions) -> int:
    """The port's slot: the one that is pinned, else the one that follows from its original key, so that it outlives a new one."""
    return port.get("slot", derived_slot(original_key(key, port)))
