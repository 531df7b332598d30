"""What a network may be."""

from typing import TYPE_CHECKING, Any

import pytest

from multiport.components import checks
from multiport.components.config_error import ConfigError
from tests.unit.components.configurations import faults, one_port

if TYPE_CHECKING:
    from multiport.components.topology import PrivateNetworkArgs


@pytest.mark.parametrize(
    "raw",
    [
        one_port(network={"mtu": 68}),
        one_port(network={"mtu": 65535}),
        {"networks": {"a": {"subnets": {"x": {"cidr": "10.0.0.0/24"}}}, "b": {"subnets": {"x": {"cidr": "10.0.0.0/24"}}}}},
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


def test_components_take_the_configurations_own_arguments() -> None:
    args: PrivateNetworkArgs = {"subnets": {"a": {"cidr": "192.168.0.0/24"}}}
    checks.raise_if(checks.check_network("PrivateNetwork private", args))
    with pytest.raises(ConfigError, match=r"^PrivateNetwork private\.mtu: 1 is outside 68 to 65535\."):
        checks.raise_if(checks.check_network("PrivateNetwork private", {**args, "mtu": 1}))
