"""Parts of stacks/Pulumi.local.yaml, which has every topology of the guide: two cores can run three or four guests at a time."""

import copy
from typing import Any

import yaml

from tests.engine.stack import ROOT

STACK = ROOT / "stacks" / "Pulumi.local.yaml"


def excerpt(*servers: str) -> dict[str, Any]:
    """Return the configuration of some servers, with their networks and virtual IPs."""
    whole = {key.removeprefix("multiport:"): value for key, value in yaml.safe_load(STACK.read_text())["config"].items()}
    found = {"security_groups": whole["security_groups"]}
    found["servers"] = {key: whole["servers"][key] for key in servers}
    used = {port.get("network") for server in found["servers"].values() for port in server["ports"].values()}
    found["networks"] = {key: network for key, network in whole["networks"].items() if key in used}
    found["virtual_ips"] = {
        key: virtual_ip for key, virtual_ip in whole["virtual_ips"].items() if set(virtual_ip["members"]) <= set(servers)
    }
    return copy.deepcopy(found)


def unrouted(config: dict[str, Any], *servers: str) -> dict[str, Any]:
    """Return the configuration with a copy of each of these servers that has no policy routing."""
    twins = {f"{key}-plain": {**config["servers"][key], "return_path": "none"} for key in servers}
    return {**config, "servers": {**config["servers"], **twins}}
