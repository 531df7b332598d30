"""A guest that Nova booted: its ports on the cloud, what passes them, and what is asked of it after an event."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

from lab.settings import Settings
from tests.guests.probes import PATIENCE, Prober
from tests.packets.capture import Capture, Seen
from tests.packets.world import World, until

BACK: Final = 15.0
"""Seconds from the network being up within which every floating IP must answer."""

STEADY: Final = 5.0
"""Seconds of answers without a gap that count as being back."""

ENOUGH: Final = 0.95
"""Of the replies in a sample: emulated guests on a busy machine are late now and then."""

BOOT: Final = 420.0
"""Seconds that a boot may take."""


@dataclass(frozen=True)
class Port:
    """A port with its floating IP.

    Attributes:
        key: The user's.
        id: In Neutron.
        mac: Its MAC address.
        fixed: Its fixed IPs.
        floating: Its floating IP.
    """

    key: str
    id: str
    mac: str
    fixed: tuple[str, ...]
    floating: str

    def seen(self, server: str) -> Seen:
        """Where a capture counts what it sends."""
        return Seen(f"{server} {self.key}", self.mac, frozenset(map(ip_address, self.fixed)))


def ports_of(server: Mapping[str, Any]) -> tuple[Port, ...]:
    """The ports of a server, from the stack's outputs."""
    return tuple(
        Port(key, each["port_id"], each["mac_address"], tuple(each["fixed_ips"].values()), each["floating_ips"]["v4"])
        for key, each in server["ports"].items()
    )


@dataclass
class Guest:
    """A guest.

    Attributes:
        name: The server's key.
        user: Login name.
        id: The server's in Nova.
        ports: Its ports.
        world: The world outside.
        prober: Asks every floating IP, ten times a second.
        capture: Sees what passes the taps.
    """

    name: str
    user: str
    id: str
    ports: Sequence[Port]
    world: World
    prober: Prober
    capture: Capture

    def ask(self, command: str) -> str:
        """Run a shell command that must succeed in the guest, by its first floating IP that answers."""
        address = next((port.floating for port in self.ports if self.world.answers(port.floating)), self.ports[0].floating)
        return self.world.log_in(self.user, address, command)

    def boot_id(self) -> str:
        """Changes with each boot."""
        return self.ask("cat /proc/sys/kernel/random/boot_id")

    def settle(self) -> None:
        """Wait until it has nothing left to start."""
        self.ask("systemctl is-system-running --wait || true")

    def interfaces(self) -> list[str]:
        """The names that it has given to its ports."""
        links = self.ask("ip -o link").splitlines()
        return [next(line.split(": ")[1] for line in links if port.mac in line) for port in self.ports]

    def clock(self) -> float:
        """How much its clock is ahead of ours, in seconds; the answer takes a few tenths of one to come."""
        return float(self.ask("date +%s.%N")) - time.time()

    def leased(self, since: float) -> dict[str, float]:
        """When each port got its first lease after a time, of those that did."""
        seen = {port.key: self.capture.seen[f"tap{port.id[:11]}"].leased(since) for port in self.ports}
        return {key: at for key, at in seen.items() if at is not None}

    def await_leases(self, since: float, keys: Sequence[str] = ()) -> float:
        """Wait until DHCP has given some ports, or all, a lease after a time; returns when the last got it: the network is up."""
        wanted = set(keys or (port.key for port in self.ports))
        until(lambda: wanted <= set(self.leased(since)), BOOT, f"{self.name}: a lease for each of {', '.join(sorted(wanted))}")
        return max(at for key, at in self.leased(since).items() if key in wanted)

    def run_apart(self, command: str) -> float:
        """Run a command in the guest that may cut the network off; returns when it had ended, in seconds of Unix time."""
        mark = f"/run/apart-{time.monotonic_ns()}"
        self.ask(f"sudo systemd-run --quiet sh -c '{{ {command}; }} > {mark}.log 2>&1; echo $? > {mark}'")
        shown = self.ask(f"until [ -s {mark} ]; do sleep 0.2; done; cat {mark}; stat --format=%.Y {mark}; cat {mark}.log")
        status, ended, *said = shown.splitlines()
        assert status == "0", f"{command}: {status} {said}"
        return float(ended) - self.clock()

    def back(self, port: Port, since: float, seconds: float) -> float | None:
        """Wait until a floating IP answers steadily after a time; returns since when, None if it does not within so long."""
        address = IPv4Address(port.floating)
        deadline = time.time() + seconds + STEADY + PATIENCE
        while time.time() < deadline:
            began = self.prober.answers_since(address)
            if began is not None and time.time() - max(began, since) > STEADY + PATIENCE:
                return began
            time.sleep(0.2)
        return None


def observed(lab: Settings, servers: Mapping[str, Sequence[Port]]) -> Capture:
    """A capture on all the ports of some servers."""
    return Capture(lab, [(port.id, port.seen(name)) for name, ports in servers.items() for port in ports])


def describe(seen: Seen) -> str:
    """What a port has sent, in words."""
    foreign = ", ".join(f"{count} x {what}" for what, count in seen.foreign.items())
    return f"{seen.sent.total()} packets sent, {seen.foreign.total()} with a foreign source{f': {foreign}' if foreign else ''}"
