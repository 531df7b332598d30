"""A stack that the official CLI deploys: the program in a temporary folder, previews and updates as plain data."""

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from multiport import toolchain

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "multiport"


@dataclass(frozen=True)
class Step:
    """A planned operation of the engine on one resource."""

    op: str
    urn: str
    replace_reasons: tuple[str, ...]
    diff: Mapping[str, Any]
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Resource type without the file name of its module: openstack:networking:Port."""
        package, module, name = self.urn.split("::")[2].split("$")[-1].split(":")
        return f"{package}:{module.split('/')[0]}:{name}"

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


class UpdateError(AssertionError):
    """The CLI has failed; the message is its whole output."""


class Stack:
    """One stack of the unmodified project on the local cloud."""

    def __init__(self, folder: Path, name: str, cloud: Mapping[str, str], program: Path, pulumi: Path) -> None:
        self.folder, self.name, self.pulumi = folder, name, pulumi
        folder.mkdir(parents=True)
        (folder / "state").mkdir()
        shutil.copy(program / "__main__.py", folder)
        project = yaml.safe_load((program / "Pulumi.yaml").read_text())
        project["runtime"]["options"] = {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        self.config_file = folder / project.get("stackConfigDir", ".") / f"Pulumi.{name}.yaml"
        self.config_file.parent.mkdir(exist_ok=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_"))},
            **cloud,
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_HOME": toolchain.home(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        self.deployed: Mapping[str, Any] | None = None
        self._wanted: Mapping[str, Any] = {}
        self._call("stack", "init", name)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Set the whole configuration of the stack. The keys have no project prefix."""
        self._wanted = copy.deepcopy(dict(config))
        kept = yaml.safe_load(self.config_file.read_text()) or {} if self.config_file.exists() else {}
        kept["config"] = {f"{PROJECT}:{key}": value for key, value in self._wanted.items()}
        self.config_file.write_text(yaml.safe_dump(kept, sort_keys=False))

    def preview(self) -> list[Step]:
        """Return every step that changes something. Raise UpdateError if the preview fails."""
        return _changes(self._call("preview", "--json"))

    def up(self) -> list[Step]:
        """Preview and update with one command, then check that no change is left. Return the steps of the preview."""
        steps = _changes(self._update("--json"))
        left = self.preview()
        assert not left, f"a second update would still change {left}"
        return steps

    def update(self) -> None:
        self._update("--skip-preview")

    def restore(self, config: Mapping[str, Any]) -> None:
        """Update to a configuration, unless it is that of the last update."""
        self.configure(config)
        if self.deployed != config:
            self.update()

    def refuse(self) -> str:
        """Preview a change that must be refused. Return the output of the CLI."""
        try:
            self._call("preview")
        except UpdateError as failed:
            return str(failed)
        raise AssertionError("the preview was not refused")

    def refresh(self) -> list[Step]:
        """Return the differences between the cloud and the state."""
        answer = self._call("refresh", "--preview-only", "--json")
        steps = json.loads(answer.stdout[answer.stdout.index("{") :])["steps"]
        return [
            Step(step["op"], step["urn"], (), step.get("detailedDiff") or {}, {}, {})
            for step in steps
            if step["op"] not in ("same", "refresh", "read")
        ]

    def destroy(self) -> None:
        self._call("destroy", "--yes", "--skip-preview")
        self.deployed = None

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call("stack", "output", "--json", "--show-secrets").stdout)
        return found

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the state."""
        exported = json.loads(self._call("stack", "export").stdout)
        found: list[dict[str, Any]] = exported["deployment"].get("resources", [])
        return found

    def exported(self) -> dict[str, Any]:
        """The whole state, secrets in plain text."""
        found: dict[str, Any] = json.loads(self._call("stack", "export", "--show-secrets").stdout)
        return found

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state, as `exported` has it."""
        path = self.folder / "imported.json"
        path.write_text(json.dumps(state))
        self._call("stack", "import", "--file", str(path))

    def resource(self, kind: str, name: str) -> dict[str, Any]:
        """Return the only resource of this type and name in the state."""
        [found] = [
            resource
            for resource in self.resources()
            if resource["urn"].rsplit("::", 1)[-1] == name and Step("", resource["urn"], (), {}, {}, {}).kind == kind
        ]
        return found

    def _update(self, *options: str) -> subprocess.CompletedProcess[str]:
        self.deployed = {}  # unknown, if the update fails
        answer = self._call("up", "--yes", *options)
        self.deployed = self._wanted
        return answer

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.pulumi), *arguments, "--non-interactive", "--color", "never"]
        if arguments[0] != "stack" or arguments[1] != "init":
            command += ["--stack", self.name]
        answer = subprocess.run(command, cwd=self.folder, env=self.environment, text=True, capture_output=True, check=False)
        if answer.returncode != 0:
            raise UpdateError(_shortened(answer.stdout + answer.stderr))
        return answer


def _changes(answer: subprocess.CompletedProcess[str]) -> list[Step]:
    """Return the steps in the JSON output of a preview. An update prints the preview first and its own events after it."""
    output = answer.stdout
    document, _ = json.JSONDecoder().raw_decode(output, output.index("{"))
    steps = [
        Step(
            step["op"],
            step["urn"],
            tuple(step.get("replaceReasons") or ()),
            step.get("detailedDiff") or {},
            step.get("oldState") or {},
            step.get("newState") or {},
        )
        for step in document["steps"]
    ]
    # Resources that stay the same, are read or are refreshed are not changes.
    return [step for step in steps if step.op not in ("same", "read", "refresh")]


def _shortened(text: str) -> str:
    """Return only the diagnostics of a failed preview: with `--json` its output repeats every resource."""
    start = text.find('"diagnostics"')
    return text if start < 0 else text[start:].replace("\\n", "\n")
