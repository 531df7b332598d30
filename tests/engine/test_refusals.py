"""With the real CLI, an invalid configuration is refused before any call to the cloud, and without a traceback."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.example_topology import example_topology, ports
from tests.engine.stack import Stack


def misspelt(config: dict[str, Any]) -> None:
    ports(config)["b"]["netwrok"] = ports(config)["b"].pop("network")


def outside(config: dict[str, Any]) -> None:
    ports(config)["b"]["fixed_ips"]["main"]["ip_address"] = "192.168.99.1"


def unrouted(config: dict[str, Any]) -> None:
    del config["networks"]["front"]["router"]


def unknown_section(config: dict[str, Any]) -> None:
    config["servrs"] = config.pop("servers")


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    return make_stack("refused")


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        (misspelt, "servers.web.ports.b.netwrok"),
        (outside, "servers.web.ports.b.fixed_ips.main.ip_address"),
        (unrouted, "servers.web.ports.d.floating_ip"),
        (unknown_section, "servrs"),
    ],
)
def test_the_error_names_the_key_and_nothing_is_planned(stack: Stack, spoil: Callable[[dict[str, Any]], None], key: str) -> None:
    config = example_topology()
    spoil(config)
    stack.configure(config)
    said = stack.refuse()
    assert key in said
    assert "Traceback" not in said
    # Not even one resource of the cloud is in the preview.
    assert "openstack:" not in said
