"""The official CLI, as recovery calls it."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiport.audit.stack_state import export
from multiport.audit.state import State


class PulumiError(Exception):
    """The CLI failed; the message is what it printed."""


@dataclass(frozen=True)
class PulumiStack:
    """A stack whose state is mended.

    Attributes:
        pulumi: The CLI.
        project: The project's folder.
        name: The stack's name.
        environment: Environment for the CLI: backend, passphrase, cloud.
        config_file: The stack's file, where the CLI does not find it by itself.
    """

    pulumi: str
    project: Path
    name: str
    environment: Mapping[str, str]
    config_file: Path | None = None

    def state(self) -> State:
        """The state as it is now."""
        return export(self.pulumi, self.project, self.name, self.environment)

    def cancel(self) -> None:
        """Take the lock off."""
        self._call(["cancel", "--yes"], config=False)

    def refresh(self) -> None:
        """Read every object, forget those that are gone, and drop the entries of creations that never ended."""
        self._call(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"])

    def adopt(self, resources: Sequence[Mapping[str, str]], parents: Mapping[str, str]) -> None:
        """Import objects.

        Args:
            resources: type, name, id and, as a key of `parents`, parent of each.
            parents: URNs by name.
        """
        with tempfile.TemporaryDirectory(prefix="multiport-import-") as folder:
            file = Path(folder) / "import.json"
            file.write_text(json.dumps({"nameTable": dict(parents), "resources": [dict(each) for each in resources]}))
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
