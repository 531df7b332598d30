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
    P+4  oif DEV lookup T
         sockets that are bound to the interface
    P+5  iif DEV lookup main suppress_prefixlength 0 suppress_ifgroup 21000
    P+6  iif DEV lookup T
         forwarded packets, with the option `forward`
    P+7  fwmark T lookup T
         replies of containers, with the option `connmark`

Behind all slots, addresses of the ports' subnets that no slot has rules for yet fail closed too:

    +0   from A iif lo lookup main
         such an address that another interface has, like a virtual one on lo
    +1   from SUBNET iif lo lookup main suppress_prefixlength 0 suppress_ifgroup 21000
    +2   from SUBNET iif lo unreachable

Table T has what main has on the port's interface. Main has the primary port's default route twice, once with a metric that wins.
"""

from .addresses import cidr_text, is_link_local, network, parse_interface, prefix, version_of, within
from .inputs import Inputs
from .kernel import FAMILY, RULE, UNICAST, VERSION, Link, Snapshot, gateway_of, own_copy, place_of, rule
from .numbers import LINK_GROUP, MAIN_TABLE, PRIORITIES_PER_SLOT, PRIORITY_BASE, PRIORITY_BEHIND, PROTOCOL, priority_of, table_of
from .ports import Port, find

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import Any

_PIN_METRIC = 50
"""The metric of the primary's default route; DHCP clients use 100 and more."""
_V6_METRIC = 1024
"""The kernel gives it to an IPv6 route without one."""
_ADOPTION_SECONDS = 60
"""How long the distribution may take to configure a boot port: NetworkManager came 28 s after us where cloud-init was slow."""
_HOT_ADOPTION_SECONDS = 5
"""The same for a port that was attached later: it has its lease by then, or nobody will configure it (measured: networkd)."""
_SETTINGS = {"ipv4/conf/DEV/arp_announce": 2, "ipv4/conf/DEV/arp_ignore": 1, "ipv4/conf/DEV/rp_filter": 2, "group": LINK_GROUP}
"""OVN drops ARP that names another port's address, and without arp_announce=2 that is how a gateway is asked for (measured)."""
_ANNOUNCING = {"ipv4/conf/DEV/arp_notify": 1, "ipv6/conf/DEV/ndisc_notify": 1}
"""With these, a MAC address that is set, be it the same, has all addresses announced."""
_BESIDE_PORTS = {"table": MAIN_TABLE, "suppress_prefixlength": 0, "suppress_ifgroup": LINK_GROUP}
"""Whatever main knows beyond its default routes, but not by way of a port."""


class Moment:
    """What is asked, and when.

    Attributes:
        verb: `apply`, `watch`, `check` or `down`.
        only: Name of the one interface that is meant, or empty.
        by_systemd: Whether systemd runs an apply for all ports: at a boot, so before the distribution, or beside a watch.
        now: Seconds of a clock that never jumps.
        since: When a NIC, or an IP version of it, was first seen without an address; `desired` keeps it up to date.
        versions: 4, and 6 if the kernel has it.
    """

    def __init__(self, verb: str, only: str = "", by_systemd: bool = False) -> None:
        self.verb = verb
        self.only = only
        self.by_systemd = by_systemd
        self.now = 0.0
        self.since: "dict[tuple[int, int], float]" = {}
        self.versions: "tuple[int, ...]" = (4, 6)


class Desired:
    """What should be, and the steps that find it.

    Attributes:
        ports: The ports with their interfaces.
        managed: Those that are kept: port and interface by slot.
        gateways: Where each port's default route leads, by slot and IP version.
        settings: Values that an interface must have, by index and name: `group`, `mtu`, `up` or a path below /proc/sys/net.
        restored: The same for what is put back, which comes last.
        added, removed: Addresses of ours: interface, address and prefix length.
        announced: Interfaces whose addresses are announced.
        fences: Rules that let nothing out, by their message; they come before everything else.
        rules: The other rules.
        routes: By their place.
        saved: What has to be remembered before anything is changed, by index and name.
        dropped: What may be forgotten afterwards.
        pending: Whether something waits for time to pass.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        inputs: Inputs,
        before: "dict[tuple[int, str], str]",
        moment: Moment,
        routers: "dict[int, bytes]",
    ) -> None:
        self.ports = find(snapshot, inputs.plan, inputs.records)
        self.managed: "dict[int, tuple[Port, Link]]" = {}
        self.gateways: "dict[tuple[int, int], bytes]" = {}
        self.settings: "dict[tuple[int, str], int]" = {}
        self.restored: "dict[tuple[int, str], int]" = {}
        self.added: "list[tuple[int, bytes, int]]" = []
        self.removed: "list[tuple[int, bytes, int]]" = []
        self.announced: "set[int]" = set()
        self.fences: "dict[bytes, dict[Any, Any]]" = {}
        self.rules: "dict[bytes, dict[Any, Any]]" = {}
        self.routes: "dict[tuple[int, int, bytes, int, int], dict[Any, Any]]" = {}
        self.saved: "dict[tuple[int, str], str]" = {}
        self.dropped: "set[tuple[int, str]]" = set()
        self.pending = False
        self._snapshot, self._records, self._primary = snapshot, inputs.records, inputs.plan.primary
        self._before, self._moment, self._routers = before, moment, routers
        self._live: "dict[tuple[int, int], list[tuple[bytes, int]]]" = {}
        self._holders: "dict[bytes, int]" = {}
        self._fenced: "dict[tuple[int, int], list[bytes]]" = {}
        self._fenced_subnets: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self._subnets: "dict[int, dict[tuple[bytes, int], None]]" = {4: {}, 6: {}}
        self._defaults: "dict[tuple[int, int], tuple[dict[Any, Any], dict[Any, Any]]]" = {}
        self._rivals: "dict[int, int]" = {}
        self._named: "set[tuple[int, bytes]]" = set()
        self._think()

    def _think(self) -> None:
        for index, packed, length in self._snapshot.addresses:
            self._live.setdefault((index, version_of(packed)), []).append((packed, length))
            self._holders[packed] = index
        ruled = self._read_rules()
        for link in self.ports.unnamed:
            self._moment.since.setdefault((link.index, 0), self._moment.now)
        for slot, port in self.ports.by_slot.items():
            if port.link and self._is_managed(port.link.name, slot in ruled):
                self.managed[slot] = (port, port.link)
        kept = [(port, link, version) for port, link in self.managed.values() for version in self._moment.versions]
        having = [each for each in kept if self._has_addresses(*each)]
        for port, link, version in having:
            self._copy_routes(port, link, version)
            self._note_subnets(port, link, version)
        for port, link in self.managed.values():
            held = port.record.held[4] or port.record.held[6]
            for name, value in {**_SETTINGS, **(_ANNOUNCING if held else {})}.items():
                self._set(link, name, value)
        for each in kept:
            self._take_addresses(*each)
        for port, link, version in having:
            self._take_gateways(port, link, version)
            self._add_rules(port, link, version)
            if (link.index, version) not in self._live:
                self._subnets[version].update(dict.fromkeys(self._fenced_subnets[version]))
        for version in self._moment.versions:
            self._add_rules_behind(version)
            self._pin(version)
        self._put_back({link.index for _, link in self.managed.values()})
        found = {key: gateway_of(hop) for key, (_, hop) in self._defaults.items()}
        self.gateways = {key: gateway for key, gateway in found.items() if gateway}

    def _read_rules(self) -> "set[int]":
        """Note addresses and subnets that have rules, for an interface may just be flapping; return the slots that have some."""
        slots = set()
        for values in self._snapshot.rules.values():
            slot = (values["priority"] - PRIORITY_BASE) // PRIORITIES_PER_SLOT
            slots.add(slot)
            if "source" in values and "table" not in values and values["family"] in VERSION:
                version = VERSION[values["family"]]
                if values["priority"] < PRIORITY_BEHIND:
                    self._fenced.setdefault((slot, version), []).append(values["source"])
                else:
                    self._fenced_subnets[version].append((values["source"], values["length"]))
        return slots

    def _is_managed(self, name: str, has_rules: bool) -> bool:
        only = self._moment.only
        if self._moment.verb == "down":
            return bool(only) and name != only and has_rules
        return not only or name == only or has_rules

    def _has_addresses(self, port: Port, link: Link, version: int) -> bool:
        """Whether there are addresses, are to be some, or were some before a flap; none where a sysctl switches IPv6 off."""
        told = port.record.fixed[version] + port.record.held[version]
        known = (link.index, version) in self._live or told or (port.slot, version) in self._fenced
        return bool(known) and (version == 4 or link.ipv6)

    # --- routes

    def _want(self, route: "dict[Any, Any]") -> None:
        """The first one for a network and a metric counts."""
        self.routes.setdefault(place_of(route), route)

    def _copy_routes(self, port: Port, link: Link, version: int) -> None:
        for route, hop in self._snapshot.main_routes(link.index):
            if route["family"] != FAMILY[version]:
                continue
            self._want(own_copy(route, hop, table_of(port.slot), route["metric"]))
            if not route["length"]:
                key = port.slot, version
                if key not in self._defaults or route["metric"] < self._defaults[key][0]["metric"]:
                    self._defaults[key] = route, hop
                if port.slot != self._primary:
                    self._rivals[version] = min(route["metric"], self._rivals.get(version, route["metric"]))
            elif gateway_of(hop) is None and not is_link_local(route["to"]) and route["length"] < 8 * len(route["to"]):
                self._subnets[version][route["to"], route["length"]] = None

    def _note_subnets(self, port: Port, link: Link, version: int) -> None:
        """Note the subnets of live and told addresses too: the route of a subnet comes late and goes with a flap."""
        told = port.record.fixed[version] + port.record.held[version]
        for packed, length in self._live.get((link.index, version), []) + told:
            if length < 8 * len(packed) and not is_link_local(packed):
                self._subnets[version][network(packed, length), length] = None

    def _take_gateways(self, port: Port, link: Link, version: int) -> None:
        """The gateway and the host routes that main lacks: the metadata names them, or the lease."""
        gateways = list(port.record.gateways[version])
        if version == 4 and not gateways and (port.slot, 4) not in self._defaults and link.index in self._routers:
            gateways.append(self._routers[link.index])
        everywhere = bytes(4 if version == 4 else 16), 0
        # nobody else puts host routes into main for an interface that we have configured
        tables = [table_of(port.slot)] + ([MAIN_TABLE] if (link.index, f"adopted{version}") in self._before else [])
        for to, length, gateway in port.record.routes[version] + [(*everywhere, gateway) for gateway in gateways]:
            on_link = is_link_local(gateway) or any(within(gateway, *each) for each in self._live.get((link.index, version), ()))
            if not link.up or not on_link:
                continue
            for table in tables if length else tables[:1]:
                if any(place[:4] == (version, table, to, length) for place in self.routes):
                    continue
                hop = {"index": link.index, "gateway": gateway}
                route = {"family": FAMILY[version], "to": to, "length": length, "type": UNICAST, "protocol": PROTOCOL, **hop}
                route.update({"table": table, "metric": _V6_METRIC if version == 6 else 0})
                self._want(route)
                if not length:
                    self._defaults[port.slot, version] = route, hop

    def _pin(self, version: int) -> None:
        """The primary's default route wins in main, whatever metric a secondary's has."""
        if (self._primary, version) not in self._defaults:
            return
        metric = min(_PIN_METRIC, self._rivals.get(version, _PIN_METRIC + 1) - 1)
        # there is no metric 0 in IPv6
        if metric > 0 or version == 4:
            self._want(own_copy(*self._defaults[self._primary, version], MAIN_TABLE, max(metric, 0)))

    # --- links and addresses

    def _set(self, link: Link, name: str, value: int) -> None:
        was = link.setting(name)
        if was is not None and was != value:
            self.settings[link.index, name] = value
            self._save(link.index, name, str(was))

    def _save(self, index: int, name: str, value: str) -> None:
        if (index, name) not in self._before:
            self.saved[index, name] = value

    def _take_addresses(self, port: Port, link: Link, version: int) -> None:
        """Those that the metadata names beyond what the distribution has given."""
        live = list(self._live.get((link.index, version), ()))
        theirs = any((link.index, f"address {cidr_text(*each)}") not in self._before for each in live)
        told = port.record.fixed[version] + port.record.held[version] if version == 4 or link.ipv6 else []
        if theirs or not told:
            self._moment.since.pop((link.index, version), None)
            self._moment.since.pop((link.index, 0), None)
        self._named.update([(link.index, packed) for packed, _ in told])
        if not told or not (theirs or self._adopt(port, link, version)):
            return
        for packed, told_length in told:
            if packed in self._holders:
                continue
            # the first in its subnet brings the subnet's route; a further one must never take that over, so it comes alone
            length = 8 * len(packed) if any(within(packed, *each) for each in live) else told_length
            live.append((packed, length))
            self._save(link.index, f"address {cidr_text(packed, length)}", "1")
            self.added.append((link.index, packed, length))
            if packed in [each for each, _ in port.record.held[version]]:
                self.announced.add(link.index)

    def _adopt(self, port: Port, link: Link, version: int) -> bool:
        """Whether to configure an interface without addresses: only when the distribution has had its time and left it alone."""
        moment = self._moment
        if (link.index, f"adopted{version}") not in self._before:
            since = moment.since.setdefault((link.index, version), moment.since.get((link.index, 0), moment.now))
            # who applies by hand has a NIC that is down and nobody else to wait for
            at_once = moment.verb == "apply" and port.record.hot and not link.up and not moment.by_systemd
            if not at_once and moment.now - since < (_HOT_ADOPTION_SECONDS if port.record.hot else _ADOPTION_SECONDS):
                port.note = "no address yet: the distribution has time to configure it"
                self.pending = True
                return False
            self._save(link.index, f"adopted{version}", "up" if link.up else "down")
        if port.record.mtu:
            self._set(link, "mtu", port.record.mtu)
        if not link.up:
            self.settings[link.index, "up"] = 1
        return True

    # --- rules

    def _add(self, values: "dict[Any, Any]") -> None:
        (self.rules if "table" in values else self.fences)[RULE.encode(values)] = values

    def _add_rules(self, port: Port, link: Link, version: int) -> None:
        table, first = table_of(port.slot), priority_of(port.slot)
        live = [packed for packed, _ in self._live.get((link.index, version), ())] or self._fenced.get((port.slot, version), [])
        told = port.record.fixed[version] + port.record.held[version] + port.record.allowed[version]
        for packed in dict.fromkeys(live + [packed for packed, _ in told]):
            # the port that owns an address may send from it; where no record says so, the one that has it
            holder = self.ports.slots.get(self._holders.get(packed, link.index), 0)
            owner = self._records.owners.get(packed, holder)
            if owner != port.slot and owner in self.ports.slots.values():
                continue
            source = packed, 8 * len(packed)
            self._add(rule(version, first + 3, 0, source))
            self._add(rule(version, first, table, source, suppress_prefixlength=0))
            self._add({**rule(version, first + 1, MAIN_TABLE, source), **_BESIDE_PORTS})
            self._add(rule(version, first + 2, table, source))
        self._add(rule(version, first + 4, table, oif=link.name))
        if "forward" in self._records.options:
            self._add({**rule(version, first + 5, MAIN_TABLE, iif=link.name), **_BESIDE_PORTS})
            self._add(rule(version, first + 6, table, iif=link.name))
        if "connmark" in self._records.options:
            self._add(rule(version, first + 7, table, fwmark=table, fwmask=0xFFFFFFFF))

    def _add_rules_behind(self, version: int) -> None:
        """Addresses of the ports' subnets that have no rules yet fail closed, unless another interface has them."""
        bits = 32 if version == 4 else 128
        managed = {link.index for _, link in self.managed.values()}
        others = [each for each, index in self._holders.items() if 8 * len(each) == bits and index not in managed]
        for subnet in self._subnets[version]:
            self._add(rule(version, PRIORITY_BEHIND + 2, 0, subnet, iif="lo"))
            self._add({**rule(version, PRIORITY_BEHIND + 1, MAIN_TABLE, subnet, iif="lo"), **_BESIDE_PORTS})
            bits_of_subnet = prefix(*subnet)
            for packed in others:
                if int.from_bytes(packed, "big") >> (bits - subnet[1]) == bits_of_subnet:
                    self._add(rule(version, PRIORITY_BEHIND, MAIN_TABLE, (packed, bits), iif="lo"))

    # --- the way back

    def _put_back(self, managed: "set[int]") -> None:
        for (index, what), value in self._before.items():
            link = self._snapshot.links.get(index)
            text = what[len("address ") :] if what.startswith("address ") else ""
            address = parse_interface(6 if ":" in text else 4, text)
            kept = link is not None and index in managed
            if kept and (not address or not self._records.origin or (index, address[0]) in self._named):
                continue
            self.dropped.add((index, what))
            if link is None:
                continue
            if address:
                if address in self._live.get((index, version_of(address[0])), ()):
                    self.removed.append((index, *address))
            elif what.startswith("adopted"):
                if value == "down" and link.up:
                    self.restored[index, "up"] = 0
            elif value.isdigit() and link.setting(what) not in (None, int(value)):
                self.restored[index, what] = int(value)
