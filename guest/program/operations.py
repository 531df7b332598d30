"""The difference between what is and what should be, as requests to the kernel. `operations` is a pure function.

The order is safe after every step: at no moment does an address leave by a port that is not its own, if it did not before.
First rules that let nothing out stand, then routes come, then stale rules go, and only then are the rules added that let
packets pass. Gateways come after the routes by which they are reached, and what is put back comes last.
"""

from . import netlink
from .desired import Desired
from .kernel import ADDRESS, LINK, RULE, UP, Snapshot, address_values, encode_route, gateway_of, hops_of, place_of, setting_values
from .netlink import CREATE, EXCLUSIVE, REPLACE
from .numbers import MAIN_TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import Any

_VERBS = {
    "rule add": (netlink.NEW_RULE, CREATE | EXCLUSIVE, 17),
    "rule del": (netlink.DELETE_RULE, 0, 2),
    "route replace": (netlink.NEW_ROUTE, CREATE | REPLACE, 0),
    "route prepend": (netlink.NEW_ROUTE, CREATE, 17),
    "route del": (netlink.DELETE_ROUTE, 0, 3),
    "addr add": (netlink.NEW_ADDRESS, CREATE | EXCLUSIVE, 17),
    "addr del": (netlink.DELETE_ADDRESS, 0, 99),
    "link set": (netlink.SET_LINK, 0, 0),
    "sysctl": (netlink.SET_LINK, 0, 0),
}
"""Message type, flags, and the error that only says that it is so already: EEXIST, ENOENT, ESRCH, EADDRNOTAVAIL."""


class Operation:
    """One request.

    Attributes:
        verb: What is done, in iproute2's words.
        values: With what. For a link: `index`, `name` of the setting, and `value`.
    """

    def __init__(self, verb: str, values: "dict[Any, Any]") -> None:
        self.verb = verb
        self.values = values

    @property
    def file(self) -> bool:
        """Whether no message does it, but a file in /proc/sys."""
        return self.verb == "sysctl" and not self.values["name"].startswith("ipv4/")

    def request(self) -> "tuple[int, int, bytes]":
        """Return type, flags and body of the message."""
        kind, flags, _ = _VERBS[self.verb]
        if self.verb.startswith("route"):
            return kind, flags, encode_route(self.values)
        if self.verb.startswith("rule"):
            return kind, flags, RULE.encode(self.values)
        if self.verb.startswith("addr"):
            return kind, flags, ADDRESS.encode(self.values)
        index, name, value = self.values["index"], self.values["name"], self.values["value"]
        if name == "up":
            return kind, flags, LINK.encode({"index": index, "flags": UP * value, "mask": UP})
        if name == "address":
            return kind, flags, LINK.encode({"index": index, "mac": bytes.fromhex(value.replace(":", ""))})
        return kind, flags, LINK.encode({"index": index, **(setting_values(name, value) if "/" in name else {name: value})})

    def failed(self, code: int) -> bool:
        """Return whether an error number says more than that somebody else has done it already."""
        return code != _VERBS[self.verb][2]


def operations(snapshot: Snapshot, desired: Desired) -> "list[Operation]":
    """Return what has to be done, in its order; nothing if all is as it should be."""
    on_link, by_gateway, leftover = _routes(snapshot, desired)
    return [
        *_settings(snapshot, desired.settings, "sysctl"),
        *[Operation("rule add", values) for key, values in desired.fences.items() if key not in snapshot.rules],
        *_settings(snapshot, desired.settings, "link set"),
        *[Operation("addr add", address_values(*each)) for each in desired.added],
        *on_link,
        *by_gateway,
        *[Operation("addr del", address_values(*each)) for each in desired.removed],
        *[
            Operation("rule del", values)
            for key, values in snapshot.rules.items()
            if key not in desired.fences and key not in desired.rules
        ],
        *[Operation("rule add", values) for key, values in desired.rules.items() if key not in snapshot.rules],
        *leftover,
        *[
            Operation("link set", {"index": index, "name": "address", "value": snapshot.links[index].mac})
            for index in sorted(desired.announced)
        ],
        *_settings(snapshot, desired.restored, "sysctl"),
        *_settings(snapshot, desired.restored, "link set"),
    ]


def _settings(snapshot: Snapshot, values: "dict[tuple[int, str], int]", verb: str) -> "list[Operation]":
    """Those in /proc/sys, or the links' own; an MTU comes before its interface goes up."""
    return [
        Operation(verb, {"index": index, "name": name, "value": value})
        for (index, name), value in sorted(values.items())
        if ("/" in name) == (verb == "sysctl") and index in snapshot.links
    ]


def _routes(snapshot: Snapshot, desired: Desired) -> "tuple[list[Operation], list[Operation], list[Operation]]":
    have: "dict[tuple[int, int, bytes, int, int], dict[Any, Any]]" = {}
    leftover = []
    for route in snapshot.own_routes:
        place = place_of(route)
        if place in have or place not in desired.routes or (route["table"] == MAIN_TABLE and not hops_of(route)):
            leftover.append(Operation("route del", route))
        else:
            have[place] = route
    on_link: "list[Operation]" = []
    by_gateway: "list[Operation]" = []
    for place, route in desired.routes.items():
        old = have.get(place)
        if old is not None and encode_route(old) == encode_route(route):
            continue
        chosen = by_gateway if any(gateway_of(hop) for hop in hops_of(route)) else on_link
        if route["table"] != MAIN_TABLE:
            chosen.append(Operation("route replace", route))
            continue
        # other programs' routes are there too, and a replacement might take the place of one of those
        if old is not None:
            chosen.append(Operation("route del", old))
        chosen.append(Operation("route prepend", route))
    return on_link, by_gateway, leftover
