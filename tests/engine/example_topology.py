"""The configuration that the engine tests deploy first, and functions that summarize the changes of a preview."""

import copy
from collections.abc import Iterable
from typing import Any

from tests.engine.stack import Step

Config = dict[str, Any]

EXAMPLE_TOPOLOGY: Config = {
    "security_groups": {"reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]}},
    "networks": {
        "front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}},
        "back": {"subnets": {"v4": {"cidr": "192.168.20.0/24", "no_gateway": True}}},
    },
    "servers": {
        "web": {
            "image": "Ubuntu-24.04",
            "flavor": "gp.0.2.4",
            "key_pair": "multiport",
            "security_groups": ["reachable"],
            "ports": {
                "b": {
                    "network": "front",
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.12", "floating_ip": {}}},
                },
                "d": {"network": "front", "floating_ip": {}},
            },
        }
    },
}


def example_topology() -> Config:
    """Return a copy of the configuration, which a test may change."""
    return copy.deepcopy(EXAMPLE_TOPOLOGY)


def ports(config: Config) -> dict[str, Any]:
    """Return the ports of the server in a configuration."""
    found: dict[str, Any] = config["servers"]["web"]["ports"]
    return found


def changes(steps: Iterable[Step]) -> set[tuple[str, str, str]]:
    """Return the changes of a preview as (operation, type, name), without components, which only summarize their children."""
    return {(step.op, step.kind.rsplit(":", 1)[-1], step.name) for step in steps if step.kind.startswith("openstack:")}


def replaced(steps: Iterable[Step]) -> set[str]:
    """Return the names of the servers that would be replaced."""
    return {step.name for step in steps if step.kind.endswith(":Instance") and step.op in ("replace", "create-replacement")}
