"""Says in words what is to be done, what is kept for whom, and why something is not."""

from . import addresses
from .desired import Desired
from .inputs import Inputs
from .kernel import UNICAST, UNREACHABLE, VERSION, Snapshot, gateway_of, hops_of
from .netlink import NUMBER, attributes
from .numbers import table_of
from .operations import Operation
from .plan import printable

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import Any

_TYPES = {6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
_SCOPES = {200: "site", 253: "link", 254: "host"}
_METRICS = {2: "mtu", 3: "window", 4: "rtt", 5: "rttvar", 6: "ssthresh", 7: "cwnd", 8: "advmss", 9: "reordering", 10: "hoplimit"}
_METRICS.update({11: "initcwnd", 13: "rto_min", 14: "initrwnd", 15: "quickack"})
_LOCK = 1
_ORIGINS = {"service": "of the metadata service", "drive": "of the config drive; the metadata service has not answered yet"}


def command(operation: Operation, snapshot: Snapshot) -> str:
    """Return the command that does the same as an operation."""
    values = operation.values
    names = {index: printable(link.name) for index, link in snapshot.links.items()}
    if "family" not in values:
        device, name, value = names.get(values["index"], "?"), values["name"], values["value"]
        if operation.verb == "sysctl":
            return f"sysctl -w net/{name.replace('DEV', device)}={value}"
        return (
            f"ip link set dev {device} {name} {value}"
            if name != "up"
            else f"ip link set dev {device} {'up' if value else 'down'}"
        )
    text = f"ip -{VERSION[values['family']]} {operation.verb} "
    if operation.verb.startswith("rule"):
        return text + _rule(values)
    if operation.verb.startswith("route"):
        return text + _route(values, names)
    text += f"{addresses.cidr_text(values['address'], values['length'])} dev {names.get(values['index'], '?')}"
    return text + (" nodad" if operation.verb == "addr add" and len(values["address"]) > 4 else "")


def _rule(values: "dict[Any, Any]") -> str:
    words = [f"pref {values['priority']} from {_prefix(values, 'source', 'all')}"]
    words += [f"{name} {printable(values[name])}" for name in ("iif", "oif") if name in values]
    words += [f"fwmark 0x{values['fwmark']:x}"] if "fwmark" in values else []
    words.append("unreachable" if values["action"] == UNREACHABLE else f"lookup {values.get('table')}")
    words += [f"{name} {values[name]}" for name in ("suppress_prefixlength", "suppress_ifgroup") if name in values]
    return " ".join([*words, f"proto {values.get('protocol')}"])


def _prefix(values: "dict[Any, Any]", name: str, everything: str) -> str:
    packed, length = values.get(name), values.get("length", 0)
    if not packed or not length:
        return everything
    return addresses.text_of(packed) if length == 8 * len(packed) else addresses.cidr_text(packed, length)


def _route(values: "dict[Any, Any]", names: "dict[int, str]") -> str:
    hops = hops_of(values)
    words = [] if values["type"] == UNICAST else [_TYPES.get(values["type"], "?")]
    words.append(_prefix(values, "to", "default"))
    words += [_hop(hops[0], names)] if len(hops) == 1 else []
    words.append(f"table {values['table']} proto {values['protocol']}")
    words += [f"scope {_SCOPES[values['scope']]}"] if values.get("scope") in _SCOPES else []
    words += [f"src {addresses.text_of(values['source'])}"] if "source" in values else []
    words += [f"metric {values['metric']}"] if values["metric"] else []
    told = {kind: NUMBER.unpack_from(each)[0] for kind, each in attributes(values.get("metrics", b"")).items() if len(each) == 4}
    for kind in sorted(set(told) & set(_METRICS)):
        words.append(f"{_METRICS[kind]} {'lock ' if told.get(_LOCK, 0) >> kind & 1 else ''}{told[kind]}")
    words += [f"pref {'high' if values['preference'] == 1 else 'low'}"] if "preference" in values else []
    return " ".join(words + [f"nexthop {_hop(hop, names)}" for hop in hops if len(hops) > 1])


def _hop(hop: "dict[Any, Any]", names: "dict[int, str]") -> str:
    gateway = gateway_of(hop)
    words = [] if gateway is None else [f"via {'inet6 ' if 'via' in hop else ''}{addresses.text_of(gateway)}"]
    return " ".join([*words, f"dev {names.get(hop['index'], '?')}", *(["onlink"] if hop.get("flags") else [])])


def status(snapshot: Snapshot, inputs: Inputs, desired: Desired, differences: "list[str]", watching: bool) -> "dict[str, Any]":
    """Return all that `status` says, as the JSON object that other programs read."""
    ports = []
    for slot, port in desired.ports.by_slot.items():
        name, index = (port.link.name, port.link.index) if port.link else ("", 0)
        told = {"slot": slot, "table": table_of(slot), "mac": port.mac, "from": port.origin, "key": port.record.key}
        told.update({"device": name, "note": port.note})
        for version in (4, 6):
            live = [each[1:] for each in snapshot.addresses if each[0] == index and addresses.version_of(each[1]) == version]
            gateway = desired.gateways.get((slot, version))
            told[f"v{version}"] = [addresses.cidr_text(*cidr) for cidr in live]
            told[f"gateway{version}"] = addresses.text_of(gateway) if gateway else ""
        ports.append(told)
    notes = [
        f"{printable(link.name)}: no metadata names it and it has no address: left alone"
        for link in desired.ports.unnamed
        if link.index not in desired.ports.slots
    ]
    off = [link.name for _, link in desired.managed.values() if not link.ipv6]
    notes += [f"IPv6 is switched off on {' '.join(off)} by the sysctl disable_ipv6: left out there"] if off else []
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
        "notes": notes,
    }


def status_table(told: "dict[str, Any]") -> str:
    """Return `status` for people: a line for each port, and below it whatever keeps one from answering."""
    rows = [("PORT", "NIC", "ADDRESSES", "GATEWAY", "TABLE", "STATE")]
    for port in told["ports"]:
        live, gateways = port["v4"] + port["v6"], [each for each in (port["gateway4"], port["gateway6"]) if each]
        state = port["note"] or ("it has no address" if not live else "nobody names a gateway" if not gateways else "ok")
        name = (port["key"] or f"slot {port['slot']}") + (" (primary)" if port["slot"] == told["primary"] else "")
        nic = port["device"] or port["mac"]
        rows.append((name, nic, " ".join(live) or "-", " ".join(gateways) or "-", str(port["table"]), state))
    widths = [max([len(row[column]) for row in rows]) for column in range(6)]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths)]).rstrip() for row in rows]
    lines += ["", f"watch:    {'running' if told['watching'] else 'not running: systemctl start policy-routing.service'}"]
    lines.append(f"metadata: {_ORIGINS.get(told['metadata'], 'none: nobody has told anything about the ports yet')}")
    lines.append(f"options:  {' '.join(told['options']) or 'none'}")
    for name, heading in (("refused", "refused metadata"), ("notes", "note"), ("differences", "to do")):
        lines += [f"{heading}: {value}" for value in told[name]]
    return "\n".join(lines) + "\n"
