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
        origin: Who told of it: `plan`, `metadata`, or `lease` where only the distribution knows it.
        record: What the metadata says of it; an empty record if nothing.
        link: Its interface, or None.
        note: Why it has none, or what it waits for; empty if all is well.
    """

    def __init__(self, slot: int, mac: str, origin: str, record: "PortRecord | None" = None) -> None:
        self.slot = slot
        self.mac = mac
        self.origin = origin
        self.record = record or PortRecord("")
        self.link: "Link | None" = None
        self.note = ""


class Ports:
    """All ports: by slot in the order of the slots, the slot of each interface by index, and NICs that nobody names."""

    def __init__(self) -> None:
        self.by_slot: "dict[int, Port]" = {}
        self.slots: "dict[int, int]" = {}
        self.unnamed: "list[Link]" = []


def find(snapshot: Snapshot, plan: Plan, records: Records) -> Ports:
    """Return the ports, each with its interface if there is exactly one."""
    by_mac: "dict[str, list[Link]]" = {}
    for link in snapshot.links.values():
        by_mac.setdefault(link.mac, []).append(link)
    by_mac.pop("", None)
    found = Ports()
    known = {slot: Port(slot, record.mac, "metadata", record) for slot, record in records.ports.items()}
    known.update({slot: Port(slot, mac, "plan", records.ports.get(slot)) for slot, mac in plan.macs.items()})
    for port in known.values():
        port.link, port.note = _interface_of(by_mac.pop(port.mac, []))
    addressed = {index for index, _, _ in snapshot.addresses}
    for mac in sorted(by_mac):
        stranger, _ = _interface_of(by_mac[mac])
        if stranger is None or stranger.index not in snapshot.hardware:
            continue
        found.unnamed.append(stranger)
        if stranger.index in addressed:
            slot = int(mac.replace(":", ""), 16) % SLOT_MAX + 1
            while slot in known:
                slot = slot % SLOT_MAX + 1
            known[slot] = Port(slot, mac, "lease")
            known[slot].link = stranger
    found.by_slot = {slot: known[slot] for slot in sorted(known)}
    found.slots = {port.link.index: slot for slot, port in found.by_slot.items() if port.link}
    return found


def is_good_name(name: str) -> bool:
    """Return whether an interface name can stand in a command and in a path."""
    odd = any(character not in _NAME_CHARACTERS for character in name)
    return 0 < len(name) <= _NAME_CHARACTERS_MAX and not odd and name[0] != "-" and name not in ("all", "default", ".", "..")


def _interface_of(links: "list[Link]") -> "tuple[Link | None, str]":
    if len(links) > 1:
        # what sits on a NIC has its MAC address too, as VLANs and bridges do; and a bond's parts have the bond's
        links = [link for link in links if not link.lower and not link.master] or links
    if not links:
        return None, "no interface has this MAC address"
    if len(links) > 1:
        return None, "several interfaces have this MAC address: " + ", ".join([printable(link.name) for link in links])
    if not is_good_name(links[0].name):
        return None, f"its interface has an odd name, which no command takes: {printable(links[0].name)}"
    return links[0], ""
