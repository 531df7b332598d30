"""What identifies a port for as long as it lives: its original key, the slot that follows from it, and its place at boot."""

from collections.abc import Mapping

from multiport.components.topology import PortOptions
from multiport.guest.slots import derived_slot


def original_key(key: str, port: PortOptions) -> str:
    """The key that the port was created under: its oldest former key, else its present one."""
    return port["formerly"][0] if port.get("formerly") else key


def slot_of(key: str, port: PortOptions) -> int:
    """The port's slot: the one that is pinned, else the one that follows from its original key, so that it outlives a new one."""
    return port.get("slot", derived_slot(original_key(key, port)))


def boot_order(ports: Mapping[str, PortOptions], primary_port: str | None) -> list[str]:
    """Keys of the boot ports in the order in which Nova gets them: the primary first, then by the original key of each.

    Neither a port's place in the configuration nor a new name for its key may change that order: Nova takes another order for
    another server.

    Args:
        ports: The server's ports, at least one of them a boot port.
        primary_port: Key of the primary port; None: the first one.
    """
    boot = sorted(
        (key for key, port in ports.items() if not port.get("hot", False)), key=lambda key: original_key(key, ports[key])
    )
    primary = primary_port or boot[0]
    return [primary, *(key for key in boot if key != primary)]
