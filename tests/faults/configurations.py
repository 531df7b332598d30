"""What the fault loops deploy and change: small enough to be quick, with every kind of object that can be lost."""

import random
from typing import Any

Config = dict[str, Any]


def base() -> Config:
    """A server with two boot ports and a hot one, pinned and chosen addresses, floating IPs, a virtual address."""
    return {
        "security_groups": {"reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]}},
        "networks": {"front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}}},
        "servers": {
            "web": {
                "image": "Ubuntu-24.04",
                "flavor": "gp.0.1.2",
                "security_groups": ["reachable"],
                "ports": {
                    "a": {"network": "front", "floating_ip": {}},
                    "b": {
                        "network": "front",
                        "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.12"}},
                        "allowed_address_pairs": {"peer": {"ip_address": "192.168.10.99"}},
                    },
                    "later": {"network": "front", "hot": True},
                },
            }
        },
    }


def updated(config: Config, choice: random.Random) -> Config:
    """A change that no server is replaced for: addresses, pairs, names, a hot port, rules, metadata."""
    web = config["servers"]["web"]
    ports = web["ports"]
    number = choice.randrange(100, 200)
    ports["b"]["fixed_ips"] = {
        "main": {"subnet": "v4", "ip_address": "192.168.10.12"},
        "more": {"subnet": "v4", "ip_address": f"192.168.10.{number}"},
    }
    ports["b"]["allowed_address_pairs"] = {"peer": {"ip_address": f"192.168.10.{number + 50}"}}
    web["metadata"] = {"generation": str(number)}
    config["networks"]["front"]["mtu"] = 1200 + number
    config["security_groups"]["reachable"]["rules"] = [
        {"protocol": "icmp"},
        {"protocol": "tcp", "port_range_min": 22},
        {"protocol": "tcp", "port_range_min": number},
    ]
    if "extra" in ports:
        del ports["extra"]
    else:
        ports["extra"] = {"network": "front", "hot": True, "floating_ip": {}}
    return config


def replaced(config: Config, choice: random.Random) -> Config:
    """Another cloud-config, which is another server."""
    config["servers"]["web"]["cloud_config"] = f"#cloud-config\nfinal_message: {choice.randrange(1 << 30)}\n"
    return config
