"""What a deployed stack says of its servers: its outputs where the program exports them, else its components in the state."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SERVER_TYPE: Final = "multiport:index:MultiPortInstance"


class OutputsError(Exception):
    """The stack's outputs cannot be had; the text is what the CLI says."""


def of_stack(folder: Path, stack: str, pulumi: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The outputs of a stack, with `servers` among them whether the program exports them or not.

    Args:
        folder: The project's folder.
        stack: The stack's name.
        pulumi: The CLI.
        environment: Environment for the CLI.

    Raises:
        OutputsError: The CLI does not give them.
    """

    def call(*arguments: str) -> Any:
        command = [str(pulumi), "stack", *arguments, "--show-secrets", "--stack", stack, "--non-interactive", "--color", "never"]
        answer = subprocess.run(command, cwd=folder, env=dict(environment), text=True, capture_output=True, check=False)
        if answer.returncode != 0:
            raise OutputsError((answer.stderr or answer.stdout).strip())
        return json.loads(answer.stdout or "{}")

    exports: dict[str, Any] = call("output", "--json")
    if _are_servers(exports.get("servers")):
        return exports
    return {"servers": of_components(call("export"))}


def of_components(state: Mapping[str, Any]) -> dict[str, Any]:
    """The servers in a stack's state, by their component's name, in the form in which `servers` is exported."""
    resources = (state.get("deployment") or {}).get("resources") or []
    found: dict[str, Any] = {}
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if resource.get("type") == SERVER_TYPE and _are_servers({"": outputs}):
            found[resource["urn"].rpartition("::")[2]] = {"id": outputs.get("serverId"), "ports": outputs["ports"]}
    return found


def _are_servers(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(each, Mapping) and isinstance(each.get("ports"), Mapping) for each in value.values())
    )
