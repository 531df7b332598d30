"""Topology (c): several addresses with a floating IP each, and a virtual IP that moves between two servers.

It moves as with keepalived: one guest deletes it, and the other adds it and sends gratuitous ARP (announcer.py).
"""

import copy
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile
from typing import Any

import pytest

from lab.settings import Settings
from multiport.verify.verdict import FAILED, OK, Row
from tests.engine.stack import Stack
from tests.packets import record
from tests.packets.local_stack import excerpt
from tests.packets.verification import COMMAND, amiss, verify
from tests.packets.world import World, until

MEMBERS = ("first", "second")
MOVES = 6
EVERY_SECONDS = 0.05
SETTLE_SECONDS = 3
"""Seconds of pings before the first move and after each move."""
GAP_SECONDS = 1.0
FORGOTTEN_SECONDS = 150
"""Seconds in which a guest learns that it is no longer the holder. It reads the metadata service every minute."""
REPLY = re.compile(r"^\[([\d.]+)\] .* icmp_seq=(\d+) ")
ANNOUNCER = Path(__file__).with_name("announcer.py").read_text()


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """Return the configuration of the local stack, in which each member also gets a floating IP for logins.

    The guests get a second processor. A guest adds the rules of a new address first, which takes a single emulated processor up
    to a second.
    """
    found = excerpt("pairs", *MEMBERS)
    for name in MEMBERS:
        found["servers"][name]["flavor"] = "gp.0.2.4"
        found["servers"][name]["ports"]["a"]["floating_ip"] = {}
    return found


@pytest.fixture(scope="module")
def started() -> str:
    return record.utc()


@pytest.fixture(scope="module")
def rows(stack: Stack, lab: Settings, config: dict[str, Any], started: str) -> list[Row]:
    stack.configure(config)
    stack.update()
    found = verify(lab, stack.outputs())
    _record(found, {}, started)
    return found


def test_every_address_answers(rows: list[Row]) -> None:
    asked = {(row.server, row.port) for row in rows if row.probe == "ping"}
    assert asked == {("pairs", "one"), ("pairs", "two"), ("first", "a"), ("second", "a"), ("virtual", "shared")}
    assert len([row for row in rows if row.probe == "ping" and (row.server, row.port) == ("pairs", "one")]) == 2
    assert amiss(rows) == []


def test_the_virtual_address_moves_within_a_second(
    rows: list[Row], stack: Stack, config: dict[str, Any], world: World, *, api: Any, started: str
) -> None:
    without = copy.deepcopy(config)
    address = without["virtual_ips"]["shared"]["ip_address"]
    del without["virtual_ips"]["shared"]["holder"]  # otherwise the guest of the holder would add the address again
    stack.configure(without)
    stack.update()
    outputs = stack.outputs()
    api.compute.stop_server(outputs["servers"]["pairs"]["id"])  # no longer needed; its processor time goes to the other guests
    ports = {name: outputs["servers"][name]["ports"]["a"] for name in MEMBERS}
    logins = {name: port["floating_ips"]["v4"] for name, port in ports.items()}
    shown = f"ip -o address show to {address}"
    until(lambda: not world.log_in("ubuntu", logins["first"], shown), FORGOTTEN_SECONDS, "the first server forgets the address")
    guests = {
        name: world.session("ubuntu", logins[name], f"sudo python3 -c {quote(ANNOUNCER)} {ports[name]['mac_address']} {address}")
        for name in MEMBERS
    }
    try:
        for guest in guests.values():
            assert _line(guest) == "ready"
        _tell(guests["first"], "take")
        world.wait_for([outputs["virtual_ips"]["shared"]["floating_ip"]], 30)
        moved = []
        with TemporaryFile("w+") as file:
            ping = world.ping(outputs["virtual_ips"]["shared"]["floating_ip"], EVERY_SECONDS, file)
            time.sleep(SETTLE_SECONDS)
            for move in range(MOVES):
                left, taken = MEMBERS[move % 2], MEMBERS[(move + 1) % 2]
                moved.append(time.time())
                _tell(guests[left], "leave")
                _tell(guests[taken], "take")
                time.sleep(SETTLE_SECONDS)
            ping.send_signal(signal.SIGINT)
            ping.wait()
            file.seek(0)
            lines = file.readlines()
    finally:
        for guest in guests.values():
            guest.terminate()
            guest.wait()
    replies = [(float(found[1]), int(found[2])) for line in lines if (found := REPLY.match(line))]
    gaps = [_gap(replies, at, at + SETTLE_SECONDS) for at in moved]
    sent = max(number for _, number in replies)
    result = OK if max(gaps) < GAP_SECONDS else FAILED
    silences = f"longest silence at each move: {', '.join(f'{gap:.2f} s' for gap in gaps)}"
    _record(
        [*rows, Row("virtual", "shared", "move", address, result, silences)],
        {
            "the virtual address": f"moved {MOVES} times: one guest deletes it, the other adds and announces it (gratuitous ARP)",
            "pings, one every 50 ms": f"{len(replies)}/{sent} answered",
        },
        started,
    )
    assert max(gaps) < GAP_SECONDS, gaps


def _record(rows: Sequence[Row], facts: dict[str, Any], started: str) -> None:
    name = "Several addresses with a floating IP each, and a virtual address that two servers share"
    record.write("c", name, rows, commands=["pulumi up", COMMAND], facts=facts, started=started)


def _tell(guest: subprocess.Popen[str], verb: str) -> None:
    assert guest.stdin
    guest.stdin.write(f"{verb}\n")
    guest.stdin.flush()
    assert _line(guest) == "done"


def _line(guest: subprocess.Popen[str]) -> str:
    assert guest.stdout
    return guest.stdout.readline().strip()


def _gap(replies: Sequence[tuple[float, int]], begin: float, end: float) -> float:
    """Return the longest time between two replies during a period, including the replies just before and after it."""
    times = [at for at, _ in replies]
    assert times, "no reply at all"
    assert times[0] < begin, "no reply before the move"
    assert times[-1] > begin, "no reply after the move"
    return max(later - earlier for earlier, later in pairwise(times) if later > begin and earlier < end)
