"""The same program through the official CLI and through the direct driver: the same URNs, the same objects in the API."""

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
    """What the API shows of a stack, without what Neutron and Nova choose: ids, MACs, unpinned addresses, times."""
    mine = f"multiport.stack=multiport.{stack}"
    network = api.network
    networks = {each.id: each.name for each in network.networks()}
    groups = {each.id: each.name for each in network.security_groups()}
    ports = {each.id: each for each in network.ports(tags=[mine])}
    return {
        "networks": sorted(
            (each.name, each.mtu, each.is_port_security_enabled, sorted(each.tags)) for each in network.networks(tags=[mine])
        ),
        "subnets": sorted(
            (
                each.name,
                each.cidr,
                str(each.gateway_ip),
                each.is_dhcp_enabled,
                json.dumps(each.allocation_pools, sort_keys=True),
                json.dumps(each.host_routes),
                str(each.ipv6_ra_mode),
                str(each.ipv6_address_mode),
                sorted(each.tags),
            )
            for each in network.subnets(tags=[mine])
        ),
        "routers": sorted(
            (each.name, networks[each.external_gateway_info["network_id"]]) for each in network.routers(tags=[mine])
        ),
        "rules": sorted(
            (
                groups[each.security_group_id],
                each.direction,
                each.ether_type,
                str(each.protocol),
                str(each.port_range_min),
                str(each.remote_ip_prefix),
            )
            for each in network.security_group_rules()
            if groups.get(each.security_group_id, "").startswith(f"{stack}-")
        ),
        "ports": sorted(
            (
                each.name,
                networks[each.network_id],
                len(each.fixed_ips),
                each.is_port_security_enabled,
                sorted(groups[group] for group in each.security_group_ids),
                sorted(pair["ip_address"] for pair in each.allowed_address_pairs),
                bool(each.device_id),
                sorted(each.tags),
            )
            for each in ports.values()
        ),
        "floating": sorted((each.description, ports[each.port_id].name) for each in network.ips(tags=[mine])),
        "servers": sorted(
            (each.name, each.status, each.has_config_drive, sorted(each.metadata), sorted(each.tags or []))
            for each in api.compute.servers(tags=mine)
        ),
    }


def test_the_direct_driver_does_what_the_cli_does(make_stack: Callable[..., Stack], api: Any, tmp_path: Path) -> None:
    stack = make_stack("contract")
    stack.configure({key.removeprefix("multiport:"): value for key, value in yaml.safe_load(LOCAL.read_text())["config"].items()})
    stack.up()
    by_cli = objects(api, "contract")
    urns = {each["urn"] for each in stack.resources() if not each["type"].startswith("pulumi:providers:")}
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
    """URNs in the direct driver's record."""
    return {each["urn"] for each in json.loads(state.read_text())["resources"]}


@pytest.mark.usefixtures("cli")
def test_the_cloud_is_empty_to_begin_with(api: Any) -> None:
    assert not any(objects(api, "no-such-stack").values())
