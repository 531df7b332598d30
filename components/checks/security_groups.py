"""Rules for a security group and a server group."""

from collections.abc import Iterator

from multiport.components.checks import addresses, names
from multiport.components.config_error import Fault, key_path
from multiport.components.topology import SecurityGroupArgs, SecurityGroupRuleArgs, ServerGroupConfig
from multiport.guest.errors import shown

# The names that the provider takes, with their numbers (IANA), by which Neutron compares them.
PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "dccp": 33,
    "ipv6-encap": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ospf": 89,
    "vrrp": 112,
    "pgm": 113,
    "sctp": 132,
    "udplite": 136,
}
ICMP, IPV6_ICMP = PROTOCOLS["icmp"], PROTOCOLS["ipv6-icmp"]
NAMES_WITH_PORTS = {"tcp", "udp", "sctp", "udplite", "dccp"}
WITH_PORTS = {PROTOCOLS[name] for name in NAMES_WITH_PORTS}
IPV6_ONLY = {number for name, number in PROTOCOLS.items() if name.startswith("ipv6-")}
GREATEST_PROTOCOL = 255
GREATEST_PORT = 65535
GREATEST_TYPE = 255
DIRECTIONS = ("ingress", "egress")
ETHERTYPES = ("IPv4", "IPv6")
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


def check_security_group(path: str, group: SecurityGroupArgs) -> Iterator[Fault]:
    """What is wrong with a security group."""
    yield from names.check_names(path, name=group.get("name"))
    if group.get("name") == "default":
        yield Fault(
            key_path(path, "name"),
            "every project has a group of this name; Neutron answers 409 SecurityGroupDefaultAlreadyExists",
            "Choose another name",
        )
    seen: dict[tuple[object, ...], str] = {}
    for position, rule in enumerate(group["rules"]):
        at = key_path(path, "rules", position)
        faults = list(_rule(at, rule))
        yield from faults
        content = _content(rule)
        if not faults and content == ("egress", content[1], None, None, None, None):
            yield Fault(at, "Neutron makes this rule itself and answers 409 SecurityGroupRuleExists", "Take it out")
        elif not faults and content in seen:
            yield Fault(at, f"it says the same as {seen[content]}; Neutron answers 409 SecurityGroupRuleExists", "Take it out")
        seen.setdefault(content, at)


def check_server_group(path: str, group: ServerGroupConfig) -> Iterator[Fault]:
    """What is wrong with a server group."""
    yield from names.check_word(key_path(path, "policy"), group["policy"], POLICIES)


def _rule(path: str, rule: SecurityGroupRuleArgs) -> Iterator[Fault]:
    yield from names.check_word(key_path(path, "direction"), rule.get("direction"), DIRECTIONS)
    yield from names.check_word(key_path(path, "ethertype"), rule.get("ethertype"), ETHERTYPES)
    yield from _protocol(path, rule)
    yield from _ports(path, rule)
    if "remote_ip_prefix" not in rule:
        return
    at = key_path(path, "remote_ip_prefix")
    prefix = yield from addresses.read_network(at, rule["remote_ip_prefix"])
    ethertype = rule.get("ethertype")
    if prefix is not None and ethertype in ETHERTYPES and ethertype != f"IPv{prefix.version}":
        yield Fault(
            at,
            f"{prefix} is not {ethertype}; Neutron answers 400 SecurityGroupRuleParameterConflict",
            "Leave ethertype out; it follows from the prefix",
        )


def _protocol(path: str, rule: SecurityGroupRuleArgs) -> Iterator[Fault]:
    protocol = rule.get("protocol")
    if protocol is None:
        return
    at = key_path(path, "protocol")
    number = _number(protocol)
    if number is None:
        near = names.nearest(protocol, PROTOCOLS)
        yield Fault(
            at,
            f"{shown(protocol)} is not a protocol; Neutron answers 400 SecurityGroupRuleInvalidProtocol",
            f"Did you mean {near}?" if near else f"Use tcp, udp, icmp, another name or a number from 0 to {GREATEST_PROTOCOL}",
        )
    elif number in IPV6_ONLY and ethertype_of(rule) == "IPv4":
        yield Fault(
            at,
            f"{protocol} belongs to IPv6; Neutron answers 400 SecurityGroupEthertypeConflictWithProtocol",
            "Say ethertype: IPv6",
        )
    elif number == ICMP and ethertype_of(rule) == "IPv6":
        yield Fault(at, f"{protocol} belongs to IPv4, and Neutron makes another rule of it", "Write ipv6-icmp")


def _number(protocol: str) -> int | None:
    """The number of a protocol given by its name or its number; None if it is neither."""
    canonical = (str(number) for number in range(GREATEST_PROTOCOL + 1))
    return PROTOCOLS.get(protocol, int(protocol) if protocol in canonical else None)


def _ports(path: str, rule: SecurityGroupRuleArgs) -> Iterator[Fault]:
    at = key_path(path, "port_range_min")
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    if low is None:
        if high is not None:
            yield Fault(
                at, "it is missing, although port_range_max is there; Neutron answers 400", "Give it, or take port_range_max out"
            )
        return
    if "protocol" not in rule:
        yield Fault(
            at, "protocol is missing; Neutron answers 400 SecurityGroupProtocolRequiredWithPorts", "Say protocol: tcp or udp"
        )
        return
    protocol = rule["protocol"]
    number = _number(protocol)
    if number is None:
        return
    types = number in (ICMP, IPV6_ICMP)
    least, greatest = (0, GREATEST_TYPE) if types else (1, GREATEST_PORT)
    outside = next((end for end in (low, high) if end is not None and not least <= end <= greatest), None)
    if number not in WITH_PORTS and not types:
        yield Fault(at, f"{protocol} has no ports; Neutron answers 400 SecurityGroupInvalidProtocolForPort", "Take the ports out")
    elif outside is not None:
        yield Fault(
            at,
            f"{shown(outside)} is outside {least} to {greatest}; Neutron answers 400",
            f"Use numbers from {least} to {greatest}",
        )
    elif not types and high is not None and low > high:
        yield Fault(
            at, f"{low} is above port_range_max, {high}; Neutron answers 400 SecurityGroupInvalidPortRange", "Exchange the two"
        )
    elif (low, high) == (1, GREATEST_PORT):
        yield Fault(
            at,
            "1 to 65535 is every port, which Neutron does not keep as a range: every update would replace the rule",
            "Take both out",
        )


def ethertype_of(rule: SecurityGroupRuleArgs) -> str:
    """The rule's ethertype: the one given, else that of its prefix, else IPv4."""
    return rule.get("ethertype") or ("IPv6" if ":" in rule.get("remote_ip_prefix", "") else "IPv4")


def _content(rule: SecurityGroupRuleArgs) -> tuple[object, ...]:
    """What the rule says, as Neutron compares it: defaults filled in, protocols by number, any address the same as none."""
    protocol, prefix = rule.get("protocol"), rule.get("remote_ip_prefix")
    number = None if protocol is None else _number(protocol)
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    return (
        rule.get("direction", "ingress"),
        ethertype_of(rule),
        number,
        low,
        low if high is None and number in WITH_PORTS else high,
        None if prefix in ("0.0.0.0/0", "::/0") else prefix,
    )
