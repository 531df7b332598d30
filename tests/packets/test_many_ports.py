"""Topology (d): two and three ports on one subnet, a floating IP on each; and the same servers without policy routing."""

from typing import Any

import pytest

from lab.settings import Settings
from multiport.verify.verdict import OK, Row
from tests.engine.stack import Stack
from tests.packets import record
from tests.packets.local_stack import excerpt, unrouted
from tests.packets.verification import COMMAND, amiss, verify
from tests.packets.world import World, until

SERVERS = ("two", "three")
BOOT_SECONDS = 420
DEAD_SECONDS = 60
PROBES = ("gateway", "ping", "ssh", "curl", "tcpdump")


@pytest.fixture(scope="module")
def rows(stack: Stack, lab: Settings, world: World) -> list[Row]:
    started = record.utc()
    stack.configure(unrouted(excerpt(*SERVERS), *SERVERS))
    stack.update()
    outputs = stack.outputs()
    world.wait_for([address for server in SERVERS for address in _floating(outputs, server)], BOOT_SECONDS)
    for server in SERVERS:
        plain = _floating(outputs, f"{server}-plain")
        until(lambda plain=plain: any(map(world.answers, plain)), BOOT_SECONDS, f"{server}-plain boots")  # type: ignore[misc]
    found = verify(lab, outputs, WAIT=str(DEAD_SECONDS))  # a short wait, because some addresses will never answer
    facts: dict[str, Any] = {f"{server} without policy routing": _lost(found, f"{server}-plain") for server in SERVERS}
    record.write(
        "d",
        "Two and three ports on one subnet",
        _of(found, *SERVERS),
        commands=["pulumi up", COMMAND],
        facts=facts,
        started=started,
    )
    return found


@pytest.mark.parametrize(("server", "ports"), [("two", 2), ("three", 3)])
def test_every_address_answers_by_its_own_port(rows: list[Row], server: str, ports: int) -> None:
    theirs = _of(rows, server)
    assert [row.probe for row in theirs] == list(PROBES) * ports
    assert amiss(theirs) == []


@pytest.mark.parametrize("server", SERVERS)
def test_without_policy_routing_an_address_is_lost(rows: list[Row], server: str) -> None:
    assert _lost(rows, f"{server}-plain"), "all addresses answer without policy routing, so the proof could not fail"


def _floating(outputs: dict[str, Any], server: str) -> list[str]:
    return [port["floating_ips"]["v4"] for port in outputs["servers"][server]["ports"].values()]


def _of(rows: list[Row], *servers: str) -> list[Row]:
    return [row for row in rows if row.server in servers]


def _lost(rows: list[Row], server: str) -> list[str]:
    """Return the addresses that did not answer correctly, and how many of the pings they answered."""
    return [
        f"{row.target}: {row.evidence} [{row.cause}]" for row in _of(rows, server) if row.probe == "ping" and row.result != OK
    ]
