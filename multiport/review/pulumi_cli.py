"""The pipeline's calls of the official CLI: a preview with all details, and an update that does exactly what was previewed."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from multiport.policy import pack
from multiport.policy.rules import PROJECT
from multiport.project import Project
from multiport.review.digest import KEY
from multiport.review.preview import Preview, read
from multiport.review.redaction import Redaction, formerly_clear, leaves, parts, prelude_config, secrets_of

_QUIET: Final = ("--non-interactive", "--color", "never")


# What of the CI's own environment neither the CLI nor the program that it runs may see: tokens to speak with the host, and files
# by which a step tells later steps their environment. The engine needs none of it.
_HOSTS: Final = ("GITHUB_", "GITLAB_", "CI_", "ACTIONS_", "RUNNER_")


class CliError(Exception):
    """The CLI failed before it could preview the stack."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """One preview, with the data that only the review itself may see.

    Attributes:
        preview: The preview, without secrets.
        redaction: Takes secrets out of every text about it.
        plan: The engine's plan, with its secrets in the clear.
        state: The stack's state before, with its secrets in the clear; empty for a stack that has none.
        config: The stack's configuration with its secrets in the clear, as `Preview.config` has it without them.
    """

    preview: Preview
    redaction: Redaction
    plan: Mapping[str, Any]
    state: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """A stack of a project.

    Attributes:
        name: The stack's name.
        project: The project.
        pulumi: The CLI.
        environment: Environment for the CLI: backend, passphrase, cloud.
        config_file: The stack's file, where the CLI is not to read the one of the project. Default: that one.
    """

    name: str
    project: Project
    pulumi: str
    environment: Mapping[str, str]
    config_file: Path | None = None

    def exists(self) -> bool:
        """Return whether the backend knows the stack."""
        known = json.loads(self._call(["stack", "ls", "--json"]).stdout or "[]")
        return any(entry["name"] in (self.name, f"organization/{self.name}") for entry in known)

    def preview(self, plan: Path | None = None) -> Previewed:
        """Preview the stack with the policies.

        Args:
            plan: Where to save the update plan, in a folder that only this user can read: its secrets are in the clear. Default:
                it is not kept.

        Raises:
            CliError: There is nothing to show.
        """
        with tempfile.TemporaryDirectory(prefix="multiport-policies-") as folder:
            pack.write(Path(folder), lasting=False)
            path = plan or Path(folder) / "plan.json"
            return self._previewed(["preview", "--policy-pack", folder, "--save-plan", str(path), "--show-secrets"], path)

    def destruction(self) -> Previewed:
        """Preview what `destroy` would delete.

        Raises:
            CliError: There is nothing to show.
        """
        return self._previewed(["destroy", "--preview-only"], None)

    def _previewed(self, command: Sequence[str], plan: Path | None) -> Previewed:
        shown: dict[str, Any] = json.loads(self._call(["config", "--json", "--show-secrets"]).stdout)
        state: dict[str, Any] = json.loads(self._call(["stack", "export", "--show-secrets"]).stdout)
        with tempfile.TemporaryDirectory(prefix="multiport-review-") as folder:
            log = Path(folder) / "events"
            answer = self._call([*command, "--json", "--event-log", str(log)], check=False)
            events = log.read_text() if log.exists() else ""
        planned: dict[str, Any] = {"resourcePlans": {}}
        if plan is not None and plan.exists():
            plan.chmod(0o600)
            planned = json.loads(plan.read_text())
        redaction = _redaction(events, shown, state, planned)
        if not events or "{" not in answer.stdout:
            raise CliError(redaction.text(answer.stdout + answer.stderr))
        preview = read(events, answer.stdout, redaction, stack=self.name, said=answer.stderr)
        return Previewed(preview, redaction, planned, state, _config(shown))

    def up(self, plan: Path) -> int:
        """Update the stack as planned, the CLI's progress on the terminal; returns its exit status."""
        command = [self.pulumi, "up", "--yes", "--skip-preview", "--plan", str(plan), "--stack", self.name, *_QUIET]
        return subprocess.run(command, cwd=self.project.folder, env=self._environment, check=False).returncode

    def create(self) -> None:
        """Create the stack in the backend."""
        before = self._file.read_bytes() if self._file.exists() else b""
        self._call(["stack", "init", self.name], stack=False)
        if b"encryptionsalt:" in before or b"secretsprovider:" in before:
            self._file.write_bytes(before)  # the salt in git, by which its secrets are encrypted

    @contextmanager
    def in_passing(self) -> Iterator[None]:
        """Create the stack in a temporary backend; its file in git is not changed."""
        before = self._file.read_bytes() if self._file.exists() else None
        try:
            self.create()
            yield
        finally:
            if before is None:
                self._file.unlink(missing_ok=True)
            else:
                self._file.write_bytes(before)

    @property
    def _file(self) -> Path:
        return self.project.stack_file(self.name)

    @property
    def _environment(self) -> dict[str, str]:
        # --event-log is one of the CLI's debug commands, although the Automation API lives by it
        ours = {"PULUMI_DEBUG_COMMANDS": "true", "PULUMI_SKIP_UPDATE_CHECK": "true", PROJECT: str(self.project.folder)}
        passed = {name: value for name, value in self.environment.items() if name != KEY and not name.startswith(_HOSTS)}
        return {**passed, **ours}

    def _call(self, command: Sequence[str], *, check: bool = True, stack: bool = True) -> subprocess.CompletedProcess[str]:
        which = ["--stack", self.name] if stack and command[:2] != ["stack", "ls"] else []
        if self.config_file is not None and command[0] in ("preview", "destroy", "config"):
            which += ["--config-file", str(self.config_file)]
        answer = subprocess.run(
            [self.pulumi, *command, *which, *_QUIET],
            cwd=self.project.folder,
            env=self._environment,
            text=True,
            capture_output=True,
            check=False,
        )
        if check and answer.returncode != 0:
            raise CliError(answer.stderr)  # what it printed may hold secrets
        return answer


def _redaction(events: str, shown: Mapping[str, Any], state: Mapping[str, Any], plan: Mapping[str, Any]) -> Redaction:
    """Return what to remove from every text about a preview; `multiport.review.redaction` explains why."""
    old = {each["urn"]: each for each in (state.get("deployment") or {}).get("resources") or ()}
    secrets = set(secrets_of(prelude_config(events), shown))
    for urn, each in old.items():
        goal = plan["resourcePlans"].get(urn, {}).get("goal") or {}
        for changes in (goal.get("inputDiff") or {}, goal.get("outputDiff") or {}):
            for new in (changes.get("adds") or {}, changes.get("updates") or {}):
                secrets |= {*formerly_clear(each.get("inputs") or {}, new), *formerly_clear(each.get("outputs") or {}, new)}
    derived, public = parts([[item.get("inputs"), item.get("outputs")] for item in old.values()])
    planned = parts([item.get("goal") for item in plan["resourcePlans"].values()])
    clear = [text for name, entry in shown.items() if not entry.get("secret") for text in (name, *leaves(entry.get("value")))]
    return Redaction(secrets, [*derived, *planned[0]], [*public, *planned[1], *clear])


def _config(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration without the project's prefix, with its objects decoded."""
    config: dict[str, Any] = {}
    for name, entry in shown.items():
        text = entry.get("value")
        try:
            config[name.partition(":")[2]] = json.loads(text)
        except (json.JSONDecodeError, TypeError):
            config[name.partition(":")[2]] = text
    return config


@contextmanager
def clouds_file(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment with the text in CLOUDS_YAML, a secret of the CI, as a file that only this user can read."""
    text = environment.get("CLOUDS_YAML")
    if not text:
        yield dict(environment)
        return
    with tempfile.TemporaryDirectory(prefix="multiport-clouds-") as folder:
        file = Path(folder) / "clouds.yaml"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as clouds:
            clouds.write(text)
        yield {**{key: each for key, each in environment.items() if key != "CLOUDS_YAML"}, "OS_CLIENT_CONFIG_FILE": str(file)}


@contextmanager
def empty_backend(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a backend that holds nothing and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="multiport-backend-") as folder:
        yield {"PULUMI_CONFIG_PASSPHRASE": "", **environment, "PULUMI_BACKEND_URL": f"file://{folder}"}
