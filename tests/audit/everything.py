"""A stack with every component and every option that the local cloud can carry out (it has no Cinder, so no boot volume)."""

import copy
from typing import Any

EVERYTHING: dict[str, Any] = {
    "external_network": "PUBLICNET",
    "security_groups": {
        "reachable": {
            "rules": [
                {"protocol": "icmp"},
                {"protocol": "tcp", "port_range_min": 22},
                {"protocol": "tcp", "port_range_min": 8000, "port_range_max": 8010, "remote_ip_prefix": "192.0.2.0/24"},
                {"protocol": "ipv6-icmp", "ethertype": "IPv6"},
                {"protocol": "udp", "port_range_min": 53, "direction": "egress"},
            ]
        },
        "stateless": {"rules": [{"protocol": "vrrp"}], "stateful": False, "name": "the stateless group"},
    },
    "server_groups": {"apart": {"policy": "soft-anti-affinity"}},
    "networks": {
        "front": {
            "name": "the front network",
            "mtu": 1400,
            "subnets": {
                "v4": {
                    "cidr": "192.168.10.0/24",
                    "dns_nameservers": ["192.0.2.53", "192.0.2.54"],
                    "allocation_pools": [{"start": "192.168.10.10", "end": "192.168.10.99"}],
                    "host_routes": {"lab": {"destination_cidr": "198.51.100.0/24", "next_hop": "192.168.10.254"}},
                },
                "v6": {"cidr": "fd00:10::/64", "ipv6_address_mode": "slaac"},
            },
            "router": {"external_network": "PUBLICNET"},
        },
        "back": {"subnets": {"v4": {"cidr": "192.168.20.0/24", "no_gateway": True}}},
        "open": {"subnets": {"v4": {"cidr": "192.168.30.0/24", "no_gateway": True}}, "port_security_enabled": False},
    },
    "virtual_ips": {
        "shared": {
            "network": "front",
            "subnet": "v4",
            "ip_address": "192.168.10.200",
            "members": {"web": "a", "db": "a"},
            "holder": "web",
            "floating_ip": {},
        }
    },
    "servers": {
        "web": {
            "image": "Ubuntu-24.04",
            "flavor": "gp.0.1.2",
            "key_pair": "multiport",
            "availability_zone": "az1",
            "server_group": "apart",
            "security_groups": ["reachable"],
            "metadata": {"role": "web"},
            "tags": ["mine"],
            "cloud_config": "#cloud-config\ntimezone: UTC\n",
            "primary_port": "b",
            "routing": {"connmark": True},
            "ports": {
                "a": {"network": "front", "floating_ip": {}, "mac_address": "fa:16:3e:00:aa:01", "description": "web's way out"},
                "b": {
                    "network": "front",
                    "fixed_ips": {
                        "main": {"subnet": "v4", "ip_address": "192.168.10.21", "floating_ip": {}},
                        "more": {"subnet": "v4", "ip_address": "192.168.10.22"},
                    },
                    "allowed_address_pairs": {"peer": {"ip_address": "192.168.10.23"}},
                },
                "later": {"network": "back", "hot": True},
            },
        },
        "db": {
            "image": "Debian-12",
            "flavor": "gp.0.1.2",
            "name": "database",
            "guest_update": "keep",
            "security_groups": ["stateless"],
            "ports": {
                "a": {"network": "front", "slot": 7},
                "wild": {"network": "open", "port_security_enabled": False},
            },
        },
        "edge": {
            "image": "Rocky-9.4",
            "flavor": "gp.0.1.2",
            "return_path": "none",
            "config_drive": False,
            "ports": {"public": {"external_network": "PUBLICNET", "description": "the way out"}},
        },
    },
}


def everything() -> dict[str, Any]:
    """A copy to change."""
    return copy.deepcopy(EVERYTHING)
