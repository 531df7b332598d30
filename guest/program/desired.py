"""What should be in the kernel. `desired` is a pure function: it reads nothing, writes nothing and asks no clock.

For each address A of the port with slot N, table T and priorities from P on:

    P+0  from A lookup T suppress_prefixlength 0
         the port's own subnets and host routes
    P+1  from A lookup main suppress_prefixlength 0 suppress_ifgroup 21000
         containers and VPNs: whatever main knows beyond its default routes, but not by way of another port
    P+2  from A lookup T
         the port's gateway
    P+3  from A unreachable
         fail closed: a link that goes down takes the routes of T along, but no rules
    P+4  from all oif DEV lookup T
         sockets that are bound to the interface
    P+5  from all iif DEV lookup main suppress_prefixlength 0 suppress_ifgroup 21000
    P+6  from all iif DEV lookup T
         forwarded packets, with the option `forward`
    P+7  from all fwmark T lookup T
         replies of containers, with the option `connmark`

Behind all slots, addresses of the ports' subnets that no slot has rules for yet fail closed too:

    +0   from A iif lo lookup main
         such an address that another interface has, like a virtual one on lo
    +1   from SUBNET iif lo lookup main suppress_prefixlength 0 suppress_ifgroup 21000
    +2   from SUBNET iif lo unreachable

Table T has what main has on the port's interface. In main, the primary port's default route stands once more, with a metric
that wins.
"""

from .addresses import cidr_text, is_link_local, parse_interface, within
from .inputs import Inputs
from .kernel import Address, Hop, Link, Route, Rule, Snapshot, gateway_hop, gateway_of
from .numbers import (
    ADOPTION_SECONDS,
    HOT_ADOPTION_SECONDS,
    LINK_GROUP,
    MAIN_TABLE,
    PIN_METRIC,
    PRIORITY_BEHIND,
    priority_of,
    table_of,
)
from .ports import Port, Ports, find

_V6_METRIC = 1024
"""The kernel gives this metric to an IPv6 route without one."""

# OVN drops ARP that names another port's address, and without arp_announce=2 that is how a gateway is asked for (measured).
_SETTINGS = {"ipv4/conf/DEV/arp_ignore": 1, "ipv4/conf/DEV/arp_announce": 2, "ipv4/conf/DEV/rp_filter": 2}
# With these, a MAC address that is set, be it the same, has all addresses announced.
_ANNOUNCING = {"ipv4/conf/DEV/arp_notify": 1, "ipv6/conf/DEV/ndisc_notify": 1}
NDISC_NOTIFY = "ipv6/conf/DEV/ndisc_notify"


class Moment:
    """What `desired` has to know of the process that asks.

    Attributes:
        verb: `apply`, `watch`, `check` or `down`.
        only: Name of the one interface that is meant, or empty.
        now: Seconds of a clock that never jumps.
        since: When each NIC, by index, or each IP version of it, was first seen without an address.
        by_systemd: Whether systemd runs an apply for all ports: at a boot, so before the distribution, or beside a watch.
        versions: 4, and 6 if the kernel has it.
    """

    def __init__(self, verb: str, only: str = "", now: float = 0.0, by_systemd: bool = False) -> None:
        self.verb = verb
        self.only = only
        self.now = now
        self.by_systemd = by_systemd
        self.since: "dict[tuple[int, int], float]" = {}
        self.versions: "tuple[int, ...]" = (4, 6)


class Desired:
    """What should be.

    Attributes:
        ports: The ports with their interfaces.
        managed: Those that are kept: port by slot.
        gateways: Where each port's default route leads, by slot and IP version.
        settings: Values that an interface must have, by index and name: `group`, `mtu`, `up` or a path below /proc/sys/net.
        restored: The same for what is put back, which comes last.
        addresses: Addresses to add.
        announced: Interfaces whose addresses are announced when they are added.
        unwanted_addresses: Addresses that are ours and that nobody names any more.
        fences: Rules that let nothing out, which come before everything else.
        rules: The other rules.
        routes: By their place.
        saved: What has to be remembered before anything is changed, by index and name.
        dropped: What may be forgotten afterwards.
        pending: Whether something waits for time to pass.
    """

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.managed: "dict[int, Port]" = {}
        self.gateways: "dict[tuple[int, int], bytes]" = {}
        self.settings: "dict[tuple[int, str], int]" = {}
        self.restored: "dict[tuple[int, str], int]" = {}
        self.addresses: "list[Address]" = []
        self.announced: "set[int]" = set()
        self.unwanted_addresses: "list[Address]" = []
        self.fences: "list[Rule]" = []
        self.rules: "list[Rule]" = []
        self.routes: "dict[tuple[int, int, bytes, int, int], Route]" = {}
        self.saved: "dict[tuple[int, str], str]" = {}
        self.dropped: "set[tuple[int, str]]" = set()
        self.pending = False


def desired(
    snapshot: Snapshot,
    inputs: Inputs,
    saved: "dict[tuple[int, str], str]",
    moment: Moment,
    routers: "dict[int, bytes]",
) -> Desired:
    """Return what should be.

    Args:
        snapshot: What the kernel has.
        inputs: What the server was told.
        saved: What was there before us.
        moment: What is asked, and when. Its `since` is brought up to date.
        routers: The router of each interface's DHCP lease, by index.
    """
    return _Thinking(snapshot, inputs, saved, moment, routers).result


class _Thinking:
    """The steps of `desired`, with what they share."""

    def __init__(
        self,
        snapshot: Snapshot,
        inputs: Inputs,
        saved: "dict[tuple[int, str], str]",
        moment: Moment,
        routers: "dict[int, bytes]",
    ) -> None:
        self.snapshot = snapshot
        self.records = inputs.records
        self.primary = inputs.plan.primary
        self.before = saved
        self.moment = moment
        self.routers = routers
        self.result = Desired(find(snapshot, inputs.plan, inputs.records))
        self.live: "dict[tuple[int, int], list[tuple[bytes, int]]]" = {}
        self.holders: "dict[bytes, int]" = {}
        for address in snapshot.addresses:
            version = 4 if len(address.packed) == 4 else 6
            self.live.setdefault((address.index, version), []).append((address.packed, address.length))
            self.holders[address.packed] = address.index
        # addresses and subnets that rules of an earlier run are for: an interface may just be flapping
        self.ruled: "set[int]" = set()
        self.fenced: "dict[tuple[int, int], list[bytes]]" = {}
        self.fenced_subnets: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.subnets: "dict[int, dict[tuple[bytes, int], None]]" = {4: {}, 6: {}}
        self.wanted: "set[tuple[int, int, bytes, int]]" = set()
        self.defaults: "dict[tuple[int, int], tuple[int, Route, Hop]]" = {}
        self.rivals: "dict[int, int]" = {}
        self.named: "set[tuple[int, bytes]]" = set()
        self._think()

    def _think(self) -> None:
        result = self.result
        self._read_rules()
        for link in result.ports.unnamed:
            self.moment.since.setdefault((link.index, 0), self.moment.now)
        result.managed = {slot: port for slot, port in result.ports.by_slot.items() if self._is_managed(port)}
        having = {
            (slot, version): True
            for slot, port in result.managed.items()
            for version in self.moment.versions
            if self._has_addresses(port, version)
        }
        for slot, version in having:
            self._copy_routes(result.managed[slot], version)
        for slot, port in result.managed.items():
            self._settings(port)
            for version in self.moment.versions:
                self._addresses(port, version)
                if (slot, version) not in having:
                    continue
                self._gateways(port, version)
                self._rules(port, version)
                if not self._live(port, version):
                    self.subnets[version].update(dict.fromkeys(self.fenced_subnets[version]))
        for version in self.moment.versions:
            self._rules_behind(version)
            self._pin(version)
        self._put_back()
        for (slot, version), (_, _, hop) in self.defaults.items():
            gateway = gateway_of(hop)
            if gateway is not None:
                result.gateways[slot, version] = gateway

    def _live(self, port: Port, version: int) -> "list[tuple[bytes, int]]":
        return self.live.get((_link(port).index, version), [])

    def _read_rules(self) -> None:
        for rule in self.snapshot.rules:
            slot = (rule.priority - priority_of(0)) // (priority_of(1) - priority_of(0))
            self.ruled.add(slot)
            if rule.unreachable and rule.source is not None:
                if rule.priority < PRIORITY_BEHIND:
                    self.fenced.setdefault((slot, rule.version), []).append(rule.source[0])
                else:
                    self.fenced_subnets[rule.version].append(rule.source)

    def _is_managed(self, port: Port) -> bool:
        if port.link is None:
            return False
        only = self.moment.only
        if self.moment.verb == "down":
            return bool(only) and port.link.name != only and port.slot in self.ruled
        return not only or port.link.name == only or port.slot in self.ruled

    def _has_addresses(self, port: Port, version: int) -> bool:
        """Whether there are addresses, are to be some, or were some before a flap."""
        if not _link(port).can_have(version):
            return False
        told = port.record
        return bool(
            self._live(port, version)
            or (told is not None and (told.fixed[version] or told.held[version]))
            or self.fenced.get((port.slot, version))
        )

    # --- routes

    def _want(self, route: Route) -> None:
        """The first one for a network and a metric counts."""
        if route.place not in self.result.routes:
            self.result.routes[route.place] = route
            self.wanted.add((route.version, route.table, *route.to))

    def _copy_routes(self, port: Port, version: int) -> None:
        index = _link(port).index
        for route, hop in self.snapshot.main_routes(index):
            if route.version != version:
                continue
            self._want(route.by(hop, table_of(port.slot)))
            if route.is_default:
                known = self.defaults.get((port.slot, version))
                if known is None or route.metric < known[0]:
                    self.defaults[port.slot, version] = (route.metric, route, hop)
                if port.slot != self.primary:
                    self.rivals[version] = min(route.metric, self.rivals.get(version, route.metric))
            elif not hop.has_gateway and not is_link_local(route.to[0]) and route.to[1] < 8 * len(route.to[0]):
                self.subnets[version][route.to] = None

    def _gateways(self, port: Port, version: int) -> None:
        """The gateway and the host routes that main lacks: the metadata names them, or the lease."""
        link = _link(port)
        if not link.up:
            return
        anywhere = (bytes(4 if version == 4 else 16), 0)
        metric = _V6_METRIC if version == 6 else 0
        told = port.record
        routes = [] if told is None else [((to, length), hop) for to, length, hop in told.routes[version]]
        gateways = [] if told is None else list(told.gateways[version])
        if version == 4 and not gateways and (port.slot, 4) not in self.defaults and link.index in self.routers:
            gateways.append(self.routers[link.index])
        # nobody else puts host routes into main for an interface that we have configured
        tables = [table_of(port.slot), *([MAIN_TABLE] if (link.index, f"adopted{version}") in self.before else [])]
        for to, gateway in routes + [(anywhere, gateway) for gateway in gateways]:
            if not self._is_on_link(port, version, gateway):
                continue
            for table in tables if to[1] else tables[:1]:
                if (version, table, *to) in self.wanted:
                    continue
                hop = gateway_hop(link.index, gateway)
                route = Route(version, table, to, [hop], metric)
                self._want(route)
                if not to[1]:
                    self.defaults[port.slot, version] = (metric, route, hop)

    def _is_on_link(self, port: Port, version: int, gateway: bytes) -> bool:
        return is_link_local(gateway) or any(within(gateway, *cidr) for cidr in self._live(port, version))

    def _pin(self, version: int) -> None:
        """The primary's default route wins in main, whatever metric a secondary's has."""
        if (self.primary, version) not in self.defaults:
            return
        _, route, hop = self.defaults[self.primary, version]
        metric = PIN_METRIC
        if version in self.rivals and self.rivals[version] <= metric:
            metric = self.rivals[version] - 1
        # IPv6 has no metric 0
        if metric > 0 or version == 4:
            self._want(route.copy(hop, MAIN_TABLE, max(metric, 0)))

    # --- links and addresses

    def _settings(self, port: Port) -> None:
        link, told = _link(port), port.record
        self._set(link, "group", LINK_GROUP, link.group)
        wanted = dict(_SETTINGS)
        if told is not None and (told.held[4] or told.held[6]):
            wanted.update(_ANNOUNCING)
        for setting, value in wanted.items():
            self._set(link, setting, value, setting_of(link, setting))

    def _set(self, link: Link, setting: str, value: int, was: "int | None") -> None:
        if was is not None and was != value:
            self.result.settings[link.index, setting] = value
            self._save(link.index, setting, str(was))

    def _save(self, index: int, name: str, value: str) -> None:
        if (index, name) not in self.before:
            self.result.saved[index, name] = value

    def _addresses(self, port: Port, version: int) -> None:
        """Those that the metadata names beyond what the distribution has given."""
        link, told, since = _link(port), port.record, self.moment.since
        live = list(self._live(port, version))
        theirs = any((link.index, _address_name(*cidr)) not in self.before for cidr in live)
        named = [] if told is None or not link.can_have(version) else told.fixed[version] + told.held[version]
        if theirs or not named:
            since.pop((link.index, version), None)
            since.pop((link.index, 0), None)
        if told is None or not named:
            return
        self.named.update([(link.index, packed) for packed, _ in named])
        if not theirs and not self._adopt(port, version):
            return
        for packed, length in named:
            if packed in self.holders:
                continue
            # the first in its subnet brings the subnet's route; a further one must never take that over, so it comes alone
            if any(within(packed, *cidr) for cidr in live):
                length = 8 * len(packed)
            live.append((packed, length))
            self._save(link.index, _address_name(packed, length), "1")
            self.result.addresses.append(Address(link.index, packed, length))
            if any(packed == held for held, _ in told.held[version]):
                self.result.announced.add(link.index)

    def _adopt(self, port: Port, version: int) -> bool:
        """Whether to configure an interface without addresses: only when the distribution has had its time and left it alone."""
        link, told, moment = _link(port), port.record, self.moment
        adopted = f"adopted{version}"
        if told is None:
            return False
        if (link.index, adopted) not in self.before:
            grace = HOT_ADOPTION_SECONDS if told.hot else ADOPTION_SECONDS
            since = moment.since.setdefault((link.index, version), moment.since.get((link.index, 0), moment.now))
            # who applies by hand has a NIC that is down and nobody else to wait for
            at_once = moment.verb == "apply" and not link.up and told.hot and not moment.by_systemd
            if not at_once and moment.now - since < grace:
                port.note = "no address yet: the distribution has time to configure it"
                self.result.pending = True
                return False
            self._save(link.index, adopted, "up" if link.up else "down")
        if told.mtu and link.mtu != told.mtu:
            self._set(link, "mtu", told.mtu, link.mtu)
        if not link.up:
            self.result.settings[link.index, "up"] = 1
        return True

    # --- rules

    def _rules(self, port: Port, version: int) -> None:
        link, told = _link(port), port.record
        table, first = table_of(port.slot), priority_of(port.slot)
        live = [packed for packed, _ in self._live(port, version)] or self.fenced.get((port.slot, version), [])
        belonging = [] if told is None else told.fixed[version] + told.held[version] + told.allowed[version]
        rules = self.result.rules
        for packed in dict.fromkeys(live + [packed for packed, _ in belonging]):
            # the port that owns an address may send from it; where no record says so, the one that has it
            holder = self.result.ports.slots.get(self.holders.get(packed, link.index))
            owner = self.result.ports.by_slot.get(self.records.owners.get(packed, holder or 0))
            if owner is not None and owner.slot != port.slot and owner.link is not None:
                continue
            source = (packed, 8 * len(packed))
            self.result.fences.append(Rule(version, first + 3, 0, source))
            rules.append(Rule(version, first, table, source, suppress_default=True))
            rules.append(
                Rule(version, first + 1, MAIN_TABLE, source, suppress_default=True, suppress_group=LINK_GROUP)
            )
            rules.append(Rule(version, first + 2, table, source))
        rules.append(Rule(version, first + 4, table, outgoing=link.name))
        if "forward" in self.records.options:
            rules.append(
                Rule(
                    version,
                    first + 5,
                    MAIN_TABLE,
                    incoming=link.name,
                    suppress_default=True,
                    suppress_group=LINK_GROUP,
                )
            )
            rules.append(Rule(version, first + 6, table, incoming=link.name))
        if "connmark" in self.records.options:
            rules.append(Rule(version, first + 7, table, mark=table))

    def _rules_behind(self, version: int) -> None:
        """Addresses of the ports' subnets that have no rules yet fail closed, unless another interface has them."""
        managed = {_link(port).index for port in self.result.managed.values()}
        size = 4 if version == 4 else 16
        others = [packed for packed, index in self.holders.items() if len(packed) == size and index not in managed]
        taken: "set[bytes]" = set()
        for subnet in self.subnets[version]:
            self.result.fences.append(Rule(version, PRIORITY_BEHIND + 2, 0, subnet, incoming="lo"))
            self.result.rules.append(
                Rule(
                    version,
                    PRIORITY_BEHIND + 1,
                    MAIN_TABLE,
                    subnet,
                    incoming="lo",
                    suppress_default=True,
                    suppress_group=LINK_GROUP,
                )
            )
            shift = 8 * size - subnet[1]
            start = int.from_bytes(subnet[0], "big") >> shift
            for packed in others:
                if int.from_bytes(packed, "big") >> shift == start and packed not in taken:
                    taken.add(packed)
                    self.result.rules.append(Rule(version, PRIORITY_BEHIND, MAIN_TABLE, (packed, 8 * size), incoming="lo"))

    # --- the way back

    def _put_back(self) -> None:
        result = self.result
        managed = {_link(port).index for port in result.managed.values()}
        for (index, what), value in self.before.items():
            link = self.snapshot.links.get(index)
            kept = link is not None and index in managed
            packed, length = _parse_address_name(what)
            if kept and (packed is None or not self.records.origin or (index, packed) in self.named):
                continue
            result.dropped.add((index, what))
            if link is None:
                continue
            if packed is not None:
                if (packed, length) in self.live.get((index, 4 if len(packed) == 4 else 6), []):
                    result.unwanted_addresses.append(Address(index, packed, length))
            elif what.startswith("adopted"):
                if value == "down" and link.up:
                    result.restored[index, "up"] = 0
            elif value.isdigit():
                was = setting_of(link, what)
                if was is not None and was != int(value):
                    result.restored[index, what] = int(value)


def setting_of(link: Link, setting: str) -> "int | None":
    """Return the value of a setting; None where the interface has none, as without IPv6."""
    if setting == "group":
        return link.group
    if setting == "mtu":
        return link.mtu
    if setting == NDISC_NOTIFY:
        return link.ndisc_notify
    return link.settings.get(setting.rpartition("/")[2])


def _link(port: Port) -> Link:
    assert port.link is not None
    return port.link


def _address_name(packed: bytes, length: int) -> str:
    return f"address {cidr_text(packed, length)}"


def _parse_address_name(what: str) -> "tuple[bytes | None, int]":
    if not what.startswith("address "):
        return None, 0
    text = what[len("address ") :]
    return parse_interface(6 if ":" in text else 4, text) or (None, 0)
