"""Every stack in the repository, deployed unmodified; and what Nova then has for each guest."""

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
def test_a_stack_goes_up_unmodified_and_down_at_the_first_try(
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
            floating = {each.fixed_ip_address: each.floating_ip_address for each in api.network.ips(port_id=port["port_id"])}
            assert floating == {port["fixed_ips"][each]: address for each, address in port["floating_ips"].items()}
    stack.destroy()
    mine = f"multiport.stack=multiport.{name}"
    assert not list(api.network.ports(tags=[mine]))
    assert not list(api.network.networks(tags=[mine]))
    assert not list(api.network.ips(tags=[mine]))
    assert not list(api.compute.servers(tags=mine))
