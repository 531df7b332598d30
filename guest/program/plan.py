"""Reads the routing plan: the ports that the server was born with. `multiport.guest.plan` writes it."""

from .addresses import parse_number
from .numbers import PLAN_VERSION, SLOT_MAX


class Plan:
    """MAC address by slot, in the order of the slots, and the slot whose port keeps the main table's default route, or 0."""

    def __init__(self, macs: "dict[int, str]", primary: int) -> None:
        self.macs = macs
        self.primary = primary


def read_plan(text: str) -> Plan:
    """Return the plan of a text. Raises ValueError with the reason if it is none."""
    lines = text.split("\n")
    if lines[0] != f"multiport-plan {PLAN_VERSION}" or lines[-1] or "" in lines[:-1]:
        raise ValueError(f"it is not a plan of version {PLAN_VERSION}; write it as user data does")
    macs: "dict[int, str]" = {}
    primary = last = 0
    for line in lines[1:-1]:
        words = line.split(" ")
        slot = parse_number(words[1], SLOT_MAX) if len(words) in (3, 4) and words[0] == "port" else None
        if not slot or slot <= last or not is_mac(words[2]) or words[2] in macs.values() or (words[3:] and primary):
            raise ValueError(f"this line is not a further port with a higher slot: {printable(line)}")
        if words[3:] not in ([], ["primary"]):
            raise ValueError(f"only `primary` may follow a port: {printable(line)}")
        macs[slot] = words[2]
        last = slot
        primary = slot if words[3:] else primary
    if not primary:
        raise ValueError("no port is primary; mark one of them")
    return Plan(macs, primary)


def is_mac(text: str) -> bool:
    """Return whether a text is the MAC address of one interface, in lower case."""
    octets = text.split(":")
    digits = "".join(octets)
    return [len(each) for each in octets] == [2] * 6 and not digits.strip("0123456789abcdef") and not int(digits[:2], 16) & 1


def printable(text: str) -> str:
    """Return a text with its odd characters replaced, short enough for a line of a log."""
    return "".join([character if " " <= character <= "~" else "?" for character in text[:300]])
