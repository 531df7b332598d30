"""Random faults: no port may ever send a source address that is not its own, and every address must recover from each fault.

MULTIPORT_SOAK_MINUTES is the duration (30), MULTIPORT_SOAK_SEED repeats the choices of a run. Every kind of fault happens once
before any kind happens again.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random
from typing import Any, Final

import pytest

from lab.guests.stacks import STACKS
from lab.packets import guest_images, namespaces
from lab.settings import Settings
from multiport.verify.verdict import FAILED, OK, Row
from tests.engine.stack import Stack
from tests.guests.probes import Prober, icmp_socket
from tests.packets import record
from tests.packets.capture import Capture
from tests.packets.faults import Faults, Happened
from tests.packets.guests import BOOT, Guest, describe, observed, ports_of
from tests.packets.world import World, until

SECONDS: Final = 60 * float(os.environ.get("MULTIPORT_SOAK_MINUTES") or 30)
SEED: Final = int(os.environ.get("MULTIPORT_SOAK_SEED") or secrets.randbelow(10**6))
IMAGES: Final = {"one": "Ubuntu-24.04", "two": "Debian-12"}
HOT: Final = "later"
LATE_SECONDS: Final = 120
"""Seconds to wait for an address that did not recover in time, before the next fault."""


@dataclass
class Soak:
    """The guests, their packets, and the faults.

    Attributes:
        guests: Guests by the key of the server.
        faults: Causes the faults.
        capture: Captures the frames on every TAP device.
        log: A line for each fault.
        took: Seconds until every address had recovered, for each fault of each kind; None if that took too long.
        seconds: Duration of the run.
    """

    guests: Mapping[str, Guest]
    faults: Faults
    capture: Capture
    log: list[str] = field(default_factory=list)
    took: dict[str, list[float | None]] = field(default_factory=dict)
    seconds: float = 0

    def run(self, seconds: float) -> None:
        """Cause faults until the time is over."""
        started = time.time()
        waiting: list[str] = []
        while time.time() - started < seconds:
            waiting = waiting or self.faults.random.sample(list(self.faults.kinds), len(self.faults.kinds))
            kind = waiting.pop()
            at, foreign = time.time() - started, self.capture.foreign()
            happened = self.faults.kinds[kind]()
            took, words = self._all_back(happened)
            self.took.setdefault(kind, []).append(took)
            seen = self.capture.foreign() - foreign
            self.log.append(f"{at:6.0f} s  {kind}, {happened.where}: {words}{f'; {seen} foreign sources' if seen else ''}")
            print(self.log[-1], flush=True)
            time.sleep(self.faults.random.uniform(1, 5))
        self.seconds = time.time() - started

    def rows(self) -> list[Row]:
        """Return the results."""
        found = []
        for tap in self.capture.seen.values():
            server, port = tap.name.split()
            good = tap.sent.total() > 0 and not tap.foreign
            target = ", ".join(map(str, sorted(tap.addresses, key=str)))
            found.append(Row(server, port, "own sources only", target, OK if good else FAILED, describe(tap)))
        for kind, took in self.took.items():
            late, times = took.count(None), [seconds for seconds in took if seconds is not None]
            words = f"every address back {max(times):.1f} s after it was over, at most" if times else "never back in time"
            found.append(Row("all", "-", kind, f"{len(took)} times", FAILED if late else OK, f"{words}; {late} times late"))
        return found

    def _all_back(self, happened: Happened) -> tuple[float | None, str]:
        times, words = [0.0], []
        for guest in self.guests.values():
            for port in guest.ports:
                began = guest.back(port, happened.over, LATE_SECONDS)
                if began is None:
                    words.append(f"{guest.name} {port.key} NOT BACK in {LATE_SECONDS} s")
                    continue
                times.append(began - happened.over)
                if times[-1] > happened.allowed:
                    words.append(f"{guest.name} {port.key} LATE, after {times[-1]:.1f} s")
        return (None, "; ".join(words)) if words else (max(times), f"all back after {max(times):.1f} s")


def _config() -> dict[str, Any]:
    rules = [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]
    router = {"external_network": "PUBLICNET"}
    common = {"flavor": "gp.0.1.2", "key_pair": "multiport", "security_groups": ["reachable"]}
    ports = {key: {"network": "front", "floating_ip": {}} for key in ("a", "b")}
    later = {HOT: {"network": "side", "hot": True, "floating_ip": {}}}
    return {
        "security_groups": {"reachable": {"rules": rules}},
        "networks": {
            "front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": router},
            "side": {"subnets": {"v4": {"cidr": "192.168.20.0/24"}}, "router": router},
        },
        "servers": {
            name: {**common, "image": image, "ports": {**ports, **(later if name == "one" else {})}}
            for name, image in IMAGES.items()
        },
    }


@pytest.fixture(scope="module")
def soak(make_stack: Callable[[str], Stack], lab: Settings, world: World, api: Any) -> Iterator[Soak]:
    """The run with both servers, once all their addresses answer."""
    started, stack = record.utc(), make_stack("soak")
    with ExitStack() as ends:
        ends.callback(stack.destroy)
        stack.configure(_config())
        stack.update()
        servers = stack.outputs()["servers"]
        ports = {name: ports_of(server) for name, server in servers.items()}
        prober = Prober(
            namespaces.call(lab, namespaces.OUTSIDE, icmp_socket),
            [IPv4Address(port.floating) for server_ports in ports.values() for port in server_ports],
        )
        ends.callback(prober.stop)
        capture = observed(lab, ports)
        stacks = {
            name: next(stack for stack in STACKS if stack.name == guest_images.STACKS[image]) for name, image in IMAGES.items()
        }
        guests = {
            name: Guest(name, stacks[name].user, servers[name]["id"], ports[name], world, prober, capture) for name in IMAGES
        }
        since = time.time()
        for guest in guests.values():
            until(lambda: all(guest.back(port, since, 0) for port in guest.ports), BOOT, f"{guest.name} answers")
            guest.settle()
        hot = next(port for port in ports["one"] if port.key == HOT)
        faults = Faults(
            lab, api, {name: (guest, stacks[name].name) for name, guest in guests.items()}, (guests["one"], hot), Random(SEED)
        )
        ends.enter_context(capture)
        found = Soak(guests, faults, capture)
        yield found
        facts = {
            "seed": SEED,
            "minutes": round(found.seconds / 60, 1),
            "faults": {kind: len(took) for kind, took in found.took.items()},
            "packets": {seen.name: dict(seen.sent) for seen in capture.seen.values()},
            "frames that the capture lost": capture.lost_now(),
            "first foreign sources": [
                f"{seen.name}: {what}" for seen in capture.seen.values() for _, what in seen.first_foreign[:5]
            ],
        }
        commands = ["pulumi up --yes", *found.log]
        topology = "random faults: two servers with two ports on one subnet, one of them with a port attached later"
        record.write("soak", topology, found.rows(), commands=commands, facts=facts, started=started)


def test_every_address_recovers_and_no_foreign_source_address_is_sent(soak: Soak) -> None:
    soak.run(SECONDS)
    assert soak.capture.lost_now() == 0
    assert not [row for row in soak.rows() if row.result != OK]
