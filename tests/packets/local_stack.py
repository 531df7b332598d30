"""Parts of stacks/Pulumi.local.yaml, which holds every topology of the guide: two cores carry three or four guests at a time."""

import copy
from typing import Any

import yaml

from tests.engine.stack import ROOT

STACK = ROOT / "stacks" / "Pulumi.local.yaml"


def excerpt(*servers: str) -> dict[str, Any]:
    """The configuration of some servers, with the networks and the virtual addresses that are theirs."""
    whole = {key.removeprefix("multiport:"): each for key, each in yaml.safe_load(STACK.read_text())["config"].items()}
    found = {"security_groups": whole["security_groups"]}
    found["servers"] = {key: whole["servers"][key] for key in servers}
    used = {port.get("network") for server in found["servers"].values() for port in server["ports"].values()}
    found["networks"] = {key: each for key, each in whole["networks"].items() if key in used}
    found["virtual_ips"] = {key: each for key, each in whole["virtual_ips"].items() if set(each["members"]) <= set(servers)}
    return copy.deepcopy(found)


def unrouted(config: dict[str, Any], *servers: str) -> dict[str, Any]:
    """The same with a twin of each of these servers that has no policy routing."""
    twins = {f"{key}-plain": {**config["servers"][key], "return_path": "none"} for key in servers}
    return {**config, "servers": {**config["servers"], **twins}}
