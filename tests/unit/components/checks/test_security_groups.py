"""What a security group may allow."""

from typing import Any

import pytest

from tests.unit.components.configurations import faults, security_group


@pytest.mark.parametrize(
    "raw",
    [
        security_group(protocol="0"),
        security_group(protocol="255"),
        security_group(protocol="tcp", port_range_min=1, port_range_max=65534),
        security_group(protocol="tcp", port_range_min=65535),
        security_group(protocol="17", port_range_min=53, port_range_max=53),
        security_group(protocol="icmp", port_range_min=0, port_range_max=255),
        security_group(protocol="ipv6-icmp", ethertype="IPv6", port_range_min=128),
        security_group(protocol="58", remote_ip_prefix="2001:db8::/32"),
        security_group(direction="egress", protocol="tcp"),
        security_group(direction="egress", remote_ip_prefix="10.0.0.0/8"),
        security_group(),
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []
