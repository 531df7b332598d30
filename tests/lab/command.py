"""Runs `python -m lab` on one directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack.config
import openstack.connection

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class LabCommand:
    directory: Path
    mode: str = "api"

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "--mode", self.mode, "--dir", str(self.directory), *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            env={name: value for name, value in os.environ.items() if name not in ("LAB_DIR", "LAB_PORT_BASE")},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self("status", "--json").stdout)
        return document

    def pids(self) -> list[int]:
        return [service["pid"] for service in self.status()["services"] if service["pid"]]

    def connect(self, cloud: str) -> openstack.connection.Connection:
        config = openstack.config.OpenStackConfig(config_files=[str(self.directory / "clouds.yaml")])
        return openstack.connection.Connection(config=config.get_one(cloud))
