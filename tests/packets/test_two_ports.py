"""Topology (d) with two ports on one subnet: from `pulumi up` to the echo reply, in a guest that Nova has booted."""

from collections.abc import Mapping
from typing import Any

import pytest

from lab.packets.outside import ECHO_ADDRESS
from tests.packets.direct import Deployment
from tests.packets.world import World, until

BOOT_SECONDS = 420
SAMPLE_SECONDS = 60
AGAIN_SECONDS = 10
"""Seconds of the sample after the reboot. Before it, every address must answer for as long without a gap."""
ENOUGH = 0.95
"""Share of replies that suffices, because emulated guests on a busy machine are sometimes late."""


def _server(**options: Any) -> dict[str, Any]:
    ports = {key: {"network": "front", "floating_ip": {}} for key in ("a", "b")}
    common = {"image": "Ubuntu-24.04", "flavor": "gp.0.1.2", "key_pair": "multiport", "security_groups": ["reachable"]}
    return {**common, "ports": ports, **options}


CONFIG = {
    "security_groups": {"reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]}},
    "networks": {"front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}}},
    "servers": {"two": _server(), "plain": _server(return_path="none")},
}


@pytest.fixture(scope="module")
def servers(deployment: Deployment, world: World) -> dict[str, Any]:
    """Outputs of both servers, once the server with policy routing answers on both addresses and the other one on any."""
    deployment.configure(CONFIG)
    deployment.update()
    found: dict[str, Any] = deployment.outputs()["servers"]
    world.wait_for(_floating(found["two"]), BOOT_SECONDS)
    until(lambda: any(world.answers(address) for address in _floating(found["plain"])), BOOT_SECONDS, "the plain server boots")
    return found


@pytest.fixture(scope="module")
def minute(servers: dict[str, Any], world: World) -> Mapping[str, float]:
    """The share of replies of every address during the same minute."""
    return world.sample([address for server in servers.values() for address in _floating(server)], SAMPLE_SECONDS)


def test_every_address_answers_for_a_minute(servers: dict[str, Any], minute: Mapping[str, float]) -> None:
    assert min(minute[address] for address in _floating(servers["two"])) >= ENOUGH, minute


def test_without_multiport_an_address_does_not_answer(servers: dict[str, Any], minute: Mapping[str, float]) -> None:
    assert min(minute[address] for address in _floating(servers["plain"])) < ENOUGH, (
        f"all addresses answer without multiport, so the proof could not fail: {minute}"
    )


def test_connections_from_each_port_have_its_own_floating_ip(servers: dict[str, Any], world: World) -> None:
    ports = servers["two"]["ports"].values()
    curl = f"curl --silent --show-error --max-time 20 http://{ECHO_ADDRESS}/ --interface"
    ask = "; ".join(f"{curl} {port['fixed_ips']['v4']}" for port in ports)
    for login in _floating(servers["two"]):
        assert world.log_in("ubuntu", login, ask).split() == _floating(servers["two"])


def test_the_metadata_service_answers(servers: dict[str, Any], world: World) -> None:
    ask = "curl --silent --show-error --max-time 20 http://169.254.169.254/openstack/latest/meta_data.json"
    assert servers["two"]["id"] in world.log_in("ubuntu", _floating(servers["two"])[0], ask)


def test_every_address_answers_after_a_soft_reboot(servers: dict[str, Any], world: World, api: Any) -> None:
    server, addresses = servers["two"]["id"], _floating(servers["two"])
    api.compute.stop_server(servers["plain"]["id"])  # no longer needed; its processor time goes to the other guest
    boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = world.log_in("ubuntu", addresses[0], boot_id)
    api.compute.reboot_server(server, "SOFT")
    until(lambda: api.compute.get_server(server).status == "REBOOT", 30, "Nova reboots")
    until(lambda: api.compute.get_server(server).status == "ACTIVE", 180, "Nova has rebooted")
    world.wait_for(addresses, BOOT_SECONDS)
    shares = world.sample(addresses, AGAIN_SECONDS)
    assert min(shares.values()) >= ENOUGH, shares
    assert world.log_in("ubuntu", addresses[1], boot_id) != before


def _floating(server: dict[str, Any]) -> list[str]:
    return [port["floating_ips"]["v4"] for port in server["ports"].values()]
