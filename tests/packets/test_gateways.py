"""Topologies (a) and (b): a network with gateway and floating IP; a port on the external network and networks without gateway."""

import re
from typing import Any

import pytest

from lab.settings import Settings
from multiport.verify.verdict import FAILED, OK, Row
from tests.engine.stack import Stack
from tests.packets import record
from tests.packets.local_stack import excerpt
from tests.packets.verification import COMMAND, SAMPLE_SECONDS, amiss, verify
from tests.packets.world import World

ENOUGH = SAMPLE_SECONDS - 1


@pytest.fixture(scope="module")
def started() -> str:
    return record.utc()


@pytest.fixture(scope="module")
def outputs(stack: Stack, started: str) -> dict[str, Any]:
    assert started
    stack.configure(excerpt("gateway", "edge", "inner"))
    stack.update()
    return stack.outputs()


@pytest.fixture(scope="module")
def rows(outputs: dict[str, Any], lab: Settings) -> list[Row]:
    return verify(lab, outputs)


def test_a_private_network_with_a_gateway(rows: list[Row], started: str) -> None:
    theirs = [row for row in rows if row.server == "gateway"]
    record.write(
        "a", "Private network with a gateway, a floating IP", theirs, commands=["pulumi up", COMMAND], facts={}, started=started
    )
    assert [row.probe for row in theirs] == ["gateway", "ping", "ssh", "curl", "tcpdump"]
    assert amiss(theirs) == []


def test_directly_outside_and_networks_without_gateway(
    rows: list[Row], outputs: dict[str, Any], world: World, started: str
) -> None:
    edge, inner = (outputs["servers"][name]["ports"] for name in ("edge", "inner"))
    networks = ("back", "storage")
    pings = {name: f"ping -n -q -i 1 -c {SAMPLE_SECONDS} -I {_only(edge[name])} {_only(inner[name])}" for name in networks}
    ask = " & ".join(f"{ping} > /tmp/{name}" for name, ping in pings.items())
    said = world.log_in("debian", _only(edge["public"]), f"{ask} & wait; cat {' '.join(f'/tmp/{name}' for name in networks)}")
    received = dict(zip(networks, (int(count) for count in re.findall(r"(\d+) received", said)), strict=True))
    theirs = [row for row in rows if row.server in ("edge", "inner")]
    between = [
        Row("edge", name, "ping", _only(inner[name]), OK if count >= ENOUGH else FAILED, f"{count}/{SAMPLE_SECONDS} to inner")
        for name, count in received.items()
    ]
    record.write(
        "b",
        "Directly on the external network, and two networks without gateway and DHCP to a second server",
        [*theirs, *between],
        commands=["pulumi up", COMMAND, *(f"edge: {ping}" for ping in pings.values())],
        facts={},
        started=started,
    )
    assert {row.server for row in theirs if row.probe == "gateway"} == {"edge", "inner"}
    assert amiss(theirs) == []
    assert min(received.values()) >= ENOUGH, said


def _only(port: dict[str, Any]) -> str:
    [address] = port["fixed_ips"].values()
    return str(address)
