"""Rules for what identifies a server's ports: the keys that they had, the slots that follow from them."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import names
from multiport.components.config_error import Fault, key_path, named
from multiport.components.identity import slot_of
from multiport.components.topology import PortOptions
from multiport.guest.errors import shown
from multiport.guest.plan import SLOT_MAX


def check_slots(path: str, ports: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """No two ports share a slot. Ports that pin one come first: the other is the one to move."""
    owners: dict[int, str] = {}
    for key, port in ports.items():
        slot = port.get("slot")
        if slot is not None and owners.setdefault(slot, key) != key:
            yield Fault(
                key_path(path, key, "slot"),
                f"{shown(slot)} is the slot of the port {named(owners[slot])} already",
                f"Choose another from 1 to {SLOT_MAX}",
            )
    for key, port in ports.items():
        slot = slot_of(key, port)
        if "slot" in port or owners.setdefault(slot, key) == key:
            continue
        yield Fault(
            key_path(path, key, "slot"),
            f"the slot derived from the key, {slot}, is the port {named(owners[slot])}'s already",
            f"Pin another from 1 to {SLOT_MAX}",
        )


def check_former_keys(path: str, ports: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """A key that a port had belongs to it alone, and no port has it now."""
    owners: dict[str, str] = {}
    for key, port in ports.items():
        for position, former in enumerate(port.get("formerly", [])):
            at = key_path(path, key, "formerly", position)
            if not names.KEY.fullmatch(former):
                yield Fault(at, f"{shown(former)} cannot have been a key", "Write the key as it was")
            elif former in ports:
                yield Fault(
                    at,
                    f"{former} is {'this port' if former == key else 'another port'} now",
                    "Name only keys that are gone from the server",
                )
            elif former in owners:
                yield Fault(
                    at, f"{former} is what the port {named(owners[former])} was already", "Keep it with the port that it became"
                )
            owners.setdefault(former, key)


def boot_ports(ports: Mapping[str, PortOptions]) -> dict[str, PortOptions]:
    """The ports that the server is created with."""
    return {key: port for key, port in ports.items() if not port.get("hot", False)}
