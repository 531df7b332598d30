"""A stack under the official CLI: a program in a folder of its own, previews and updates as plain data."""

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
    """What the engine is about to do with one resource."""

    op: str
    urn: str
    replace_reasons: tuple[str, ...]
    diff: Mapping[str, Any]
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Resource type, without its module's file name: openstack:networking:Port."""
        package, module, name = self.urn.split("::")[2].split("$")[-1].split(":")
        return f"{package}:{module.split('/')[0]}:{name}"

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


class UpdateError(AssertionError):
    """The CLI said no; the text is all that it printed."""


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
        """The stack's whole configuration, keys without the project's prefix."""
        self._wanted = copy.deepcopy(dict(config))
        kept = yaml.safe_load(self.config_file.read_text()) or {} if self.config_file.exists() else {}
        kept["config"] = {f"{PROJECT}:{key}": value for key, value in self._wanted.items()}
        self.config_file.write_text(yaml.safe_dump(kept, sort_keys=False))

    def preview(self) -> list[Step]:
        """Every step that is not `same`; fails if the preview fails."""
        return _changes(self._call("preview", "--json"))

    def up(self) -> list[Step]:
        """Preview and update as one command, then prove that nothing is left to do; returns the preview's steps."""
        steps = _changes(self._update("--json"))
        left = self.preview()
        assert not left, f"a second update would still change {left}"
        return steps

    def update(self) -> None:
        self._update("--skip-preview")

    def restore(self, config: Mapping[str, Any]) -> None:
        """Update to a configuration, unless it is the one of the last update."""
        self.configure(config)
        if self.deployed != config:
            self.update()

    def refuse(self) -> str:
        """Preview a change that must be refused; returns what the CLI printed."""
        try:
            self._call("preview")
        except UpdateError as failed:
            return str(failed)
        raise AssertionError("the preview went through")

    def refresh(self) -> list[Step]:
        """What differs between the cloud and the state."""
        answer = self._call("refresh", "--preview-only", "--json")
        steps = json.loads(answer.stdout[answer.stdout.index("{") :])["steps"]
        return [
            Step(each["op"], each["urn"], (), each.get("detailedDiff") or {}, {}, {})
            for each in steps
            if each["op"] not in ("same", "refresh", "read")
        ]

    def destroy(self) -> None:
        self._call("destroy", "--yes", "--skip-preview")
        self.deployed = None

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call("stack", "output", "--json", "--show-secrets").stdout)
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The state's resources."""
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
        """The one resource of this type and name in the state."""
        [found] = [
            each
            for each in self.resources()
            if each["urn"].rsplit("::", 1)[-1] == name and Step("", each["urn"], (), {}, {}, {}).kind == kind
        ]
        return found

    def _update(self, *options: str) -> subprocess.CompletedProcess[str]:
        self.deployed = {}  # whatever an update that fails has left
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
    """What a preview says as JSON; an update says it first, and then event by event what it does."""
    said = answer.stdout
    document, _ = json.JSONDecoder().raw_decode(said, said.index("{"))
    steps = [
        Step(
            each["op"],
            each["urn"],
            tuple(each.get("replaceReasons") or ()),
            each.get("detailedDiff") or {},
            each.get("oldState") or {},
            each.get("newState") or {},
        )
        for each in document["steps"]
    ]
    # a resource that stays, or is read, is no change; neither is a refreshed one
    return [step for step in steps if step.op not in ("same", "read", "refresh")]


def _shortened(text: str) -> str:
    """A failed `--json` preview repeats the whole program; its diagnostics are enough."""
    start = text.find('"diagnostics"')
    return text if start < 0 else text[start:].replace("\\n", "\n")
