"""Draws the servers that change, their ports and networks as a Mermaid flowchart that marks changes in words and colours."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from multiport.review.losses import operation
from multiport.review.preview import Step
from multiport.review.topology import PortRow, Topology
from multiport.review.wording import count, shortened, visible

PORTS_MOST: Final = 24
"""The largest number of ports in a diagram: more would be illegible, and GitHub refuses diagrams with more than 500 edges."""

_LABEL = 60
_BREAK = "\u200b"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ./:()→")
_STYLES = (
    "classDef create fill:#dafbe1,stroke:#1a7f37,color:#0b3d1a",
    "classDef update fill:#fff8c5,stroke:#9a6700,color:#4d3800",
    "classDef replace fill:#ffebe9,stroke:#cf222e,color:#7a0c14,stroke-width:3px",
    "classDef delete fill:#eaeef2,stroke:#6e7781,color:#57606a,stroke-dasharray:5 4",
    "classDef same fill:#ffffff,stroke:#8c959f,color:#24292f",
)
_SERVER_CLASS: Final = {"rebuild": "replace", "resize": "update"}
_WORDS: Final = {
    "create": "new",
    "update": "updated",
    "replace": "replaced",
    "rebuild": "rebuilt",
    "resize": "resized",
    "delete": "deleted",
}


def mermaid(topology: Topology) -> str:
    """Return the flowchart, or an empty text if no server and no network of a server changes."""
    servers, left_out = _drawn(topology)
    if not servers:
        return ""
    lines = ["flowchart LR"]
    networks: dict[str, str] = {}
    edges: list[str] = []
    for place, (server, rows) in enumerate(servers):
        step = topology.servers.get(server)
        op = "same" if step is None else operation(step)
        title = _marked(server or "virtual addresses", op if server else "same")
        lines.append(f'  subgraph s{place}["{title}"]')
        for number, row in enumerate(rows):
            lines.append(f'    s{place}p{number}["{_port(row)}"]')
            ends = dict.fromkeys((*row.network.old, *row.network.new))
            for network in ends:
                node = networks.setdefault(network, f"n{len(networks)}")
                gone = network not in row.network.new
                edges.append(f"  {node} {'-.-' if gone else '---'} s{place}p{number}")
        lines.append("  end")
        lines.append(f"  class s{place} {_SERVER_CLASS.get(op, op) if server else 'same'}")
        lines += [f"  class s{place}p{number} {_class(row)}" for number, row in enumerate(rows)]
    externals: dict[str, str] = {}
    for network, node in networks.items():
        lines += _network(topology, network, node, externals)
    lines += [f'  {node}(["{_label(name)}"])' for name, node in externals.items()]
    if left_out:
        lines.append(f'  more["and {count(left_out, "port")} more"]')
    return "\n".join([*lines, *edges, *(f"  {style}" for style in _STYLES)])


def _drawn(topology: Topology) -> tuple[list[tuple[str, list[PortRow]]], int]:
    """Return the servers to draw, with all of their ports, and the number of changed ports that do not fit."""
    changed = {row.server for row in topology.ports if row.changed}
    changed |= {key for key, step in topology.servers.items() if step.op != "same"}
    networks = {
        step.name
        for step in topology.preview.steps.values()
        if step.kind.endswith(":PrivateNetwork") and _network_op(topology, step) != "same"
    }
    changed |= {row.server for row in topology.ports if networks.intersection((*row.network.old, *row.network.new))}
    rank = {"replace": 0, "delete": 0, "create": 2}

    def place(server: str) -> tuple[int, str]:
        step = topology.servers.get(server)
        return 1 if step is None else rank.get(step.op, 1), server

    drawn: list[tuple[str, list[PortRow]]] = []
    used = left_out = 0
    for server in sorted(changed, key=place):
        rows = [row for row in topology.ports if row.server == server]
        if not server:
            rows = [row for row in rows if row.changed or networks.intersection((*row.network.old, *row.network.new))]
        room = max(PORTS_MOST - used, 0)
        kept = rows[:room]
        left_out += len(rows) - len(kept)
        used += len(kept)
        if kept:
            drawn.append((server, kept))
    return drawn, left_out


def _network(topology: Topology, network: str, node: str, externals: dict[str, str]) -> Iterator[str]:
    component = next(
        (step for step in topology.preview.steps.values() if step.kind.endswith(":PrivateNetwork") and step.name == network), None
    )
    declared: Any = {} if component is None else component.state.inputs.get("declared") or {}
    cidrs = [subnet["cidr"] for _, subnet in sorted(declared.get("subnets", {}).items()) if "cidr" in subnet]
    op = _network_op(topology, component)
    yield f'  {node}[/"{"<br/>".join([_marked(network, op), *map(_label, cidrs)])}"/]'
    yield f"  class {node} {op}"
    router = declared.get("router")
    if isinstance(router, dict):
        name = str(router.get("external_network", ""))
        external = externals.setdefault(name, f"x{len(externals)}")
        yield f'  {external} ---|"router"| {node}'


def _network_op(topology: Topology, component: Step | None) -> str:
    """Return the operation on a network: the most serious one among its parts."""
    if component is None:
        return "same"
    ops = {step.op for step in topology.preview.steps.values() if step.parent == component.urn}
    if component.op in ("create", "delete"):
        return component.op
    return "replace" if ops & {"replace"} else "update" if ops - {"same"} else "same"


def _class(row: PortRow) -> str:
    return "same" if row.becomes == "keep" else row.becomes


def _port(row: PortRow) -> str:
    title = _marked(row.key, _class(row))
    marks = [f"({_label(mark)})" for mark in row.marks if mark != "virtual address"]
    return "<br/>".join(
        [
            " ".join([title, *marks]),
            *_both(row.fixed_ips.old, row.fixed_ips.new),
            *_both(row.floating_ips.old, row.floating_ips.new, "FIP "),
        ]
    )


def _both(old: Iterable[str], new: Iterable[str], prefix: str = "") -> Iterator[str]:
    before, after = " ".join(old), " ".join(new)
    if before != after and before and after:
        yield f"{prefix}{_label(before)} → {_label(after)}"
    elif after or before:
        yield f"{prefix}{_label(after or before)}"


def _marked(name: str, op: str) -> str:
    return f"{_label(name)} ({_WORDS[op]})" if op in _WORDS else _label(name)


def _label(text: str) -> str:
    """Return text that Mermaid shows literally: special characters become entities, so that none of them is markup."""
    shown = shortened(visible(text), _LABEL)
    # Mermaid reads labels as Markdown, whatever the characters are written as, and draws neither lists nor links
    shown = re.sub(r"^(?=\s*(?:[-+*]|\d+[.)])\s)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", _BREAK, shown)
    return "".join(each if each in _PLAIN else f"#{ord(each)};" for each in shown)
