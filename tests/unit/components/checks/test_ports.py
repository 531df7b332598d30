"""What a port may be."""

from typing import Any

import pytest

from tests.unit.components.configurations import faults, one_port


@pytest.mark.parametrize(
    "raw",
    [
        one_port({"slot": 1}),
        one_port({"slot": 511}),
        one_port({"slot": 254}),
        one_port({"formerly": ["b"]}),
        one_port({"mac_address": "02:00:00:00:00:00"}),
        one_port({"fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.2"}}}),
        one_port({"fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.254"}}}),
        one_port({"allowed_address_pairs": {f"x{n}": {"ip_address": f"10.0.0.{n}"} for n in range(10)}}),
        one_port({"allowed_address_pairs": {"own-subnet": {"ip_address": "192.168.0.0/24"}}}),
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


def test_a_faulty_network_hides_no_fault_of_its_ports_and_makes_none() -> None:
    raw = one_port(
        {"slot": 700, "floating_ip": {}, "fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.5"}}},
        {"subnets": {"a": {"cidr": "nonsense"}}, "router": {"external_network": "PUBLICNET"}},
    )
    assert [each.partition(":")[0] for each in faults(raw)] == [
        "networks.private.subnets.a.cidr",
        "servers.web.ports.a.slot",
    ]
