"""Configurations to check, and what is wrong with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from multiport.components import checks
from multiport.components.config_error import ConfigError

VALID = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "valid").glob("*.yaml")}


def faults(raw: object) -> list[str]:
    try:
        checks.load(raw)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


def one_port(port: Mapping[str, Any] | None = None, network: Mapping[str, Any] | None = None, **server: Any) -> dict[str, Any]:
    return {
        "networks": {"private": {"subnets": {"a": {"cidr": "192.168.0.0/24"}}, **(network or {})}},
        "servers": {
            "web": {
                "flavor": "gp.0.2.4",
                "image": "Ubuntu-24.04",
                "ports": {"a": {"network": "private", **(port or {})}},
                **server,
            }
        },
    }


def security_group(**rule: Any) -> dict[str, Any]:
    return {"security_groups": {"web": {"rules": [rule]}}}
