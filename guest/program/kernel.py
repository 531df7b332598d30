"""What the kernel has: links, addresses, rules and routes, read from its messages and written as its messages.

Two routes or rules are the same if their `key` is. It holds what was configured, without what the kernel adds of its own:
ages, whether a link is down, defaults that it names.
"""

import posix

from . import netlink
from .netlink import attribute, attributes, number
from .numbers import MAIN_TABLE, PROTOCOL, is_own_priority, is_own_table

# struct ifinfomsg and its attributes
ETHERNET = 1
UP = 1
_LINK_ADDRESS, _LINK_NAME, _LINK_MTU, _LINK_LOWER, _LINK_MASTER, _LINK_AF_SPEC, _LINK_GROUP = 1, 3, 4, 5, 10, 26, 27
_LINK_EXT_MASK, _LINK_LOWER_NAMESPACE = 29, 37
_SKIP_STATISTICS = 8
_CONF, _CONF6 = 1, 2
_DISABLE_IPV6, _NDISC_NOTIFY = 26, 29

CONF_NUMBERS = {"rp_filter": 8, "arp_announce": 18, "arp_ignore": 19, "arp_notify": 22}
"""Settings of IPv4 on a link that the kernel takes by message, by their name in /proc/sys/net/ipv4/conf (linux/ip.h)."""

# struct ifaddrmsg and its attributes
_ADDRESS, _LOCAL = 1, 2
_NO_DUPLICATE_DETECTION = 2

# struct rtmsg and its attributes
UNICAST = 1
_CLONED = 0x200
_ONLINK = 4
_TO, _OUT, _GATEWAY, _METRIC, _MULTIPATH, _CACHE, _TABLE, _VIA = 1, 4, 5, 6, 9, 12, 15, 18
_PREFERENCE, _EXPIRES, _NEXT_HOP_ID = 20, 23, 30

# struct fib_rule_hdr and its attributes
_TO_TABLE, _UNREACHABLE = 1, 7
_SOURCE, _IN, _PRIORITY, _MARK, _GROUP, _PREFIX = 2, 3, 6, 10, 13, 14
_RULE_TABLE, _MASK, _OUT_RULE, _PAD, _PROTOCOL = 15, 16, 17, 18, 21
_NOTHING = 0xFFFFFFFF
_COMPATIBLE = 252
PROTOCOL_KERNEL = 2


class Link:
    """An interface.

    Attributes:
        index: The kernel's number of it.
        name: Its name; may hold anything but `/` and spaces.
        mac: Its MAC address as text; empty unless it is an Ethernet one.
        up: Whether it is administratively up.
        mtu: In bytes.
        group: Its link group.
        master: Index of the bridge or bond that it is part of, or 0.
        lower: Index of the link in this namespace that it sits on, as a VLAN does, or 0.
        settings: Values of IPv4 settings by name; empty where IPv4 is off.
        ipv6: Whether IPv6 is switched on.
        ndisc_notify: That IPv6 setting, or None.
    """

    __slots__ = ("group", "index", "ipv6", "lower", "mac", "master", "mtu", "name", "ndisc_notify", "settings", "up")

    def __init__(self, index: int, name: str, mac: str = "", up: bool = True, mtu: int = 1500, group: int = 0) -> None:
        self.index = index
        self.name = name
        self.mac = mac
        self.up = up
        self.mtu = mtu
        self.group = group
        self.master = 0
        self.lower = 0
        self.settings: "dict[str, int]" = {}
        self.ipv6 = True
        self.ndisc_notify: "int | None" = None

    def can_have(self, version: int) -> bool:
        """Return whether IPv6 is on, if that is asked for: where a sysctl has switched it off, the kernel refuses all of it."""
        return version == 4 or self.ipv6


class Address:
    """An address on an interface, of global scope.

    Attributes:
        index: Of the interface.
        packed: The address.
        length: Of its prefix.
    """

    __slots__ = ("index", "length", "packed")

    def __init__(self, index: int, packed: bytes, length: int) -> None:
        self.index = index
        self.packed = packed
        self.length = length


class Rule:
    """A routing rule.

    Attributes:
        version: 4 or 6.
        priority: Lower ones come first.
        table: The table that is looked up; 0 for an unreachable rule.
        source: Address and prefix length, or None for all.
        incoming: Name of the interface that packets come in by, or empty; `lo` means packets of this machine.
        outgoing: Name of the interface that sockets are bound to, or empty.
        mark: Firewall mark, or 0.
        suppress_default: Whether a default route that is found does not count.
        suppress_group: The link group by whose interfaces a route that is found does not count, or None.
        unreachable: Whether it lets nothing out.
        protocol: Who made it.
        body: Its message.
        key: Equal for equal rules.
    """

    __slots__ = (
        "body",
        "incoming",
        "key",
        "mark",
        "outgoing",
        "priority",
        "protocol",
        "source",
        "suppress_default",
        "suppress_group",
        "table",
        "unreachable",
        "version",
    )

    def __init__(
        self,
        version: int,
        priority: int,
        table: int = 0,
        source: "tuple[bytes, int] | None" = None,
        *,
        incoming: str = "",
        outgoing: str = "",
        mark: int = 0,
        suppress_default: bool = False,
        suppress_group: "int | None" = None,
    ) -> None:
        action, protocol = (_TO_TABLE, PROTOCOL) if table else (_UNREACHABLE, PROTOCOL_KERNEL)
        told = {_PRIORITY: number(priority), _PROTOCOL: bytes([protocol])}
        if table:
            told[_RULE_TABLE] = number(table)
        if source is not None:
            told[_SOURCE] = source[0]
        if incoming:
            told[_IN] = netlink.name(incoming)
        if outgoing:
            told[_OUT_RULE] = netlink.name(outgoing)
        if mark:
            told[_MARK] = number(mark)
            told[_MASK] = number(_NOTHING)
        if suppress_default:
            told[_PREFIX] = number(0)
        if suppress_group is not None:
            told[_GROUP] = number(suppress_group)
        length = 0 if source is None else source[1]
        self._set(netlink.FAMILY[version], 0, length, 0, table if table < 256 else 0, action, told)

    def _set(self, family: int, to: int, length: int, tos: int, table: int, action: int, told: "dict[int, bytes]") -> None:
        self.body = netlink.RULE.pack(family, to, length, tos, table, action, 0) + b"".join(
            [attribute(kind, value) for kind, value in sorted(told.items())]
        )
        self.key = self.body
        self.version = netlink.VERSION.get(family, 0)
        self.priority = number_of(told.get(_PRIORITY))
        self.table = number_of(told.get(_RULE_TABLE)) or table
        self.unreachable = action == _UNREACHABLE
        self.protocol = told.get(_PROTOCOL, b"\0")[0]
        self.source = (told[_SOURCE], length) if _SOURCE in told else None
        self.incoming = _text(told.get(_IN))
        self.outgoing = _text(told.get(_OUT_RULE))
        self.mark = number_of(told.get(_MARK))
        self.suppress_default = told.get(_PREFIX) == number(0)
        self.suppress_group = number_of(told[_GROUP]) if _GROUP in told else None

    @classmethod
    def read(cls, body: bytes) -> "Rule":
        """Return the rule of a message, without what the kernel adds."""
        family, to, length, tos, table, action, _ = netlink.RULE.unpack_from(body)
        told = attributes(body, netlink.RULE.size)
        told.pop(_PAD, None)
        if told.get(_RULE_TABLE) == number(0):
            del told[_RULE_TABLE]
        if told.get(_PREFIX) == number(_NOTHING):
            del told[_PREFIX]
        told.setdefault(_PRIORITY, number(0))
        rule = cls.__new__(cls)
        rule._set(family, to, length, tos, table if table != _COMPATIBLE else 0, action, told)
        return rule

    @property
    def own(self) -> bool:
        """Whether it is ours: by its priority and either its protocol or the table that it leads to."""
        return is_own_priority(self.priority) and (
            self.protocol == PROTOCOL or (self.unreachable and self.protocol == PROTOCOL_KERNEL) or is_own_table(self.table)
        )


def number_of(value: "bytes | None") -> int:
    """Return a 32 bit number as the kernel writes it; 0 for none."""
    return netlink.NUMBER.unpack(value)[0] if value is not None and len(value) == 4 else 0


def _text(value: "bytes | None") -> str:
    return "" if value is None else value.rstrip(b"\0").decode("utf-8", "surrogateescape")


class Hop:
    """One way of a route.

    Attributes:
        index: Of the interface.
        onlink: Whether the gateway is taken for reachable although no address of the interface says so.
        told: The gateway's attribute and all others that belong to this hop, by type.
    """

    __slots__ = ("index", "onlink", "told")

    def __init__(self, index: int, told: "dict[int, bytes]", onlink: bool = False) -> None:
        self.index = index
        self.told = told
        self.onlink = onlink

    @property
    def has_gateway(self) -> bool:
        """Whether a router forwards."""
        return _GATEWAY in self.told or _VIA in self.told


class Route:
    """A route.

    Attributes:
        version: 4 or 6.
        table: That it is in.
        to: Network and prefix length.
        metric: Lower ones win.
        protocol: Who made it.
        kind: UNICAST, or what else the kernel does with such packets.
        hops: Its ways; none for a blackhole and the like.
        body: Its message.
        key: Equal for equal routes.
    """

    __slots__ = ("body", "hops", "key", "kind", "metric", "protocol", "rest", "scope", "table", "to", "tos", "version")

    def __init__(
        self,
        version: int,
        table: int,
        to: "tuple[bytes, int]",
        hops: "list[Hop]",
        metric: int = 0,
        *,
        protocol: int = PROTOCOL,
        kind: int = UNICAST,
        scope: int = 0,
        tos: int = 0,
        rest: "dict[int, bytes] | None" = None,
    ) -> None:
        self.version = version
        self.table = table
        self.to = to
        self.metric = metric
        self.protocol = protocol
        self.kind = kind
        self.scope = scope
        self.tos = tos
        self.hops = hops
        self.rest = {} if rest is None else rest
        told = dict(self.rest)
        told[_TABLE] = number(table)
        if metric:
            told[_METRIC] = number(metric)
        if to[1]:
            told[_TO] = to[0]
        flags = 0
        if len(hops) == 1:
            told.update(hops[0].told)
            told[_OUT] = number(hops[0].index)
            flags = _ONLINK if hops[0].onlink else 0
        elif hops:
            told[_MULTIPATH] = b"".join([_multipath_part(hop) for hop in hops])
        self.body = netlink.ROUTE.pack(
            netlink.FAMILY[version], to[1], 0, tos, table if table < 256 else 0, protocol, scope, kind, flags
        ) + b"".join([attribute(number_of, value) for number_of, value in sorted(told.items())])
        self.key = self.body

    @classmethod
    def read(cls, body: bytes, told: "dict[int, bytes]") -> "Route":
        """Return the route of a message, without what the kernel adds."""
        family, length, _, tos, table, protocol, scope, kind, flags = netlink.ROUTE.unpack_from(body)
        version = netlink.VERSION[family]
        rest = dict(told)
        table = number_of(rest.pop(_TABLE, None)) or table
        metric = number_of(rest.pop(_METRIC, None))
        to = (rest.pop(_TO, bytes(4 if version == 4 else 16)), length)
        for kind_of in (_CACHE, _EXPIRES, _NEXT_HOP_ID):
            rest.pop(kind_of, None)
        if rest.get(_PREFERENCE) == b"\0":
            del rest[_PREFERENCE]
        several = rest.pop(_MULTIPATH, None)
        hops = []
        if several is not None:
            hops = _read_multipath(several)
        elif _OUT in rest:
            index = number_of(rest.pop(_OUT))
            of_hop = {number_of: rest.pop(number_of) for number_of in (_GATEWAY, _VIA) if number_of in rest}
            hops = [Hop(index, of_hop, bool(flags & _ONLINK))]
        return cls(
            version, table, to, hops, metric, protocol=protocol, kind=kind, scope=scope, tos=tos, rest=rest
        )

    def by(self, hop: Hop, table: int) -> "Route":
        """Return the same route as ours, in another table and by one of its hops."""
        return self.copy(hop, table, self.metric)

    def copy(self, hop: Hop, table: int, metric: int) -> "Route":
        """Return the same route as ours, in another table, by one of its hops and with another metric."""
        return Route(
            self.version, table, self.to, [hop], metric, kind=self.kind, scope=self.scope, tos=self.tos, rest=self.rest
        )

    @property
    def place(self) -> "tuple[int, int, bytes, int, int]":
        """Version, table, network and metric: where the kernel has room for one route."""
        return self.version, self.table, self.to[0], self.to[1], self.metric

    @property
    def is_default(self) -> bool:
        """Whether it leads everywhere."""
        return self.to[1] == 0

    @property
    def has_gateway(self) -> bool:
        """Whether a router forwards."""
        return any(hop.has_gateway for hop in self.hops)

    @property
    def own(self) -> bool:
        """Whether it is ours: in one of our tables, or in main with our protocol."""
        return is_own_table(self.table) or (self.table == MAIN_TABLE and self.protocol == PROTOCOL)


def gateway_hop(index: int, gateway: bytes) -> Hop:
    """Return the way by a router."""
    return Hop(index, {_GATEWAY: gateway})


def gateway_of(hop: Hop) -> "bytes | None":
    """Return the router's address; RTA_VIA has the address family before it."""
    if _GATEWAY in hop.told:
        return hop.told[_GATEWAY]
    return hop.told[_VIA][2:] if _VIA in hop.told else None


def other_family(hop: Hop) -> bool:
    """Return whether the router is of the other IP version than the route."""
    return _VIA in hop.told


def _multipath_part(hop: Hop) -> bytes:
    told = b"".join([attribute(kind, value) for kind, value in sorted(hop.told.items())])
    return netlink.NEXT_HOP.pack(8 + len(told), _ONLINK if hop.onlink else 0, 0, hop.index) + told


def _read_multipath(value: bytes) -> "list[Hop]":
    hops = []
    start = 0
    while start + 8 <= len(value):
        length, flags, _, index = netlink.NEXT_HOP.unpack_from(value, start)
        if length < 8 or start + length > len(value):
            raise netlink.Unreadable("a hop is longer than its route")
        hops.append(Hop(index, attributes(value[start : start + length], 8), bool(flags & _ONLINK)))
        start += (length + 3) & ~3
    return hops


class Snapshot:
    """All of the kernel that policy routing depends on.

    Attributes:
        links: By index.
        addresses: In the kernel's order.
        rules: Ours, those of an earlier version of the plan included.
        own_routes: Those in our tables, and ours in main.
        main_messages: Messages of the unicast routes of others in main, by the index of each interface that they use.
        hardware: Indexes of the Ethernet links that are devices, as NICs are and bridges are not.
    """

    def __init__(self) -> None:
        self.links: "dict[int, Link]" = {}
        self.addresses: "list[Address]" = []
        self.rules: "list[Rule]" = []
        self.own_routes: "list[Route]" = []
        self.main_messages: "dict[int, list[bytes]]" = {}
        self.hardware: "set[int]" = set()

    def live(self, index: int, version: int) -> "list[tuple[bytes, int]]":
        """Return the addresses of an interface with their prefix lengths."""
        size = 4 if version == 4 else 16
        return [(each.packed, each.length) for each in self.addresses if each.index == index and len(each.packed) == size]

    def main_routes(self, index: int) -> "list[tuple[Route, Hop]]":
        """Return the unicast routes of others in main by an interface, each with its hop there."""
        found = []
        for body in self.main_messages.get(index, ()):
            route = Route.read(body, attributes(body, netlink.ROUTE.size))
            found += [(route, hop) for hop in route.hops if hop.index == index]
        return found


LINKS, ADDRESSES, ROUTES, RULES = "links", "addresses", "routes", "rules"
EVERYTHING = frozenset((LINKS, ADDRESSES, ROUTES, RULES))


def has_ipv6() -> bool:
    """Return whether the kernel does IPv6 at all."""
    return _exists("/proc/net/if_inet6")


def refresh(snapshot: Snapshot, connection: netlink.Connection, parts: "frozenset[str]", versions: "tuple[int, ...]") -> None:
    """Read parts of a snapshot anew.

    Raises:
        Unreadable: The kernel did not give a whole answer.
    """
    if LINKS in parts:
        body = netlink.LINK.pack(0, 0, 0, 0, 0) + attribute(_LINK_EXT_MASK, number(_SKIP_STATISTICS))
        links = [read_link(each) for each in connection.dump(netlink.GET_LINK, body)]
        snapshot.links = {link.index: link for link in links}
        snapshot.hardware = {link.index for link in links if is_hardware(link)}
    if ADDRESSES in parts:
        dumped = connection.dump(netlink.GET_ADDRESS, netlink.ADDRESS.pack(0, 0, 0, 0, 0))
        snapshot.addresses = [address for address in map(read_address, dumped) if address is not None]
    if RULES in parts:
        snapshot.rules = [
            rule
            for version in versions
            for rule in map(
                Rule.read, connection.dump(netlink.GET_RULE, netlink.RULE.pack(netlink.FAMILY[version], 0, 0, 0, 0, 0, 0))
            )
            if rule.own
        ]
    if ROUTES in parts:
        snapshot.own_routes, snapshot.main_messages = [], {}
        for version in versions:
            body = netlink.ROUTE.pack(netlink.FAMILY[version], 0, 0, 0, 0, 0, 0, 0, 0)
            for each in connection.dump(netlink.GET_ROUTE, body):
                take_route(snapshot, each)


def read_link(body: bytes) -> Link:
    """Return the interface of a message."""
    _, hardware, index, flags, _ = netlink.LINK.unpack_from(body)
    told = attributes(body, netlink.LINK.size)
    address = told.get(_LINK_ADDRESS, b"")
    mac = ":".join(["%02x" % octet for octet in address]) if hardware == ETHERNET and len(address) == 6 else ""
    name = told.get(_LINK_NAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")
    link = Link(index, name, mac, bool(flags & UP), number_of(told.get(_LINK_MTU)), number_of(told.get(_LINK_GROUP)))
    link.master = number_of(told.get(_LINK_MASTER))
    # one end of a veth pair names the other; where that is in another namespace, it is none of ours
    link.lower = 0 if _LINK_LOWER_NAMESPACE in told else number_of(told.get(_LINK_LOWER))
    families = attributes(told.get(_LINK_AF_SPEC, b""), 0)
    conf = attributes(families.get(netlink.INET, b""), 0).get(_CONF, b"")
    for setting, position in CONF_NUMBERS.items():
        if len(conf) >= 4 * position:
            link.settings[setting] = number_of(conf[4 * position - 4 : 4 * position])
    conf = attributes(families.get(netlink.INET6, b""), 0).get(_CONF6, b"")
    if len(conf) >= 4 * _NDISC_NOTIFY + 4:
        link.ipv6 = not number_of(conf[4 * _DISABLE_IPV6 : 4 * _DISABLE_IPV6 + 4])
        link.ndisc_notify = number_of(conf[4 * _NDISC_NOTIFY : 4 * _NDISC_NOTIFY + 4])
    return link


def read_address(body: bytes) -> "Address | None":
    """Return the address of a message; None if it is of one link or host only, or leads to a peer."""
    family, length, _, scope, index = netlink.ADDRESS.unpack_from(body)
    if scope or family not in netlink.VERSION:
        return None
    told = attributes(body, netlink.ADDRESS.size)
    packed = told.get(_ADDRESS)
    if packed is None or told.get(_LOCAL, packed) != packed:
        return None
    return Address(index, packed, length)


def take_route(snapshot: Snapshot, body: bytes) -> None:
    """Put the route of a message where it belongs, if it is any of our business; with 60,000 foreign ones this must be fast."""
    table, flags = body[4], body[8:12]
    # the kernel puts the table first; one of more than 8 bits is 0 or 252 in the header
    if len(body) >= 20 and body[14] == _TABLE and body[15] == 0:
        table = netlink.NUMBER.unpack_from(body, 16)[0]
    if (table != MAIN_TABLE and not is_own_table(table)) or netlink.NUMBER.unpack(flags)[0] & _CLONED:
        return
    told = attributes(body, netlink.ROUTE.size)
    if table != MAIN_TABLE or body[5] == PROTOCOL:
        snapshot.own_routes.append(Route.read(body, told))
    elif body[7] == UNICAST:
        if _MULTIPATH in told:
            indexes = {hop.index for hop in _read_multipath(told[_MULTIPATH])}
        else:
            indexes = {number_of(told.get(_OUT))}
        for index in indexes:
            snapshot.main_messages.setdefault(index, []).append(body)


def concerns(body: bytes, indexes: "set[int]") -> bool:
    """Return whether the route of an event is one of our tables, or of main and by one of these interfaces."""
    told = attributes(body, netlink.ROUTE.size)
    table = number_of(told.get(_TABLE)) or body[4]
    if is_own_table(table):
        return True
    if table != MAIN_TABLE:
        return False
    if _OUT in told:
        return number_of(told[_OUT]) in indexes
    return _MULTIPATH in told or _NEXT_HOP_ID in told


def link_request(index: int, *, up: "bool | None" = None, told: "dict[int, bytes] | None" = None) -> bytes:
    """Return the message that changes an interface."""
    flags, mask = (0, 0) if up is None else (UP if up else 0, UP)
    return netlink.LINK.pack(0, 0, index, flags, mask) + b"".join(
        [attribute(kind, value) for kind, value in (told or {}).items()]
    )


def group_request(index: int, group: int) -> bytes:
    """Return the message that sets a link group."""
    return link_request(index, told={_LINK_GROUP: number(group)})


def mtu_request(index: int, mtu: int) -> bytes:
    """Return the message that sets an MTU."""
    return link_request(index, told={_LINK_MTU: number(mtu)})


def mac_request(index: int, mac: str) -> bytes:
    """Return the message that sets a MAC address."""
    return link_request(index, told={_LINK_ADDRESS: bytes.fromhex(mac.replace(":", ""))})


def setting_request(index: int, setting: str, value: int) -> bytes:
    """Return the message that sets what /proc/sys/net/ipv4/conf has too, so that /proc/sys may be read-only."""
    conf = attribute(_CONF, attribute(CONF_NUMBERS[setting], number(value)))
    return link_request(index, told={_LINK_AF_SPEC: attribute(netlink.INET, conf)})


def address_request(address: Address) -> bytes:
    """Return the message that adds or deletes an address; Neutron has seen to it that nobody else has it."""
    family = netlink.INET if len(address.packed) == 4 else netlink.INET6
    flags = 0 if len(address.packed) == 4 else _NO_DUPLICATE_DETECTION
    return netlink.ADDRESS.pack(family, address.length, flags, 0, address.index) + b"".join(
        [attribute(kind, address.packed) for kind in (_LOCAL, _ADDRESS)]
    )


def is_hardware(link: Link) -> bool:
    """Return whether an Ethernet link is a device, as NICs are and bridges are not."""
    return bool(link.mac) and "/" not in link.name and _exists(f"/sys/class/net/{link.name}/device")


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except (OSError, ValueError):
        return False
    return True
