"""The official CLI and the direct driver must produce the same URNs and the same objects in the API from the same program."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.stack import ROOT, Stack

LOCAL = ROOT / "stacks" / "Pulumi.local.yaml"


def objects(api: Any, stack: str) -> dict[str, Any]:
    """Return a stack's objects in the API, without values that Neutron and Nova choose: ids, MACs, unpinned addresses, times."""
    mine = f"multiport.stack=multiport.{stack}"
    neutron = api.network
    networks = {network.id: network.name for network in neutron.networks()}
    groups = {group.id: group.name for group in neutron.security_groups()}
    ports = {port.id: port for port in neutron.ports(tags=[mine])}
    return {
        "networks": sorted(
            (network.name, network.mtu, network.is_port_security_enabled, sorted(network.tags))
            for network in neutron.networks(tags=[mine])
        ),
        "subnets": sorted(
            (
                subnet.name,
                subnet.cidr,
                str(subnet.gateway_ip),
                subnet.is_dhcp_enabled,
                json.dumps(subnet.allocation_pools, sort_keys=True),
                json.dumps(subnet.host_routes),
                str(subnet.ipv6_ra_mode),
                str(subnet.ipv6_address_mode),
                sorted(subnet.tags),
            )
            for subnet in neutron.subnets(tags=[mine])
        ),
        "routers": sorted(
            (router.name, networks[router.external_gateway_info["network_id"]]) for router in neutron.routers(tags=[mine])
        ),
        "rules": sorted(
            (
                groups[rule.security_group_id],
                rule.direction,
                rule.ether_type,
                str(rule.protocol),
                str(rule.port_range_min),
                str(rule.remote_ip_prefix),
            )
            for rule in neutron.security_group_rules()
            if groups.get(rule.security_group_id, "").startswith(f"{stack}-")
        ),
        "ports": sorted(
            (
                port.name,
                networks[port.network_id],
                len(port.fixed_ips),
                port.is_port_security_enabled,
                sorted(groups[group] for group in port.security_group_ids),
                sorted(pair["ip_address"] for pair in port.allowed_address_pairs),
                bool(port.device_id),
                sorted(port.tags),
            )
            for port in ports.values()
        ),
        "floating": sorted(
            (floating_ip.description, ports[floating_ip.port_id].name) for floating_ip in neutron.ips(tags=[mine])
        ),
        "servers": sorted(
            (server.name, server.status, server.has_config_drive, sorted(server.metadata), sorted(server.tags or []))
            for server in api.compute.servers(tags=mine)
        ),
    }


def test_the_direct_driver_creates_the_same_objects_as_the_cli(
    make_stack: Callable[..., Stack], api: Any, tmp_path: Path
) -> None:
    stack = make_stack("contract")
    stack.configure({key.removeprefix("multiport:"): value for key, value in yaml.safe_load(LOCAL.read_text())["config"].items()})
    stack.up()
    by_cli = objects(api, "contract")
    urns = {resource["urn"] for resource in stack.resources() if not resource["type"].startswith("pulumi:providers:")}
    stack.destroy()

    state = tmp_path / "direct.json"
    direct = [sys.executable, "-m", "lab.direct"]
    common = ["--project", str(stack.folder), "--stack", "contract", "--state", str(state)]
    environment = {**stack.environment, "PYTHONPATH": str(ROOT)}
    try:
        subprocess.run([*direct, "up", *common], check=True, env=environment, cwd=ROOT)
        assert objects(api, "contract") == by_cli
        assert {urn for urn in recorded(state) if ":pulumi:providers:" not in urn} == urns
    finally:
        subprocess.run([*direct, "down", *common], check=True, env=environment, cwd=ROOT)
    assert not any(objects(api, "contract").values())


def recorded(state: Path) -> set[str]:
    """Return the URNs in the state file of the direct driver."""
    return {resource["urn"] for resource in json.loads(state.read_text())["resources"]}


@pytest.mark.usefixtures("cli")
def test_a_stack_that_does_not_exist_has_no_objects(api: Any) -> None:
    assert not any(objects(api, "no-such-stack").values())
