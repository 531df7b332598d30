"""Reads a stack's state from the official CLI."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from multiport.audit.state import State, StateError, read


def export(pulumi: str, project: Path, stack: str, environment: Mapping[str, str]) -> State:
    """Return the state that `pulumi stack export` prints; secrets stay encrypted.

    Args:
        pulumi: The CLI.
        project: The project's folder.
        stack: The stack's name.
        environment: Environment variables for the CLI: backend, passphrase.

    Raises:
        StateError: There is no such stack, or the CLI cannot read it.
    """
    answer = subprocess.run(
        [pulumi, "stack", "export", "--stack", stack, "--non-interactive", "--color", "never"],
        cwd=project,
        env={**environment, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        text=True,
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        raise StateError((answer.stderr or answer.stdout).strip())
    return read(answer.stdout, project=project_name(project), stack=stack)


def project_name(project: Path) -> str:
    """Return the project's name from its Pulumi.yaml."""
    return str(yaml.safe_load((project / "Pulumi.yaml").read_text())["name"])
