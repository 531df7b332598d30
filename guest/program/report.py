"""Says in words what is to be done, what is kept for whom, and why something is not."""

from . import addresses, kernel
from .desired import Desired
from .inputs import Inputs
from .kernel import Address, Route, Rule, Snapshot
from .netlink import attributes
from .numbers import table_of
from .operations import Operation, Setting
from .plan import printable

_KINDS = {2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
_SCOPES = {200: "site", 253: "link", 254: "host", 255: "nowhere"}
_METRICS = {
    1: "lock",
    2: "mtu",
    3: "window",
    4: "rtt",
    5: "rttvar",
    6: "ssthresh",
    7: "cwnd",
    8: "advmss",
    9: "reordering",
    10: "hoplimit",
    11: "initcwnd",
    12: "features",
    13: "rto_min",
    14: "initrwnd",
    15: "quickack",
}
_PREFERENCES = {1: "high", 3: "low"}
_SOURCE, _METRICS_ATTRIBUTE, _PREFERENCE = 7, 8, 20


def command(operation: Operation, snapshot: Snapshot) -> str:
    """Return the command of iproute2 that does the same as an operation."""
    subject = operation.subject
    if isinstance(subject, Rule):
        return f"ip -{subject.version} {operation.verb} {_rule(subject)}"
    if isinstance(subject, Route):
        return f"ip -{subject.version} {operation.verb} {_route(subject, snapshot)}"
    if isinstance(subject, Address):
        version = addresses.version_of(subject.packed)
        nodad = " nodad" if version == 6 and operation.verb == "addr add" else ""
        cidr = addresses.cidr_text(subject.packed, subject.length)
        return f"ip -{version} {operation.verb} {cidr} dev {_device(subject.index, snapshot)}{nodad}"
    return _setting(subject)


def _setting(setting: Setting) -> str:
    if "/" in setting.name:
        return f"sysctl -w net/{setting.path}={setting.value}"
    if setting.name == "up":
        return f"ip link set dev {setting.link.name} {'up' if setting.value else 'down'}"
    return f"ip link set dev {setting.link.name} {setting.name} {setting.value}"


def _device(index: int, snapshot: Snapshot) -> str:
    link = snapshot.links.get(index)
    return f"if{index}" if link is None else printable(link.name)


def _rule(rule: Rule) -> str:
    words = [f"pref {rule.priority} from {_source(rule)}"]
    if rule.incoming:
        words.append(f"iif {printable(rule.incoming)}")
    if rule.outgoing:
        words.append(f"oif {printable(rule.outgoing)}")
    if rule.mark:
        words.append(f"fwmark 0x{rule.mark:x}")
    words.append("unreachable" if rule.unreachable else f"lookup {rule.table}")
    if rule.suppress_default:
        words.append("suppress_prefixlength 0")
    if rule.suppress_group is not None:
        words.append(f"suppress_ifgroup {rule.suppress_group}")
    words.append(f"proto {rule.protocol}")
    return " ".join(words)


def _source(rule: Rule) -> str:
    if rule.source is None:
        return "all"
    packed, length = rule.source
    return addresses.text_of(packed) if length == addresses.bits_of(packed) else addresses.cidr_text(packed, length)


def _route(route: Route, snapshot: Snapshot) -> str:
    packed, length = route.to
    to = "default" if route.is_default else addresses.cidr_text(packed, length)
    words = [] if route.kind == kernel.UNICAST else [_KINDS.get(route.kind, str(route.kind))]
    words.append(to)
    if len(route.hops) == 1:
        words.append(_hop(route.hops[0], snapshot))
    words.append(f"table {route.table} proto {route.protocol}")
    if route.scope in _SCOPES:
        words.append(f"scope {_SCOPES[route.scope]}")
    if _SOURCE in route.rest:
        words.append(f"src {addresses.text_of(route.rest[_SOURCE])}")
    if route.metric:
        words.append(f"metric {route.metric}")
    words += _route_metrics(route.rest.get(_METRICS_ATTRIBUTE, b""))
    preference = route.rest.get(_PREFERENCE, b"\0")[0]
    if preference in _PREFERENCES:
        words.append(f"pref {_PREFERENCES[preference]}")
    words += [f"nexthop {_hop(hop, snapshot)}" for hop in route.hops if len(route.hops) > 1]
    return " ".join(words)


def _hop(hop: kernel.Hop, snapshot: Snapshot) -> str:
    gateway = kernel.gateway_of(hop)
    inet6 = "inet6 " if gateway is not None and kernel.other_family(hop) and len(gateway) == 16 else ""
    via = "" if gateway is None else f"via {inet6}{addresses.text_of(gateway)} "
    return f"{via}dev {_device(hop.index, snapshot)}{' onlink' if hop.onlink else ''}"


def _route_metrics(nested: bytes) -> "list[str]":
    told = attributes(nested, 0)
    locked = kernel.number_of(told.get(1))
    words = []
    for kind, value in sorted(told.items()):
        if kind in _METRICS and kind != 1 and len(value) == 4:
            lock = "lock " if locked >> kind & 1 else ""
            words.append(f"{_METRICS[kind]} {lock}{kernel.number_of(value)}")
    return words


def status(
    snapshot: Snapshot,
    inputs: Inputs,
    desired: Desired,
    differences: "list[str]",
    watching: bool,
    notes: "list[str]",
) -> "dict[str, object]":
    """Return all that `status` says, as the JSON object that other programs read."""
    ports = []
    for slot, port in desired.ports.by_slot.items():
        link = port.link
        told: "dict[str, object]" = {
            "slot": slot,
            "table": table_of(slot),
            "mac": port.mac,
            "from": port.origin,
            "key": "" if port.record is None else port.record.key,
            "device": "" if link is None else link.name,
            "note": port.note,
        }
        for version in (4, 6):
            live = [] if link is None else snapshot.live(link.index, version)
            gateway = desired.gateways.get((slot, version))
            told[f"v{version}"] = [addresses.cidr_text(*cidr) for cidr in live]
            told[f"gateway{version}"] = "" if gateway is None else addresses.text_of(gateway)
        ports.append(told)
    unknown = [
        f"{printable(link.name)}: no metadata names it and it has no address: left alone"
        for link in desired.ports.unnamed
        if link.index not in desired.ports.slots
    ]
    return {
        "version": 1,
        "converged": not differences,
        "watching": watching,
        "primary": inputs.plan.primary,
        "metadata": inputs.records.origin,
        "options": inputs.records.options,
        "ports": ports,
        "differences": differences,
        "refused": [printable(reason) for reason in inputs.records.refused],
        "notes": unknown + notes,
    }


_HEADINGS = ("PORT", "NIC", "ADDRESSES", "GATEWAY", "TABLE", "STATE")


def status_table(told: "dict[str, object]") -> str:
    """Return `status` for people: a line for each port, and below it whatever keeps one from answering."""
    rows = [_HEADINGS]
    differences, ports = told["differences"], told["ports"]
    assert isinstance(ports, list)
    assert isinstance(differences, list)
    for port in ports:
        state = port["note"] or ("" if port["v4"] or port["v6"] else "it has no address")
        if not state and not (port["gateway4"] or port["gateway6"]):
            state = "ok, but nobody names a gateway"
        primary = " (primary)" if port["slot"] == told["primary"] else ""
        rows.append(
            (
                (port["key"] or f"slot {port['slot']}") + primary,
                port["device"] or port["mac"],
                " ".join(port["v4"] + port["v6"]) or "-",
                " ".join([gateway for gateway in (port["gateway4"], port["gateway6"]) if gateway]) or "-",
                str(port["table"]),
                state or ("ok" if not differences else "see below"),
            )
        )
    widths = [max([len(row[column]) for row in rows]) for column in range(len(_HEADINGS))]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths)]).rstrip() for row in rows]
    options = told["options"]
    assert isinstance(options, list)
    lines.append("")
    lines.append(f"watch:    {'running' if told['watching'] else 'not running: systemctl start policy-routing.service'}")
    lines.append(f"metadata: {_ORIGINS[str(told['metadata'])]}")
    lines.append(f"options:  {' '.join(options) or 'none'}")
    for name, heading in (("refused", "refused metadata"), ("notes", "note"), ("differences", "to do")):
        values = told[name]
        assert isinstance(values, list)
        lines += [f"{heading}: {value}" for value in values]
    return "\n".join(lines) + "\n"


_ORIGINS = {
    "service": "of the metadata service",
    "drive": "of the config drive; the metadata service has not answered yet",
    "": "none: neither config drive nor metadata service has told anything about the ports",
}
