"""Events in the life of a server with two ports on one subnet, on each network stack.

After each event every address must answer again in time. Once cloud-init has written the files of this project, the guest must
not send packets with a foreign source address.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import pytest

from lab.guests.stacks import STACKS, NetworkStack
from lab.packets import guest_images, namespaces
from lab.settings import Settings
from multiport.verify.verdict import FAILED, OK, Row
from tests.engine.example_topology import replaced
from tests.engine.stack import Stack
from tests.guests.probes import Prober, icmp_socket
from tests.packets import record
from tests.packets.guests import BACK, BOOT, ENOUGH, Guest, describe, observed, ports_of
from tests.packets.world import World, until

SERVER = "two"
SAMPLE_SECONDS = 20
"""Seconds of requests after each event, ten requests a second."""
LEASE_SECONDS = 3
"""Seconds in which DHCP answers the requests that a command in the guest has caused."""
HOW = (
    "The network is up when the last of the server's ports got its DHCP lease (seen on its tap), or when a command in the guest"
    " that asks for none had ended. Seconds count from then to the first answer of an unbroken series (negative: before)."
)


FIRST_BOOTS = ("first boot", "replacement by Pulumi")
"""Events at which cloud-init writes the files. Until then replies follow the routes of the distribution."""


@dataclass
class Life:
    """One server, from its first boot on.

    Attributes:
        image: Name of the image.
        network_stack: Network stack of the image.
        stack: Stack of the server.
        api: Connection to the cloud's API.
        guest: Guest of the server.
        called: Time at which the deployment began, in seconds of Unix time.
        rows: Results.
        commands: Commands that were run.
        foreign: Number of packets with a foreign source address, by event.
    """

    image: str
    network_stack: NetworkStack
    stack: Stack
    api: Any
    guest: Guest
    called: float
    rows: list[Row] = field(default_factory=list)
    commands: list[str] = field(default_factory=lambda: ["pulumi up --yes"])
    foreign: dict[str, int] = field(default_factory=dict)

    def first_boot(self) -> None:
        """Wait for the first boot, in which cloud-init writes the files, until all addresses answer."""
        until(lambda: all(self.guest.back(port, self.called, 0) for port in self.guest.ports), BOOT, "all addresses answer")
        up = max(self.guest.back(port, self.called, BOOT) or 0 for port in self.guest.ports)
        self.prove("first boot", up, self.called)
        self.guest.settle()

    def prove(self, event: str, up: float, called: float | None = None) -> None:
        """Add a row for each address: it must answer in time after the network is up, and then continuously."""
        guest = self.guest
        allowed = BACK - (time.time() - up)
        began = {port: guest.back(port, up, max(allowed, 0)) for port in guest.ports}
        time.sleep(SAMPLE_SECONDS)
        late = []
        for port, at in began.items():
            took = f"network up {up - called:.1f} s after the call; " if called is not None else ""
            answered, asked = guest.prober.sample(IPv4Address(port.floating), time.time() - SAMPLE_SECONDS)
            if at is None:
                words, good = f"{took}no steady answers within {BACK:.0f} s; then {answered}/{asked}", False
            else:
                words = f"{took}answers {_after(at - up)}; then {answered}/{asked} in {SAMPLE_SECONDS} s"
                good = at - up <= BACK and answered >= ENOUGH * asked
            self.rows.append(Row(self.image, port.key, event, port.floating, OK if good else FAILED, words))
            late += [] if good else [words]
        self.foreign[event] = guest.capture.foreign() - sum(self.foreign.values())
        assert not late, late
        assert event in FIRST_BOOTS or not self.foreign[event], {
            seen.name: describe(seen) for seen in guest.capture.seen.values()
        }

    def reboot(self, event: str, kind: str) -> None:
        """Reboot the server through Nova."""
        self.commands.append(f"openstack server reboot --{kind.lower()} {SERVER}")
        before, called = self.guest.boot_id(), time.time()
        self.api.compute.reboot_server(self.guest.id, kind)
        until(lambda: self._status() != "ACTIVE", 60, "Nova reboots")
        until(lambda: self._status() == "ACTIVE", 240, "Nova has rebooted")
        self.prove(event, self.guest.await_leases(called), called)
        assert self.guest.boot_id() != before
        self.guest.settle()

    def stop_and_start(self) -> None:
        """Stop and start the server through Nova."""
        self.commands.append(f"openstack server stop {SERVER} && openstack server start {SERVER}")
        self.api.compute.stop_server(self.guest.id)
        until(lambda: self._status() == "SHUTOFF", 240, "Nova has stopped the server")
        called = time.time()
        self.api.compute.start_server(self.guest.id)
        until(lambda: self._status() == "ACTIVE", 240, "Nova has started the server")
        self.prove("stop and start", self.guest.await_leases(called), called)
        self.guest.settle()

    def restart(self, command: str) -> None:
        """Restart a part of the guest's network stack."""
        line = command.format(*self.guest.interfaces())
        self.commands.append(f"(in the guest) {line}")
        began = time.time()
        ended = self.guest.run_apart(line)
        time.sleep(LEASE_SECONDS)
        self.prove(line, max([ended, *self.guest.leased(began).values()]))

    def replace(self) -> None:
        """Change the user's cloud-config, so that Pulumi replaces the server and keeps its ports and floating IPs."""
        self.commands.append("pulumi up --yes  # with another cloud_config: the server is replaced")
        former = self.guest
        self.stack.configure(_config(self.image, "#cloud-config\nruncmd: [[touch, /root/replaced]]\n"))
        assert replaced(self.stack.preview()) == {f"{SERVER}-server"}
        called = time.time()
        self.stack.update()
        server = self.stack.outputs()["servers"][SERVER]
        assert server["id"] != former.id
        assert ports_of(server) == tuple(former.ports)
        former.id = server["id"]
        self.prove("replacement by Pulumi", former.await_leases(called), called)
        former.ask("until sudo test -e /root/replaced; do sleep 1; done")

    def _status(self) -> str:
        return str(self.api.compute.get_server(self.guest.id).status)


def _config(image: str, cloud_config: str) -> dict[str, Any]:
    return {
        "security_groups": {"reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]}},
        "networks": {"front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}}},
        "servers": {
            SERVER: {
                "image": image,
                "flavor": "gp.0.2.4",
                "key_pair": "multiport",
                "security_groups": ["reachable"],
                "cloud_config": cloud_config,
                "ports": {key: {"network": "front", "floating_ip": {}} for key in ("a", "b")},
            }
        },
    }


@pytest.fixture(scope="module", params=guest_images.STACKS)
def life(
    request: pytest.FixtureRequest, make_stack: Callable[[str], Stack], lab: Settings, world: World, api: Any
) -> Iterator[Life]:
    """A deployed server of each image. The tests cause the events in their order, and the results are recorded."""
    image, started = str(request.param), record.utc()
    network_stack = next(stack for stack in STACKS if stack.name == guest_images.STACKS[image])
    stack = make_stack(f"life-{network_stack.name}")
    with ExitStack() as ends:
        ends.callback(stack.destroy)
        stack.configure(_config(image, "#cloud-config\n{}\n"))
        called = time.time()
        stack.update()
        server = stack.outputs()["servers"][SERVER]
        ports = ports_of(server)
        capture = ends.enter_context(observed(lab, {image: ports}))
        opened = namespaces.call(lab, namespaces.OUTSIDE, icmp_socket)
        prober = Prober(opened, [IPv4Address(port.floating) for port in ports])
        ends.callback(prober.stop)
        guest = Guest(SERVER, network_stack.user, server["id"], ports, world, prober, capture)
        found = Life(image, network_stack, stack, api, guest, called)
        yield found
        facts = {
            "network stack": network_stack.name,
            "how it is measured": HOW,
            "packets with a foreign source": f"{found.foreign} (at a first boot, until cloud-init has written our files)",
            "sent over all of it": {seen.name: describe(seen) for seen in capture.seen.values()},
        }
        topology = f"two ports on one subnet, {image} ({network_stack.name}): its life"
        record.write(f"life-{image}", topology, found.rows, commands=found.commands, facts=facts, started=started)


def test_first_boot(life: Life) -> None:
    life.first_boot()


def test_soft_reboot(life: Life) -> None:
    life.reboot("soft reboot", "SOFT")


def test_restarts_of_the_network_stack(life: Life) -> None:
    for command in life.network_stack.restarts:
        life.restart(command)


def test_hard_reboot(life: Life) -> None:
    life.reboot("hard reboot", "HARD")


def test_stop_and_start(life: Life) -> None:
    life.stop_and_start()


def test_replacement(life: Life) -> None:
    life.replace()


def _after(seconds: float) -> str:
    return f"after {seconds:.1f} s"
