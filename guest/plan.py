"""The routing plan: which boot port answers from which routing table. `program/numbers.py` has every number of the guest."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from multiport.guest.errors import GuestError, shown
from multiport.guest.program.numbers import (
    LINK_GROUP,
    METADATA_PREFIX,
    PLAN_VERSION,
    PRIORITIES_PER_SLOT,
    PRIORITY_BASE,
    PROTOCOL,
    SLOT_MAX,
    TABLE_BASE,
    priority_of,
    table_of,
)

__all__ = [
    "LINK_GROUP",
    "METADATA_PREFIX",
    "PLAN_VERSION",
    "PRIORITIES_PER_SLOT",
    "PRIORITY_BASE",
    "PROTOCOL",
    "SLOT_MAX",
    "TABLE_BASE",
    "BootPort",
    "RoutingPlan",
    "check_slot",
    "plan_text",
    "priorities",
    "table",
    "unicast_mac",
]

MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
"""A MAC address as Neutron writes it."""


@dataclass(frozen=True, slots=True)
class BootPort:
    """A port that the server is created with.

    Attributes:
        slot: Number of its table and priorities, 1 to 511.
        mac: Its MAC address; kept in lower case.
        primary: Whether it keeps the main table's default route.

    Raises:
        GuestError: The slot is out of range or the MAC address is not that of one interface.
    """

    slot: int
    mac: str
    primary: bool = False

    def __post_init__(self) -> None:
        check_slot(f"slot {shown(self.slot)}", self.slot)
        object.__setattr__(self, "mac", unicast_mac(f"slot {self.slot}", self.mac))


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """The boot ports of one server; kept in the order of their slots.

    Raises:
        GuestError: No port, not exactly one primary port, or two ports with one slot or one MAC address.
    """

    ports: tuple[BootPort, ...]

    def __post_init__(self) -> None:
        ports = tuple(sorted(self.ports, key=lambda port: port.slot))
        object.__setattr__(self, "ports", ports)
        if (primaries := sum(port.primary for port in ports)) != 1:
            raise GuestError("ports", f"{primaries} of {len(ports)} boot ports are primary", "Make exactly one boot port primary")
        for lower, higher in pairwise(ports):
            if lower.slot == higher.slot:
                raise GuestError("ports", f"two boot ports have slot {lower.slot}", "Give each port a slot of its own")
        macs = [port.mac for port in ports]
        for mac in macs:
            if macs.count(mac) > 1:
                raise GuestError("ports", f"two boot ports have the MAC address {mac}", "Give each port a MAC address of its own")


def check_slot(key: str, slot: int) -> None:
    """Refuse what is not a slot.

    Args:
        key: Where the slot was given, for the error.
        slot: The number.

    Raises:
        GuestError: It is not a whole number from 1 to 511.
    """
    if type(slot) is not int or not 1 <= slot <= SLOT_MAX:
        raise GuestError(key, f"{shown(slot)} is not a slot", f"Choose a whole number from 1 to {SLOT_MAX}")


def unicast_mac(key: str, mac: str) -> str:
    """Return the MAC address of one interface in lower case.

    Args:
        key: Where the address was given, for the error.
        mac: Six pairs of hexadecimal digits with colons between.

    Raises:
        GuestError: It is not that, or it is a group's address or all zeros.
    """
    lower = mac.lower()
    if not MAC.fullmatch(lower):
        raise GuestError(
            key, f"{shown(mac)} is not a MAC address", "Write six pairs of hexadecimal digits like fa:16:3e:00:00:01"
        )
    if int(lower[:2], 16) & 1 or lower == "00:00:00:00:00:00":
        raise GuestError(key, f"{lower} is not the MAC address of one interface", "Use the address that Neutron gave the port")
    return lower


def table(slot: int) -> int:
    """Return the number of a slot's routing table."""
    return table_of(slot)


def priorities(slot: int) -> range:
    """Return the rule priorities that belong to a slot."""
    first = priority_of(slot)
    return range(first, first + PRIORITIES_PER_SLOT)


def plan_text(plan: RoutingPlan) -> str:
    """Return the plan file: its version, then one line per boot port. What may change on a living server is not in it."""
    lines = [f"multiport-plan {PLAN_VERSION}"]
    lines += [f"port {port.slot} {port.mac}{' primary' if port.primary else ''}" for port in plan.ports]
    return "\n".join(lines) + "\n"
