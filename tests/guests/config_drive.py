"""A guest's config drive, as Nova builds it: our user data, our metadata, and what Nova says of the ports."""

import json
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from multiport.guest.cloud_config import user_data
from multiport.guest.metadata import PortFacts, RoutingOptions, server_metadata
from multiport.guest.plan import BootPort, RoutingPlan
from tests.guests.network import GATEWAY, MTU, Nic

UUID: Final = "6f2a5d1e-1c3b-4d5e-8f90-a1b2c3d4e5f6"
"""Of the server and, for cloud-init, of the instance."""


def config_drive(nics: Sequence[Nic], *, dhcp: bool, policy_routing: bool) -> dict[str, str]:
    """Return the files of a config drive.

    Args:
        nics: The ports that the server is created with, the primary one first.
        dhcp: Whether their network has DHCP; without it the drive says what Nova says then, addresses and routes.
        policy_routing: Whether the user data installs ours; without it there is none, as without multiport.
    """
    files = {
        "openstack/latest/meta_data.json": json.dumps(meta_data(nics, policy_routing=policy_routing)),
        "openstack/latest/network_data.json": json.dumps(_network_data(nics, dhcp=dhcp)),
    }
    if policy_routing:
        plan = RoutingPlan(tuple(BootPort(nic.slot, nic.mac, primary=nic is nics[0]) for nic in nics))
        files["openstack/latest/user_data"] = user_data(plan, None)
    return files


def meta_data(nics: Sequence[Nic], *, policy_routing: bool = True) -> dict[str, object]:
    """Return what Nova says of the server, on the config drive at its birth and by the metadata service later."""
    return {
        "uuid": UUID,
        "name": "guest",
        "hostname": "guest",
        "launch_index": 0,
        "availability_zone": "nova",
        "project_id": "0c9d1e5fb4a24c3e8d7f6a5b4c3d2e1f",
        "devices": [],
        "dedicated_cpus": [],
    } | ({"meta": _metadata(nics)} if policy_routing else {})


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write a config drive's files into a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def _metadata(nics: Sequence[Nic]) -> Mapping[str, str]:
    facts = [
        PortFacts(nic.key, nic.slot, nic.mac, mtu=MTU, hot=nic.hot, v4=(nic.address,), gateways=(GATEWAY.ip,)) for nic in nics
    ]
    return server_metadata(facts, RoutingOptions(), {})


def _network_data(nics: Sequence[Nic], *, dhcp: bool) -> dict[str, object]:
    return {
        "links": [
            {
                "id": nic.port,
                "vif_id": nic.key,
                "type": "ovs",
                "mtu": MTU,
                "ethernet_mac_address": nic.mac,
            }
            for nic in nics
        ],
        "networks": [
            {"id": f"network{number}", "link": nic.port, "network_id": "one"} | (_DHCP if dhcp else _static(nic))
            for number, nic in enumerate(nics)
        ],
        "services": [],
    }


_DHCP: Final[dict[str, object]] = {"type": "ipv4_dhcp"}


def _static(nic: Nic) -> dict[str, object]:
    """Without DHCP every port carries the default route (measured: Nova 34, two ports on one subnet)."""
    anywhere = str(IPv4Address(0))
    return {
        "type": "ipv4",
        "ip_address": str(nic.address.ip),
        "netmask": str(nic.address.netmask),
        "routes": [{"network": anywhere, "netmask": anywhere, "gateway": str(GATEWAY.ip)}],
        "services": [],
    }
