"""A guest that Nova has booted: its ports, their packets, and how soon its addresses answer after an event."""

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
"""Seconds within which every floating IP must answer after the network is up."""

STEADY: Final = 5.0
"""Seconds without a missing answer after which an address counts as back."""

ENOUGH: Final = 0.95
"""Share of replies in a sample that suffices, because emulated guests on a busy machine are sometimes late."""

BOOT: Final = 420.0
"""Seconds that a boot may take."""


@dataclass(frozen=True)
class Port:
    """A port with its floating IP.

    Attributes:
        key: Key of the port in the configuration.
        id: Id in Neutron.
        mac: MAC address.
        fixed: Fixed IPs.
        floating: Floating IP.
    """

    key: str
    id: str
    mac: str
    fixed: tuple[str, ...]
    floating: str

    def seen(self, server: str) -> Seen:
        """Return a new record for a capture of this port."""
        return Seen(f"{server} {self.key}", self.mac, frozenset(map(ip_address, self.fixed)))


def ports_of(server: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return the ports of a server from the outputs of the stack."""
    return tuple(
        Port(key, port["port_id"], port["mac_address"], tuple(port["fixed_ips"].values()), port["floating_ips"]["v4"])
        for key, port in server["ports"].items()
    )


@dataclass
class Guest:
    """A guest.

    Attributes:
        name: Key of the server in the configuration.
        user: Login name.
        id: Id of the server in Nova.
        ports: Ports of the server.
        world: The network outside.
        prober: Sends requests to every floating IP, ten times a second.
        capture: Captures the frames on the TAP devices.
    """

    name: str
    user: str
    id: str
    ports: Sequence[Port]
    world: World
    prober: Prober
    capture: Capture

    def ask(self, command: str) -> str:
        """Run a shell command in the guest, through the first floating IP that answers. The command must succeed."""
        address = next((port.floating for port in self.ports if self.world.answers(port.floating)), self.ports[0].floating)
        return self.world.log_in(self.user, address, command)

    def boot_id(self) -> str:
        """Return an id that differs after each boot."""
        return self.ask("cat /proc/sys/kernel/random/boot_id")

    def settle(self) -> None:
        """Wait until systemd has started everything."""
        self.ask("systemctl is-system-running --wait || true")

    def interfaces(self) -> list[str]:
        """Return the names of the guest's interfaces, in the order of the ports."""
        links = self.ask("ip -o link").splitlines()
        return [next(line.split(": ")[1] for line in links if port.mac in line) for port in self.ports]

    def clock(self) -> float:
        """Return by how many seconds the guest's clock is ahead of this machine's, with an error of some tenths of a second."""
        return float(self.ask("date +%s.%N")) - time.time()

    def leased(self, since: float) -> dict[str, float]:
        """Return the time of each port's first lease after a time, for the ports that got one."""
        seen = {port.key: self.capture.seen[f"tap{port.id[:11]}"].leased(since) for port in self.ports}
        return {key: at for key, at in seen.items() if at is not None}

    def await_leases(self, since: float, keys: Sequence[str] = ()) -> float:
        """Wait until the given ports, or all, have a DHCP lease after a time. Return when the last one came."""
        wanted = set(keys or (port.key for port in self.ports))
        until(lambda: wanted <= set(self.leased(since)), BOOT, f"{self.name}: a lease for each of {', '.join(sorted(wanted))}")
        return max(at for key, at in self.leased(since).items() if key in wanted)

    def run_apart(self, command: str) -> float:
        """Run a command in the guest that may interrupt the network. Return when it ended, in seconds of Unix time."""
        mark = f"/run/apart-{time.monotonic_ns()}"
        self.ask(f"sudo systemd-run --quiet sh -c '{{ {command}; }} > {mark}.log 2>&1; echo $? > {mark}'")
        shown = self.ask(f"until [ -s {mark} ]; do sleep 0.2; done; cat {mark}; stat --format=%.Y {mark}; cat {mark}.log")
        status, ended, *said = shown.splitlines()
        assert status == "0", f"{command}: {status} {said}"
        return float(ended) - self.clock()

    def back(self, port: Port, since: float, seconds: float) -> float | None:
        """Wait until a floating IP answers without a gap after a time. Return when that began, or None after a timeout."""
        address = IPv4Address(port.floating)
        deadline = time.time() + seconds + STEADY + PATIENCE
        while time.time() < deadline:
            began = self.prober.answers_since(address)
            if began is not None and time.time() - max(began, since) > STEADY + PATIENCE:
                return began
            time.sleep(0.2)
        return None


def observed(lab: Settings, servers: Mapping[str, Sequence[Port]]) -> Capture:
    """Return a capture on all ports of some servers."""
    return Capture(lab, [(port.id, port.seen(name)) for name, ports in servers.items() for port in ports])


def describe(seen: Seen) -> str:
    """Describe the packets that a port has sent."""
    foreign = ", ".join(f"{count} x {what}" for what, count in seen.foreign.items())
    return f"{seen.sent.total()} packets sent, {seen.foreign.total()} with a foreign source{f': {foreign}' if foreign else ''}"
