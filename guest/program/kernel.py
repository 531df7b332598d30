"""Links, addresses, rules and routes: the wire format of each as a table, and a snapshot of what the kernel has of them.

A message is a dict of its named values; an attribute without a name stays in it as bytes under its number, so that a copied
route keeps what nobody here understands. Numbers and structs are those of linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h,
linux/fib_rules.h and linux/ip.h.
"""

import posix
from struct import Struct

from . import netlink
from .netlink import NUMBER, Connection, Unreadable, attribute, attributes
from .numbers import MAIN_TABLE, PRIORITIES_PER_SLOT, PRIORITY_BEHIND, PROTOCOL, is_own_table, priority_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import Any

INET, INET6 = 2, 10
FAMILY = {4: INET, 6: INET6}
VERSION = {INET: 4, INET6: 6}
UP = 1
UNICAST = 1
ONLINK = 4
TO_TABLE, UNREACHABLE = 1, 7
PROTOCOL_KERNEL = 2
_ETHERNET = 1
_CLONED = 0x200
_NOTHING = 0xFFFFFFFF
_NO_DUPLICATE_DETECTION = 2
_SKIP_STATISTICS = NUMBER.pack(8)


class Layout:
    """The wire format of a kind of message.

    Attributes:
        head: The struct that it begins with.
        fields: Names of its fields.
        names: Name and type of each attribute, by number: `n`umber, `b`yte, `t`ext, `r`aw.
    """

    def __init__(self, head: str, fields: str, names: "dict[int, str]") -> None:
        self.head = Struct(head)
        self.fields = fields.split()
        self.names = {number: (name[2:], name[0]) for number, name in names.items()}
        self.numbers = {name: (number, kind) for number, (name, kind) in self.names.items()}

    def decode(self, body: bytes) -> "dict[Any, Any]":
        """Return the values of a message."""
        values: "dict[Any, Any]" = dict(zip(self.fields, self.head.unpack_from(body)))
        for number, value in attributes(body, self.head.size).items():
            name, kind = self.names.get(number, (number, "r"))
            if kind == "n":
                values[name] = NUMBER.unpack_from(value)[0]
            elif kind == "b":
                values[name] = value[0]
            elif kind == "t":
                values[name] = value.rstrip(b"\0").decode("utf-8", "surrogateescape")
            else:
                values[name] = value
        return values

    def encode(self, values: "dict[Any, Any]") -> bytes:
        """Return the message; the same values always give the same bytes."""
        found = []
        for name, value in values.items():
            if name in self.fields:
                continue
            number, kind = self.numbers.get(name, (name, "r"))
            if kind == "n":
                found.append((number, NUMBER.pack(value)))
            elif kind == "b":
                found.append((number, bytes([value])))
            else:
                found.append((number, value if kind == "r" else value.encode("utf-8", "surrogateescape") + b"\0"))
        head = self.head.pack(*[values.get(field, 0) for field in self.fields])
        return head + b"".join([attribute(number, value) for number, value in sorted(found)])


LINK = Layout(
    "=BxHiII",
    "family hardware index flags mask",
    {
        1: "r mac",
        3: "t name",
        4: "n mtu",
        5: "n lower",
        10: "n master",
        26: "r settings",
        27: "n group",
        29: "r extended",
        37: "r lower_namespace",
    },
)
ADDRESS = Layout("=BBBBI", "family length flags scope index", {1: "r address", 2: "r local"})
RULE = Layout(
    "=BBBBBxxBI",
    "family to_length length tos small_table action flags",
    {
        2: "r source",
        3: "t iif",
        6: "n priority",
        10: "n fwmark",
        13: "n suppress_ifgroup",
        14: "n suppress_prefixlength",
        15: "n table",
        16: "n fwmask",
        17: "t oif",
        18: "r padding",
        21: "b protocol",
    },
)
ROUTE = Layout(
    "=BBBBBBBBI",
    "family length source_length tos small_table protocol scope type flags",
    {
        1: "r to",
        4: "n index",
        5: "r gateway",
        6: "n metric",
        7: "r source",
        8: "r metrics",
        9: "r hops",
        12: "r cache",
        15: "n table",
        18: "r via",
        20: "b preference",
        23: "r expires",
        30: "r next_hop_id",
    },
)
HOP = Layout("=HBBi", "size flags weight index", {5: "r gateway", 18: "r via"})
"""One of several ways of a route, in its attribute `hops`."""

_CONF_NUMBERS = {"rp_filter": 8, "arp_announce": 18, "arp_ignore": 19, "arp_notify": 22}
"""Settings of IPv4 that the kernel takes by message, by their name in /proc/sys/net/ipv4/conf, so that this may be read-only."""
_DISABLE_IPV6, _NDISC_NOTIFY = 26, 29


class Link:
    """An interface; `settings` are the values in /proc/sys/net by path, `lower` what a VLAN sits on."""

    def __init__(  # noqa: PLR0917 - these are what an interface is
        self, index: int, name: str, mac: str = "", up: bool = True, mtu: int = 1500, group: int = 0
    ) -> None:
        self.index = index
        self.name = name
        self.mac = mac
        self.up = up
        self.mtu = mtu
        self.group = group
        self.master = self.lower = 0
        self.settings: "dict[str, int]" = {}
        self.ipv6 = True

    def setting(self, name: str) -> "int | None":
        """Return `group`, `mtu` or a value in /proc/sys/net; None where there is none, as without IPv6."""
        return {"group": self.group, "mtu": self.mtu}.get(name, self.settings.get(name))


def rule(
    version: int, priority: int, table: int = 0, source: "tuple[bytes, int] | None" = None, **more: "Any"
) -> "dict[Any, Any]":
    """Return a rule of ours. Without a table it is unreachable, and of protocol kernel, which systemd-networkd never deletes."""
    values = {"family": FAMILY[version], "priority": priority, "protocol": PROTOCOL if table else PROTOCOL_KERNEL}
    values["action"] = TO_TABLE if table else UNREACHABLE
    if table:
        more["table"] = table
    if source:
        more["source"], more["length"] = source
    return {**values, **more}


def read_rule(body: bytes) -> "dict[Any, Any]":
    """Return a rule as it was configured, without what the kernel adds."""
    values = RULE.decode(body)
    values["flags"] = values["small_table"] = 0
    for name, absent in (("table", 0), ("suppress_prefixlength", _NOTHING), ("padding", None)):
        if name in values and (absent is None or values[name] == absent):
            del values[name]
    return {"priority": 0, **values}


def is_own_rule(values: "dict[Any, Any]") -> bool:
    """Return whether a rule is ours: by its priority, and either its protocol or the table that it leads to."""
    protocol = values.get("protocol", 0)
    fence = values["action"] == UNREACHABLE and protocol == PROTOCOL_KERNEL
    return priority_of(1) <= values["priority"] < PRIORITY_BEHIND + PRIORITIES_PER_SLOT and (
        protocol == PROTOCOL or fence or is_own_table(values.get("table", 0))
    )


def read_route(body: bytes) -> "dict[Any, Any]":
    """Return a route as it was configured, without what the kernel adds: ages, states, what a next hop object resolves to."""
    values = ROUTE.decode(body)
    values["flags"] &= ONLINK
    values["small_table"] = 0
    for name in ("cache", "expires", "next_hop_id"):
        values.pop(name, None)
    if values.get("preference") == 0:
        del values["preference"]
    values.setdefault("metric", 0)
    values.setdefault("to", bytes(4 if values["family"] == INET else 16))
    return values


def hops_of(route: "dict[Any, Any]") -> "list[dict[Any, Any]]":
    """Return the ways of a route: interface, gateway and all else that belongs to a single one; none for a blackhole."""
    if "hops" not in route:
        return [{name: route[name] for name in ("index", "flags", "gateway", "via") if name in route}] if "index" in route else []
    found = []
    data = route["hops"]
    while len(data) >= HOP.head.size:
        size = HOP.head.unpack_from(data)[0]
        if not HOP.head.size <= size <= len(data):
            raise Unreadable("a hop is longer than its route")
        values = HOP.decode(data[:size])
        found.append(
            {**{name: values[name] for name in values if name not in ("size", "weight")}, "flags": values["flags"] & ONLINK}
        )
        data = data[(size + 3) & ~3 :]
    return found


def own_copy(route: "dict[Any, Any]", hop: "dict[Any, Any]", table: int, metric: int) -> "dict[Any, Any]":
    """Return a route of ours like another one, by one of its hops."""
    kept = {name: value for name, value in route.items() if name not in ("hops", "gateway", "via")}
    return {**kept, **hop, "table": table, "metric": metric, "protocol": PROTOCOL}


def encode_route(route: "dict[Any, Any]") -> bytes:
    """Return the message of a route; the kernel wants nothing where nothing is meant."""
    return ROUTE.encode(
        {name: route[name] for name in route if (name != "metric" or route[name]) and (name != "to" or route["length"])}
    )


def gateway_of(hop: "dict[Any, Any]") -> "bytes | None":
    """Return the router's address; `via` has its address family before it."""
    return hop["gateway"] if "gateway" in hop else hop["via"][2:] if "via" in hop else None


def place_of(route: "dict[Any, Any]") -> "tuple[int, int, bytes, int, int]":
    """Return version, table, network, its length and metric: where the kernel has room for one route."""
    return VERSION[route["family"]], route["table"], route["to"], route["length"], route["metric"]


def read_link(body: bytes) -> Link:
    """Return the interface of a message."""
    values = LINK.decode(body)
    mac = values.get("mac", b"")
    link = Link(
        values["index"], values.get("name", ""), "", bool(values["flags"] & UP), values.get("mtu", 0), values.get("group", 0)
    )
    if values["hardware"] == _ETHERNET and len(mac) == 6:
        link.mac = ":".join([f"{octet:02x}" for octet in mac])
    link.master = values.get("master", 0)
    # one end of a veth pair names the other; where that is in another namespace, it is none of ours
    link.lower = 0 if "lower_namespace" in values else values.get("lower", 0)
    families = attributes(values.get("settings", b""))
    conf = attributes(families.get(INET, b"")).get(1, b"")
    for name, position in _CONF_NUMBERS.items():
        if len(conf) >= 4 * position:
            link.settings[f"ipv4/conf/DEV/{name}"] = NUMBER.unpack_from(conf, 4 * position - 4)[0]
    conf = attributes(families.get(INET6, b"")).get(2, b"")
    if len(conf) >= 4 * _NDISC_NOTIFY + 4:
        link.settings["ipv6/conf/DEV/ndisc_notify"] = NUMBER.unpack_from(conf, 4 * _NDISC_NOTIFY)[0]
        link.ipv6 = not NUMBER.unpack_from(conf, 4 * _DISABLE_IPV6)[0]
    return link


def setting_values(name: str, value: int) -> "dict[Any, Any]":
    """Return the values of a link's message that change what /proc/sys/net/ipv4/conf has too."""
    conf = attribute(1, attribute(_CONF_NUMBERS[name.rpartition("/")[2]], NUMBER.pack(value)))
    return {"settings": attribute(INET, conf)}


def read_address(body: bytes) -> "tuple[int, bytes, int] | None":
    """Return interface, address and prefix length; None if it is of one link or host only, or leads to a peer."""
    values = ADDRESS.decode(body)
    packed = values.get("address")
    if values["scope"] or values["family"] not in VERSION or packed is None or values.get("local", packed) != packed:
        return None
    return values["index"], packed, values["length"]


def address_values(index: int, packed: bytes, length: int) -> "dict[Any, Any]":
    """Return an address to add or delete; Neutron has seen to it that nobody else has it."""
    family, flags = (INET, 0) if len(packed) == 4 else (INET6, _NO_DUPLICATE_DETECTION)
    return {"family": family, "flags": flags, "index": index, "address": packed, "local": packed, "length": length}


class Snapshot:
    """All of the kernel that policy routing depends on.

    Attributes:
        links: By index.
        hardware: Indexes of the Ethernet links that are devices, as NICs are and bridges are not.
        addresses: Interface, address and prefix length.
        rules: Ours, by their message.
        own_routes: Those in our tables, and ours in main.
        main_messages: Other programs' unicast routes in main, by the index of each interface that they use; unread, for there
            may be 60,000.
    """

    def __init__(self) -> None:
        self.links: "dict[int, Link]" = {}
        self.hardware: "set[int]" = set()
        self.addresses: "list[tuple[int, bytes, int]]" = []
        self.rules: "dict[bytes, dict[Any, Any]]" = {}
        self.own_routes: "list[dict[Any, Any]]" = []
        self.main_messages: "dict[int, list[bytes]]" = {}

    def refresh(self, connection: Connection, parts: "frozenset[str]", versions: "tuple[int, ...]") -> None:
        """Read parts anew. Raises Unreadable."""
        if "links" in parts:
            links = [read_link(each) for each in connection.dump(netlink.GET_LINK, LINK.encode({"extended": _SKIP_STATISTICS}))]
            self.links = {link.index: link for link in links}
            self.hardware = {link.index for link in links if is_hardware(link)}
        if "addresses" in parts:
            dumped = [read_address(each) for each in connection.dump(netlink.GET_ADDRESS, ADDRESS.encode({}))]
            self.addresses = [each for each in dumped if each is not None]
        if "rules" in parts:
            bodies = [
                each
                for version in versions
                for each in connection.dump(netlink.GET_RULE, RULE.encode({"family": FAMILY[version]}))
            ]
            self.take_rules(bodies)
        if "routes" in parts:
            self.own_routes, self.main_messages = [], {}
            for version in versions:
                for each in connection.dump(netlink.GET_ROUTE, ROUTE.encode({"family": FAMILY[version]})):
                    self.take_route(each)

    def take_rules(self, bodies: "list[bytes]") -> None:
        """Keep the rules that are ours."""
        self.rules = {RULE.encode(each): each for each in map(read_rule, bodies) if is_own_rule(each)}

    def take_route(self, body: bytes) -> None:
        """Put a route where it belongs, if it is any of our business."""
        table = table_of_message(body)
        if (table != MAIN_TABLE and not is_own_table(table)) or NUMBER.unpack_from(body, 8)[0] & _CLONED:
            return
        if table != MAIN_TABLE or body[5] == PROTOCOL:
            self.own_routes.append(read_route(body))
        elif body[7] == UNICAST:
            for index in indexes_of(body):
                self.main_messages.setdefault(index, []).append(body)

    def main_routes(self, index: int) -> "list[tuple[dict[Any, Any], dict[Any, Any]]]":
        """Return other programs' unicast routes in main by an interface, each with its hop there."""
        routes = [read_route(body) for body in self.main_messages.get(index, ())]
        return [(route, hop) for route in routes for hop in hops_of(route) if hop["index"] == index]


EVERYTHING = frozenset(("links", "addresses", "rules", "routes"))
"""The parts of a snapshot."""


def table_of_message(body: bytes) -> int:
    """Return the table of a route: fast where it is the first attribute, as the kernel writes it; one above 255 is only there."""
    if len(body) >= 20 and body[14:16] in (b"\x0f\0", b"\0\x0f"):
        return int(NUMBER.unpack_from(body, 16)[0])
    return int(ROUTE.decode(body).get("table", body[4]))


def indexes_of(body: bytes) -> "set[int]":
    """Return the interfaces that a route leads to."""
    return {hop["index"] for hop in hops_of(ROUTE.decode(body))}


def is_hardware(link: Link) -> bool:
    """Return whether an Ethernet link is a device, as NICs are and bridges are not."""
    return bool(link.mac) and "/" not in link.name and exists(f"/sys/class/net/{link.name}/device")


def exists(path: str) -> bool:
    """Return whether there is such a file."""
    try:
        posix.stat(path)
    except (OSError, ValueError):
        return False
    return True
