"""Finds each port's interface by its MAC address, and slots for NICs that only the distribution knows of."""

from .kernel import Link, Snapshot
from .metadata import PortRecord, Records
from .numbers import SLOT_MAX
from .plan import Plan, printable

_NAME_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-"
_NAME_CHARACTERS_MAX = 15


class Port:
    """A port of the server.

    Attributes:
        slot: Number of its table and priorities.
        mac: Its MAC address.
        origin: Who told of it: `plan`, `metadata`, or `lease` where only the distribution knows it.
        record: What the metadata says of it, or None.
        link: Its interface, or None.
        note: Why it has none, or what it waits for; empty if all is well.
    """

    def __init__(self, slot: int, mac: str, origin: str, record: "PortRecord | None") -> None:
        self.slot = slot
        self.mac = mac
        self.origin = origin
        self.record = record
        self.link: "Link | None" = None
        self.note = ""


class Ports:
    """All ports of the server.

    Attributes:
        by_slot: In the order of their slots.
        slots: The slot of each interface that is a port's, by index.
        unnamed: NICs that neither plan nor metadata names.
    """

    def __init__(self) -> None:
        self.by_slot: "dict[int, Port]" = {}
        self.slots: "dict[int, int]" = {}
        self.unnamed: "list[Link]" = []


def find(snapshot: Snapshot, plan: Plan, records: Records) -> Ports:
    """Return the ports, each with its interface if there is exactly one."""
    by_mac: "dict[str, list[Link]]" = {}
    for link in snapshot.links.values():
        if link.mac:
            by_mac.setdefault(link.mac, []).append(link)
    found = Ports()
    known = {slot: Port(slot, mac, "plan", records.ports.get(slot)) for slot, mac in plan.macs.items()}
    for slot, record in records.ports.items():
        known.setdefault(slot, Port(slot, record.mac, "metadata", record))
    for slot in sorted(known):
        port = known[slot]
        port.link, port.note = _interface_of(by_mac.get(port.mac, []))
        if port.link is not None:
            found.slots[port.link.index] = slot
    named = {port.mac for port in known.values()}
    addressed = {address.index for address in snapshot.addresses}
    for mac in sorted(set(by_mac) - named):
        link, _ = _interface_of(by_mac[mac])
        if link is None or link.index not in snapshot.hardware:
            continue
        found.unnamed.append(link)
        if link.index not in addressed:
            continue
        slot = int(mac.replace(":", ""), 16) % SLOT_MAX + 1
        while slot in known:
            slot = slot % SLOT_MAX + 1
        known[slot] = Port(slot, mac, "lease", None)
        known[slot].link = link
        found.slots[link.index] = slot
    found.by_slot = {slot: known[slot] for slot in sorted(known)}
    return found


def is_good_name(name: str) -> bool:
    """Return whether an interface name can stand in a command and in a path."""
    return (
        0 < len(name) <= _NAME_CHARACTERS_MAX
        and not any(character not in _NAME_CHARACTERS for character in name)
        and not name.startswith("-")
        and name not in ("all", "default", ".", "..")
    )


def _interface_of(links: "list[Link]") -> "tuple[Link | None, str]":
    if len(links) > 1:
        # what sits on a NIC has its MAC address too, as VLANs and bridges do; and a bond's parts have the bond's
        links = [link for link in links if not link.lower and not link.master] or links
    if not links:
        return None, "no interface has this MAC address"
    if len(links) > 1:
        return None, "several interfaces have this MAC address: " + ", ".join([printable(link.name) for link in links])
    if not is_good_name(links[0].name):
        return None, f"its interface has a name that no command takes: {printable(links[0].name)}"
    return links[0], ""
