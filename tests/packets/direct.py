"""A stack that the direct driver deploys, for machines without the CLI."""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from tests.engine.stack import PROJECT, ROOT, UpdateError


class Deployment(Protocol):
    """The interface of both kinds of stack: `DirectStack`, and the CLI's `tests.engine.stack.Stack`."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Set the whole configuration of the stack. The keys have no project prefix."""

    def update(self) -> None:
        """Deploy the configuration."""

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the stack."""

    def destroy(self) -> None:
        """Delete all resources of the stack."""


class DirectStack:
    """A stack of the unmodified project."""

    def __init__(self, folder: Path, name: str, cloud: Mapping[str, str]) -> None:
        self.folder, self.name = folder, name
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "__main__.py", folder)
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
        self.config_file = folder / project.get("stackConfigDir", ".") / f"Pulumi.{name}.yaml"
        self.config_file.parent.mkdir(exist_ok=True)
        self.environment = {**{key: value for key, value in os.environ.items() if not key.startswith("OS_")}, **cloud}

    def configure(self, config: Mapping[str, Any]) -> None:
        """Set the whole configuration of the stack. The keys have no project prefix."""
        keyed = {f"{PROJECT}:{key}": value for key, value in copy.deepcopy(dict(config)).items()}
        self.config_file.write_text(yaml.safe_dump({"config": keyed}, sort_keys=False))

    def update(self) -> None:
        """Deploy the configuration."""
        self._call("up")

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the stack."""
        found: dict[str, Any] = json.loads(self._call("outputs", "--json", "--show-secrets"))
        return found

    def destroy(self) -> None:
        """Delete all resources of the stack."""
        self._call("down")

    def _call(self, *arguments: str) -> str:
        where = ["--project", str(self.folder), "--stack", self.name, "--state", str(self.folder / "state.json")]
        command = [sys.executable, "-m", "lab.direct", *arguments, *where]
        answer = subprocess.run(command, cwd=ROOT, env=self.environment, text=True, capture_output=True, check=False)
        if answer.returncode != 0:
            raise UpdateError(answer.stdout + answer.stderr)
        return answer.stdout
