"""Reads the routing plan: the ports that the server was born with. `multiport.guest.plan` writes it."""

from .addresses import parse_number
from .numbers import PLAN_VERSION, SLOT_MAX

_HEXADECIMAL = "0123456789abcdef"


class Plan:
    """The ports that the server was born with.

    Attributes:
        macs: MAC address by slot, in the order of the slots.
        primary: The slot whose port keeps the main table's default route, or 0.
    """

    def __init__(self, macs: "dict[int, str]", primary: int) -> None:
        self.macs = macs
        self.primary = primary


NO_PLAN = Plan({}, 0)


def read_plan(text: str) -> Plan:
    """Return the plan of a text.

    Raises:
        ValueError: It is no plan of this version, or one of its lines is not a further port.
    """
    lines = text.split("\n")
    if lines[0] != f"multiport-plan {PLAN_VERSION}" or lines[-1] or "" in lines[:-1]:
        raise ValueError(f"it is not a plan of version {PLAN_VERSION}; write it as user data does")
    macs: "dict[int, str]" = {}
    primary = last = 0
    for line in lines[1:-1]:
        words = line.split(" ")
        slot = parse_number(words[1], SLOT_MAX) if len(words) > 1 else None
        good = (
            words[0] == "port"
            and slot is not None
            and slot > last
            and is_mac(words[2] if len(words) > 2 else "")
            and words[2] not in macs.values()
            and (len(words) == 3 or (words[3:] == ["primary"] and not primary))
        )
        if not good or slot is None:
            raise ValueError(f"this line is not a further port with a higher slot: {printable(line)}")
        macs[slot] = words[2]
        last = slot
        if len(words) > 3:
            primary = slot
    if not primary:
        raise ValueError("no port is primary; mark one of them")
    return Plan(macs, primary)


def is_mac(text: str) -> bool:
    """Return whether a text is the MAC address of one interface, in lower case."""
    octets = text.split(":")
    return (
        [len(octet) for octet in octets] == [2] * 6
        and not "".join(octets).strip(_HEXADECIMAL)
        and not int(octets[0], 16) & 1
    )


def printable(text: str) -> str:
    """Return a text with its odd characters replaced, short enough for a line of a log."""
    return "".join([character if " " <= character <= "~" else "?" for character in text[:200]])
