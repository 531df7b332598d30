"""Topology (e): ports that are attached to the running server, on a network with DHCP and on one without.

The measured time begins when the TAP device of the port appears on the compute host, before the guest has the NIC. It ends when
the guest has the address and its rules.
"""

import copy
import re
import threading
import time
from typing import Any

import pytest

from lab.packets import namespaces
from lab.settings import Settings
from multiport.verify.verdict import FAILED, OK, Row
from tests.engine.stack import Stack
from tests.packets import record
from tests.packets.local_stack import excerpt
from tests.packets.verification import COMMAND, amiss, verify
from tests.packets.world import World

BOOT_SECONDS = 420
PICKED_UP_SECONDS = {"later": 10.0, "quiet": 30.0}
"""Seconds allowed with DHCP, and without. Nova's answer for the second port may still be the cached one for the first port."""
CACHED_SECONDS = 20
"""Nova caches metadata for 15 s, so the guest must not request it for that long."""
WATCH_SECONDS = 240
WATCH = """
while :; do
  ip -o -4 address; ip -4 rule; echo END
  sleep 0.3
done
"""


class Watcher:
    """Records when TAP devices appear on the host, and addresses with their rules in the guest, by this machine's clock."""

    def __init__(self, world: World, lab: Settings, address: str) -> None:
        self.taps: dict[str, float] = {}
        self.addresses: dict[str, float] = {}
        self._lab = lab
        self._ended = threading.Event()
        self._guest = world.session("ubuntu", address, WATCH)
        self._threads = [threading.Thread(target=watch) for watch in (self._watch_host, self._watch_guest)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        self._guest.terminate()
        for thread in self._threads:
            thread.join()
        self._guest.wait()

    def _watch_host(self) -> None:
        while not self._ended.is_set():
            for name in re.findall(
                r"^(tap[0-9a-f-]+)", namespaces.run(self._lab, namespaces.HOST, "ip", "-br", "link"), re.MULTILINE
            ):
                self.taps.setdefault(name, time.monotonic())
            time.sleep(0.1)

    def _watch_guest(self) -> None:
        assert self._guest.stdout
        seen: list[str] = []
        for line in self._guest.stdout:
            if line.strip() != "END":
                seen.append(line)
                continue
            now, text = time.monotonic(), "".join(seen)
            for address in re.findall(r" inet ([\d.]+)/", text):
                if f"from {address} lookup" in text:
                    self.addresses.setdefault(address, now)
            seen = []


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """Return the configuration of the local stack's server, with a third port on a network without DHCP.

    The guest gets a second processor, because udev, the network stack and the script need processor time at once.
    """
    found = excerpt("hotplug")
    found["servers"]["hotplug"]["flavor"] = "gp.0.2.4"
    found["networks"]["quiet"] = {
        "subnets": {"v4": {"cidr": "192.168.60.0/24", "enable_dhcp": False}},
        "router": {"external_network": "PUBLICNET"},
    }
    found["servers"]["hotplug"]["ports"]["quiet"] = {"network": "quiet", "hot": True, "floating_ip": {}}
    return found


@pytest.fixture(scope="module")
def started() -> str:
    return record.utc()


@pytest.fixture(scope="module")
def outputs(stack: Stack, config: dict[str, Any], started: str) -> dict[str, Any]:
    """Outputs of the stack before a port is attached to the server."""
    assert started
    before = copy.deepcopy(config)
    ports = before["servers"]["hotplug"]["ports"]
    for key in PICKED_UP_SECONDS:
        del ports[key]
    stack.configure(before)
    stack.update()
    return stack.outputs()


@pytest.fixture(scope="module")
def picked_up(stack: Stack, outputs: dict[str, Any], config: dict[str, Any], world: World, lab: Settings) -> dict[str, float]:
    """Seconds from the attachment of each port until the guest has its address and rules."""
    address = outputs["servers"]["hotplug"]["ports"]["a"]["floating_ips"]["v4"]
    world.wait_for([address], BOOT_SECONDS)
    world.log_in("ubuntu", address, "systemctl is-system-running --wait; sudo systemctl stop policy-routing-check.timer")
    time.sleep(CACHED_SECONDS)
    watcher = Watcher(world, lab, address)
    try:
        stack.configure(config)
        stack.update()
        after = stack.outputs()["servers"]["hotplug"]
        assert after["id"] == outputs["servers"]["hotplug"]["id"], "the server was replaced"
        ports = {key: after["ports"][key] for key in PICKED_UP_SECONDS}
        deadline = time.monotonic() + WATCH_SECONDS
        while not all(port["fixed_ips"]["v4"] in watcher.addresses for port in ports.values()) and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        watcher.end()
    return {
        key: watcher.addresses.get(port["fixed_ips"]["v4"], float("inf")) - watcher.taps[f"tap{port['port_id'][:11]}"]
        for key, port in ports.items()
    }


@pytest.fixture(scope="module")
def rows(picked_up: dict[str, float], stack: Stack, lab: Settings, started: str) -> list[Row]:
    found = verify(lab, stack.outputs())
    names = {"later": "with DHCP", "quiet": "without DHCP, by the metadata service"}
    attached = [
        Row(
            "hotplug",
            key,
            "attach",
            names[key],
            OK if seconds <= PICKED_UP_SECONDS[key] else FAILED,
            f"picked up after {seconds:.1f} s",
        )
        for key, seconds in picked_up.items()
    ]
    commands = ["pulumi up", "pulumi up  # two hot ports more", COMMAND]
    record.write("e", "A port attached to the running server", [*attached, *found], commands=commands, facts={}, started=started)
    return found


@pytest.mark.parametrize("key", PICKED_UP_SECONDS)
def test_the_guest_configures_an_attached_port(picked_up: dict[str, float], key: str) -> None:
    assert picked_up[key] <= PICKED_UP_SECONDS[key]


def test_every_address_answers(rows: list[Row]) -> None:
    assert {row.port for row in rows if row.probe == "ping"} == {"a", *PICKED_UP_SECONDS}
    assert amiss(rows) == []
