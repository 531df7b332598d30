"""A kernel of plain data: it makes the messages that rtnetlink would send, carries out operations, and looks up routes."""

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, Final

from multiport.guest.program import kernel
from multiport.guest.program.inputs import Inputs
from multiport.guest.program.kernel import ADDRESS, FAMILY, LINK, ROUTE, RULE, Link, Snapshot
from multiport.guest.program.metadata import read_records
from multiport.guest.program.operations import Operation
from multiport.guest.program.plan import read_plan

MACS: Final = ["fa:16:3e:00:00:01", "fa:16:3e:00:00:02", "fa:16:3e:00:00:03"]
PLAN: Final = f"multiport-plan 1\nport 37 {MACS[0]} primary\nport 53 {MACS[1]}\n"


def link(index: int, mac: str = "", name: str = "", **more: Any) -> Link:
    """Return an interface as `read_link` does."""
    found = Link(index, name or f"eth{index - 2}", mac or MACS[index - 2])
    found.settings = {f"ipv4/conf/DEV/{setting}": 0 for setting in ("arp_ignore", "arp_announce", "rp_filter", "arp_notify")}
    found.settings["ipv6/conf/DEV/ndisc_notify"] = 0
    for attribute, value in more.items():
        setattr(found, attribute, value)
    return found


def route(to: str, index: int, gateway: str = "", **more: Any) -> bytes:
    """Return the message of a route of main that a DHCP client has made."""
    network = ip_network(to)
    values: dict[Any, Any] = {
        "family": FAMILY[network.version],
        "to": network.network_address.packed,
        "length": network.prefixlen,
        "index": index,
        "table": 254,
        "small_table": 254,
        "protocol": 16,
        "type": kernel.UNICAST,
        "metric": 100,
    }
    if gateway:
        values["gateway"] = ip_address(gateway).packed
    return ROUTE.encode(values | more)


def snapshot(links: list[Link], addresses: dict[int, list[str]], routes: list[bytes]) -> Snapshot:
    """Return a snapshot of interfaces, their addresses and other programs' routes."""
    found = Snapshot()
    found.links = {each.index: each for each in links}
    found.hardware = {each.index for each in links if each.mac}
    found.addresses = [
        (index, interface.packed, interface.network.prefixlen)
        for index, texts in addresses.items()
        for interface in map(ip_interface, texts)
    ]
    for body in routes:
        found.take_route(body)
    return found


def two_ports(version: int = 4) -> Snapshot:
    """Return two ports on one subnet, configured by DHCP or router advertisements."""
    subnet = {4: "10.0.1.0/24", 6: "2001:db8:1::/64"}[version]
    gateway = {4: "10.0.1.1", 6: "fe80::1"}[version]
    prefix, length = subnet.split("0/24")[0] if version == 4 else "2001:db8:1::", 24 if version == 4 else 64
    everywhere = {4: "0.0.0.0/0", 6: "::/0"}[version]
    routes = [
        each
        for index in (2, 3)
        for each in (
            route(everywhere, index, gateway, metric=98 + index),
            route(subnet, index, scope=253, protocol=2, metric=256),
        )
    ]
    return snapshot([link(2), link(3)], {2: [f"{prefix}10/{length}"], 3: [f"{prefix}11/{length}"]}, routes)


def inputs(records: dict[str, str] | None = None, plan: str = PLAN) -> Inputs:
    """Return plan and metadata."""
    read = read_plan(plan)
    return Inputs(read, read_records(records or {}, read, "service" if records else ""))


def carry_out(state: Snapshot, operation: Operation) -> None:
    """Do to a snapshot what the kernel does for a request."""
    body = b"" if operation.file else operation.request()[2]
    values = operation.values
    if operation.verb.startswith("rule"):
        (state.rules.__setitem__ if operation.verb == "rule add" else lambda key, _: state.rules.pop(key))(body, values)
    elif operation.verb.startswith("route"):
        if operation.verb != "route prepend":
            place = kernel.place_of(values)
            state.own_routes = [each for each in state.own_routes if kernel.place_of(each) != place]
        if operation.verb != "route del":
            state.own_routes.insert(0, kernel.read_route(body))
    elif operation.verb.startswith("addr"):
        read = ADDRESS.decode(body)
        address = read["index"], read["address"], read["length"]
        (state.addresses.append if operation.verb == "addr add" else state.addresses.remove)(address)
    else:
        assert operation.file or LINK.decode(body)["index"] == values["index"]
        target = state.links[values["index"]]
        if "/" in values["name"]:
            target.settings[values["name"]] = values["value"]
        elif values["name"] != "address":
            setattr(target, values["name"], values["value"])


def decision(state: Snapshot, source: str, target: str) -> str:
    """Return by which interface a packet of this machine leaves, as the kernel looks up its rules."""
    packed, to = ip_address(source).packed, ip_address(target).packed
    family = FAMILY[4 if len(packed) == 4 else 6]
    routes: dict[int, list[dict[Any, Any]]] = {}
    for each in state.own_routes:
        routes.setdefault(each["table"], []).append(each)
    for index in state.links:
        routes.setdefault(254, []).extend(each for each, _ in state.main_routes(index))
    default_rule = {"family": family, "priority": 32766, "table": 254, "action": 1}
    for rule in sorted([*state.rules.values(), default_rule], key=lambda rule: int(rule["priority"])):
        if rule["family"] != family or "oif" in rule or "fwmark" in rule or rule.get("iif", "lo") != "lo":
            continue
        if "source" in rule and not _within(packed, rule["source"], rule["length"]):
            continue
        if "table" not in rule:
            return "unreachable"
        found = [
            each for each in routes.get(rule["table"], []) if each["family"] == family and _within(to, each["to"], each["length"])
        ]
        if not found:
            continue
        best = min(found, key=lambda each: (-each["length"], each["metric"]))
        name = state.links[best["index"]]
        if best["length"] <= rule.get("suppress_prefixlength", -1) or name.group == rule.get("suppress_ifgroup", -1):
            continue
        return name.name
    return "no route"


def _within(packed: bytes, other: bytes, length: int) -> bool:
    shift = 8 * len(packed) - length
    return len(packed) == len(other) and int.from_bytes(packed, "big") >> shift == int.from_bytes(other, "big") >> shift


__all__ = ["MACS", "PLAN", "RULE", "carry_out", "decision", "inputs", "link", "route", "snapshot", "two_ports"]
