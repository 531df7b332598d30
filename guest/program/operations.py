"""The difference between what is and what should be, as requests to the kernel. `operations` is a pure function.

The order is safe after every step: at no moment does an address leave by a port that is not its own, if it did not before.
First rules that let nothing out stand, then routes come, then stale rules go, and only then are the rules added that let
packets pass. Gateways come after the routes that they are reached by. What is put back comes last.
"""

from . import kernel, netlink
from .desired import NDISC_NOTIFY, Desired, setting_of
from .kernel import Address, Link, Route, Rule, Snapshot
from .netlink import CREATE, EXCLUSIVE, REPLACE
from .numbers import MAIN_TABLE

_NO_SUCH_FILE, _NO_SUCH_PROCESS, _EXISTS, _NOT_AVAILABLE = 2, 3, 17, 99


class Setting:
    """A value that an interface must have.

    Attributes:
        link: The interface.
        name: `group`, `mtu`, `up`, `address` (its MAC address, set anew to announce its IP addresses) or a path below
            /proc/sys/net with DEV for the interface.
        value: What it must be.
        was: What it is now.
    """

    __slots__ = ("link", "name", "value", "was")

    def __init__(self, link: Link, name: str, value: "int | str", was: "int | str | None") -> None:
        self.link = link
        self.name = name
        self.value = value
        self.was = was

    @property
    def path(self) -> str:
        """Below /proc/sys/net."""
        return self.name.replace("DEV", self.link.name)


class Operation:
    """One request.

    Attributes:
        verb: What is done, in iproute2's words, like `rule add`.
        subject: With what.
        kind, flags, body: The message; kind 0 stands for a file in /proc/sys that no message reaches.
        harmless: The error number that means that somebody else has done it already, or 0.
    """

    __slots__ = ("body", "flags", "harmless", "kind", "subject", "verb")

    def __init__(
        self, verb: str, subject: "Rule | Route | Address | Setting", kind: int, flags: int, body: bytes, harmless: int = 0
    ) -> None:
        self.verb = verb
        self.subject = subject
        self.kind = kind
        self.flags = flags
        self.body = body
        self.harmless = harmless


def operations(snapshot: Snapshot, desired: Desired) -> "list[Operation]":
    """Return what has to be done, in its order; nothing if all is as it should be."""
    have = {rule.key for rule in snapshot.rules}
    keep = {rule.key for rule in desired.fences} | {rule.key for rule in desired.rules}
    on_link, by_gateway, leftover = _routes(snapshot, desired)
    found = _settings(snapshot, desired.settings, by_file_system=True)
    found += [_add_rule(rule) for rule in _once(desired.fences) if rule.key not in have]
    found += _settings(snapshot, desired.settings, by_file_system=False)
    found += [
        Operation("addr add", each, netlink.NEW_ADDRESS, CREATE | EXCLUSIVE, kernel.address_request(each), _EXISTS)
        for each in desired.addresses
    ]
    found += on_link + by_gateway
    found += [
        Operation("addr del", each, netlink.DELETE_ADDRESS, 0, kernel.address_request(each), _NOT_AVAILABLE)
        for each in desired.unwanted_addresses
    ]
    found += [
        Operation("rule del", rule, netlink.DELETE_RULE, 0, rule.body, _NO_SUCH_FILE)
        for rule in snapshot.rules
        if rule.key not in keep
    ]
    found += [_add_rule(rule) for rule in _once(desired.rules) if rule.key not in have]
    found += leftover
    found += [_announcement(snapshot.links[index]) for index in sorted(desired.announced) if index in snapshot.links]
    found += _settings(snapshot, desired.restored, by_file_system=True)
    found += _settings(snapshot, desired.restored, by_file_system=False)
    return found


def _once(rules: "list[Rule]") -> "list[Rule]":
    return list({rule.key: rule for rule in rules}.values())


def _add_rule(rule: Rule) -> Operation:
    return Operation("rule add", rule, netlink.NEW_RULE, CREATE | EXCLUSIVE, rule.body, _EXISTS)


def _delete_route(route: Route) -> Operation:
    return Operation("route del", route, netlink.DELETE_ROUTE, 0, route.body, _NO_SUCH_PROCESS)


def _routes(snapshot: Snapshot, desired: Desired) -> "tuple[list[Operation], list[Operation], list[Operation]]":
    have: "dict[tuple[int, int, bytes, int, int], Route]" = {}
    leftover = []
    for route in snapshot.own_routes:
        if route.place in have or (route.place not in desired.routes) or (route.table == MAIN_TABLE and not route.hops):
            leftover.append(_delete_route(route))
        else:
            have[route.place] = route
    on_link: "list[Operation]" = []
    by_gateway: "list[Operation]" = []
    for place, route in desired.routes.items():
        old = have.get(place)
        if old is not None and old.key == route.key:
            continue
        chosen = by_gateway if route.has_gateway else on_link
        if route.table != MAIN_TABLE:
            chosen.append(Operation("route replace", route, netlink.NEW_ROUTE, CREATE | REPLACE, route.body))
            continue
        # other programs' routes are there too, and a replacement might take the place of one of those
        if old is not None:
            chosen.append(_delete_route(old))
        chosen.append(Operation("route prepend", route, netlink.NEW_ROUTE, CREATE, route.body, _EXISTS))
    return on_link, by_gateway, leftover


def _settings(snapshot: Snapshot, values: "dict[tuple[int, str], int]", *, by_file_system: bool) -> "list[Operation]":
    """Those of /proc/sys, or the links' own; an interface's MTU comes before it goes up."""
    found = []
    for (index, name), value in sorted(values.items()):
        link = snapshot.links.get(index)
        if link is None or ("/" in name) != by_file_system:
            continue
        setting = Setting(link, name, value, setting_of(link, name))
        if name == NDISC_NOTIFY:
            found.append(Operation("sysctl", setting, 0, 0, b""))
        elif by_file_system:
            body = kernel.setting_request(index, name.rpartition("/")[2], value)
            found.append(Operation("sysctl", setting, netlink.SET_LINK, 0, body))
        elif name == "up":
            found.append(Operation("link set", setting, netlink.SET_LINK, 0, kernel.link_request(index, up=bool(value))))
        elif name == "mtu":
            found.append(Operation("link set", setting, netlink.SET_LINK, 0, kernel.mtu_request(index, value)))
        else:
            found.append(Operation("link set", setting, netlink.SET_LINK, 0, kernel.group_request(index, value)))
    return found


def _announcement(link: Link) -> Operation:
    setting = Setting(link, "address", link.mac, link.mac)
    return Operation("link set", setting, netlink.SET_LINK, 0, kernel.mac_request(link.index, link.mac))
