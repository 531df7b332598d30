"""The route-decision matrix: the kernel's answer for each flow, family and peer, and the scoreboard in docs/."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.netns.namespace import Namespace
from tests.netns.peers import PEERS
from tests.netns.topology import CLIENT, Cloud, Port

SCOREBOARD: Final = Path(__file__).parents[2] / "docs" / "scoreboard.md"

CONTAINER: Final = {4: "172.17.0.2", 6: "fd00:17::2"}
BRIDGE: Final = {4: "172.17.0.1/16", 6: "fd00:17::1/64"}

FLOWS: Final = {
    "A2 to the internet": "eth1 via gw2",
    "A2 to NIC1's subnet": "eth1 via gw2",
    "A1 to NIC2's subnet": "eth0 via gw1",
    "A2 to a container": "docker0",
    "forwarded, eth1 to a container": "docker0",
    "socket bound to eth1": "eth1 via gw2",
    "A2 after eth1 went down and up": "unreachable",
}
"""Each flow, and the only decision that neither Neutron nor a container suffers from."""


@contextmanager
def two_subnets() -> Iterator[Cloud]:
    """Two NICs on two subnets, and a bridge with a container as Docker makes them."""
    with Cloud([Port(0, 1), Port(1, 2)]) as cloud, Namespace("container") as container:
        cloud.guest.ip("link add docker0 type bridge forward_delay 0\nlink set docker0 up\n")
        for version in (4, 6):
            cloud.guest.ip(f"addr add {BRIDGE[version]} dev docker0{' nodad' if version == 6 else ''}\n")
        cloud.guest.veth("veth0", container, "eth0")
        cloud.guest.ip("link set veth0 master docker0 up\n")
        cloud.guest.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
        container.ip("link set eth0 up\n")
        yield cloud


def decision(cloud: Cloud, version: int, query: str) -> str:
    """Return what ``ip route get`` says, as in the table."""
    done = cloud.guest.run("ip", "-o", f"-{version}", "route", "get", *query.split(), check=False)
    device = re.search(r" dev (\S+)", done.stdout)
    if done.returncode or done.stdout.startswith("unreachable") or device is None:
        return "unreachable"
    gateway = re.search(r" via (\S+)", done.stdout)
    for number, port in enumerate(cloud.ports, start=1):
        if gateway and port.device == device[1] and gateway[1] == port.gateway(version):
            return f"{device[1]} via gw{number}"
    return device[1] if gateway is None else f"{device[1]} via {gateway[1]}"


def decisions(cloud: Cloud) -> dict[int, dict[str, str]]:
    """Ask for every flow in both families; for the last one eth1 goes down and up, with nobody there to mend it."""
    first, second = cloud.ports
    answers: dict[int, dict[str, str]] = {}
    for version in (4, 6):
        queries = {
            "A2 to the internet": f"{CLIENT[version]} from {second.address(version)}",
            "A2 to NIC1's subnet": f"{first.address(version, 99)} from {second.address(version)}",
            "A1 to NIC2's subnet": f"{second.address(version, 99)} from {first.address(version)}",
            "A2 to a container": f"{CONTAINER[version]} from {second.address(version)}",
            "forwarded, eth1 to a container": f"{CONTAINER[version]} from {CLIENT[version]} iif {second.device}",
            "socket bound to eth1": f"{CLIENT[version]} oif {second.device}",
        }
        answers[version] = {flow: decision(cloud, version, query) for flow, query in queries.items()}
    cloud.guest.ip(f"link set {second.device} down\nlink set {second.device} up\n")
    # The distribution puts the IPv6 address back, which the kernel has dropped; routes come with the next lease only.
    cloud.guest.ip(f"addr replace {second.cidr(6)} dev {second.device} nodad\n")
    for version in (4, 6):
        query = f"{CLIENT[version]} from {second.address(version)}"
        answers[version]["A2 after eth1 went down and up"] = decision(cloud, version, query)
    return answers


def test_scoreboard() -> None:
    found: dict[str, dict[int, dict[str, str]]] = {}
    for name, configure in PEERS.items():
        with two_subnets() as cloud:
            for version in (4, 6):
                configure(cloud, version)
            found[name] = decisions(cloud)
    faults = {
        name: [(version, flow) for version in (4, 6) for flow, wanted in FLOWS.items() if answers[version][flow] != wanted]
        for name, answers in found.items()
    }
    SCOREBOARD.write_text(_table(found), encoding="utf-8")
    assert faults["multiport"] == []
    assert [name for name, those in faults.items() if not those] == ["multiport"]


def _table(found: dict[str, dict[int, dict[str, str]]]) -> str:
    lines = [
        "# Route decisions, ours and the peers'",
        "",
        "Written by `tests/netns/test_netns_matrix.py`, which asks a real kernel. Two NICs on two subnets, a bridge with a",
        "container; A1 and A2 are the NICs' addresses, gw1 and gw2 their gateways. **!** marks a decision by which packets",
        "are lost: Neutron's port security drops what leaves by another port, and containers do not sit behind a gateway.",
        "",
    ]
    for version in (4, 6):
        lines += [f"## IPv{version}", "", f"| Flow | {' | '.join(found)} |", f"|---{'|---' * len(found)}|"]
        for flow, wanted in FLOWS.items():
            answers = [answers[version][flow] for answers in found.values()]
            cells = [answer if answer == wanted else f"{answer} **!**" for answer in answers]
            lines.append(f"| {flow} | {' | '.join(cells)} |")
        faults = [sum(answers[version][flow] != wanted for flow, wanted in FLOWS.items()) for answers in found.values()]
        lines += [f"| **faults** | {' | '.join(map(str, faults))} |", ""]
    return "\n".join(lines)
