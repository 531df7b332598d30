"""The calls of the official CLI that a recovery makes."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiport.audit.stack_state import export
from multiport.audit.state import State


class PulumiError(Exception):
    """The CLI failed; the message contains its output."""


@dataclass(frozen=True)
class PulumiStack:
    """A stack whose state is repaired.

    Attributes:
        pulumi: The CLI.
        project: The project's folder.
        name: The stack's name.
        environment: Environment variables for the CLI: backend, passphrase, cloud.
        config_file: The stack's file, if the CLI would not find it by itself.
    """

    pulumi: str
    project: Path
    name: str
    environment: Mapping[str, str]
    config_file: Path | None = None

    def state(self) -> State:
        """Return the present state."""
        return export(self.pulumi, self.project, self.name, self.environment)

    def cancel(self) -> None:
        """Remove the lock."""
        self._call(["cancel", "--yes"], config=False)

    def refresh(self) -> None:
        """Read every object, remove missing ones from the state, and drop the entries of unfinished creations."""
        self._call(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"])

    def adopt(self, resources: Sequence[Mapping[str, str]], parents: Mapping[str, str]) -> None:
        """Import objects into the state.

        Args:
            resources: The type, name, id and parent of each object; the parent is a key of `parents`.
            parents: The URN of each parent.
        """
        with tempfile.TemporaryDirectory(prefix="multiport-import-") as folder:
            file = Path(folder) / "import.json"
            file.write_text(json.dumps({"nameTable": dict(parents), "resources": [dict(resource) for resource in resources]}))
            options = ["--yes", "--skip-preview", "--protect=false", "--generate-code=false"]
            self._call(["import", "--file", str(file), *options])

    def _call(self, command: Sequence[str], *, config: bool = True) -> None:
        file = ["--config-file", str(self.config_file)] if config and self.config_file else []
        answer = subprocess.run(
            [self.pulumi, *command, *file, "--stack", self.name, "--non-interactive", "--color", "never"],
            cwd=self.project,
            env={**self.environment, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            text=True,
            capture_output=True,
            check=False,
        )
        if answer.returncode != 0:
            raise PulumiError(f"pulumi {command[0]} failed:\n{answer.stdout}{answer.stderr}")
