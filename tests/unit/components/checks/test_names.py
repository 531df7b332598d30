"""Which keys, names and tags are right, and what to say of a misspelt one."""

from typing import Any

import pytest

from multiport.components.checks import names
from tests.unit.components.configurations import faults, one_port


@pytest.mark.parametrize(
    "raw",
    [
        one_port({"name": "n" * 255}),
        one_port({"description": "ä" * 255}),
        one_port(name="w" * 63),
        one_port(name="a"),
        one_port(tags=["t" * 60]),
        one_port(tags=[f"t{n}" for n in range(47)]),
        one_port(tags=["multiports"]),
        {"networks": {"k" * 32: {"subnets": {"0": {"cidr": "10.0.0.0/8"}}}}},
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


@pytest.mark.parametrize(
    ("name", "valid", "meant"),
    [
        ("netwrok", ["network", "name"], "network"),
        ("flavour", ["flavor"], "flavor"),
        ("flaoting_ip", ["floating_ip", "fixed_ips"], "floating_ip"),
        ("allowed_adress_pairs", ["allowed_address_pairs"], "allowed_address_pairs"),
        ("image-id", ["image", "image_id"], "image_id"),
        ("mac_address", ["ip_address"], None),
        ("ipv6_ra_mode", ["ipv4_ra_mode"], "ipv4_ra_mode"),
        ("x", ["network"], None),
    ],
)
def test_the_word_that_a_misspelt_one_resembles(name: str, valid: list[str], meant: str | None) -> None:
    assert names.nearest(name, valid) == meant
