"""Deploys every stack of the repository unmodified, and compares what Nova has for each guest with what was rendered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.stack import ROOT, Stack

FILES = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


def config_of(file: Path) -> dict[str, Any]:
    return {key.removeprefix("multiport:"): value for key, value in yaml.safe_load(file.read_text())["config"].items()}


@pytest.mark.parametrize("file", FILES, ids=[file.stem.removeprefix("Pulumi.") for file in FILES])
def test_a_stack_is_deployed_unmodified_and_destroyed_at_the_first_attempt(
    make_stack: Callable[..., Stack], file: Path, api: Any, config_drives: Path
) -> None:
    name = file.stem.removeprefix("Pulumi.")
    stack = make_stack(name)
    stack.configure(config_of(file))
    stack.up()
    assert stack.refresh() == []
    servers = stack.outputs()["servers"]
    assert set(servers) == set(config_of(file)["servers"])
    for key, server in servers.items():
        component = stack.resource("multiport:index:MultiPortInstance", key)["outputs"]
        latest = config_drives / server["id"] / "openstack" / "latest"
        assert (latest / "user_data").read_text() == component["userData"]
        meta = json.loads((latest / "meta_data.json").read_text())["meta"]
        assert {f"multiport.port.{port}" for port in server["ports"]} <= set(meta)
        for port in server["ports"].values():
            floating = {found.fixed_ip_address: found.floating_ip_address for found in api.network.ips(port_id=port["port_id"])}
            assert floating == {port["fixed_ips"][fixed_key]: address for fixed_key, address in port["floating_ips"].items()}
    stack.destroy()
    mine = f"multiport.stack=multiport.{name}"
    assert not list(api.network.ports(tags=[mine]))
    assert not list(api.network.networks(tags=[mine]))
    assert not list(api.network.ips(tags=[mine]))
    assert not list(api.compute.servers(tags=mine))
