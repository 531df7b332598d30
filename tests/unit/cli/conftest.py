"""A project of somebody else's, with its stack files beside its Pulumi.yaml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

NETWORKS = {"front": {"subnets": {"v4": {"cidr": "192.168.70.0/24"}}, "router": {"external_network": "PUBLICNET"}}}
SERVERS = {
    "web": {
        "image": "Ubuntu-24.04",
        "flavor": "gp.0.1.2",
        "ports": {"a": {"network": "front", "mac_address": "fa:16:3e:00:70:01"}, "b": {"network": "front"}},
    }
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a stack's configuration, keys without the project's prefix; returns the stack's file."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig: {'shop:domain': {default: shop.example}}\n")

    def stack(config: dict[str, Any], name: str = "dev") -> Path:
        file = tmp_path / f"Pulumi.{name}.yaml"
        file.write_text(yaml.safe_dump({"config": {f"shop:{key}": value for key, value in config.items()}}))
        return file

    return stack
