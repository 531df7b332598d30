"""Rules for what identifies a server's ports: the keys that they had, the slots that follow from them."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import known, names
from multiport.components.config_error import Fault, key_path, named, shown
from multiport.guest.plan import SLOT_MAX
from multiport.guest.slots import derived_slot


def slot_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """No two ports share a slot. Ports that pin one come first: the other is the one to move."""
    given = known.mappings(server, "ports")
    owners: dict[int, str] = {}
    for key, port in given.items():
        slot = known.number(port, "slot")
        if slot is not None and owners.setdefault(slot, key) != key:
            yield Fault(
                key_path(path, "ports", key, "slot"),
                f"{shown(slot)} is the slot of the port {named(owners[slot])} already",
                f"Choose another from 1 to {SLOT_MAX}",
            )
    for key, port in given.items():
        slot = slot_of(key, port)
        if known.given(port, "slot") or owners.setdefault(slot, key) == key:
            continue
        yield Fault(
            key_path(path, "ports", key, "slot"),
            f"the slot derived from the key, {slot}, is the port {named(owners[slot])}'s already",
            f"Pin another from 1 to {SLOT_MAX}",
        )


def formerly_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """A key that a port had belongs to it alone, and no port has it now."""
    given = known.mappings(server, "ports")
    owners: dict[str, str] = {}
    for key, port in given.items():
        for position, former in enumerate(known.items(port, "formerly")):
            if not isinstance(former, str):
                continue
            at = key_path(path, "ports", key, "formerly", position)
            if not names.KEY.fullmatch(former):
                yield Fault(at, f"{shown(former)} cannot have been a key", "Write the key as it was")
            elif former in given:
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


def boot_ports(server: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The ports that the server is created with."""
    return {key: port for key, port in known.mappings(server, "ports").items() if known.flag(port, "hot") is not True}


def slot_of(key: str, port: Mapping[str, object]) -> int:
    """The port's slot: the one pinned, else that of the key it had first."""
    former = known.items(port, "formerly")
    born = former[0] if former and isinstance(former[0], str) else key
    pinned = known.number(port, "slot")
    return derived_slot(born) if pinned is None else pinned
