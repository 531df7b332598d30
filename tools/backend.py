"""Where a stack's state is stored: in the project folder, unless the user is logged in to another backend."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.settings import PACKETS
from multiport import toolchain
from multiport.toolchain import ROOT

LAB_MODE = os.environ.get("LAB_MODE") or "api"
STATE = ROOT / ".state" / (PACKETS if LAB_MODE == PACKETS else "")
"""The folder of the state. Each mode of the local cloud has its own, because the same stack may be deployed on both."""


def direct_state(stack: str) -> Path:
    """Return the file in which the direct driver records a stack."""
    return STATE / "direct" / f"{stack}.json"


def anything_deployed() -> bool:
    """Return whether any stack in the project folder's own state still has resources."""
    if any(json.loads(record.read_text()).get("resources") for record in (STATE / "direct").glob("*.json")):
        return True
    return any(_has_objects(checkpoint) for checkpoint in (STATE / ".pulumi" / "stacks").glob("*/*.json"))


def deployed_by_cli(stack: str) -> bool:
    """Return whether the CLI has deployed a stack according to the project folder's own state; the CLI itself is not called."""
    return any(_has_objects(checkpoint) for checkpoint in (STATE / ".pulumi" / "stacks").glob(f"*/{stack}.json"))


def _has_objects(checkpoint: Path) -> bool:
    """Return whether a checkpoint has resources that stand for objects in the cloud."""
    resources = (json.loads(checkpoint.read_text()).get("checkpoint", {}).get("latest") or {}).get("resources", [])
    return any(resource.get("custom") and not resource["type"].startswith("pulumi:") for resource in resources)


@dataclass
class Backend:
    """How to call the CLI for one stack.

    Attributes:
        stack: The stack's name.
        own: Whether the state is in the project folder. If so, the stack's file stays as it is in git: the encryption salt that
            the CLI would write into it is kept next to the state, in a copy of the file that is passed to the CLI.
        environment: Environment variables for the CLI.
        exists: Whether the stack has resources; known after `prepare`.
    """

    stack: str
    own: bool
    environment: dict[str, str]
    exists: bool = field(default=False)

    @property
    def config_file(self) -> Path:
        """The stack's file in git."""
        return ROOT / "stacks" / f"Pulumi.{self.stack}.yaml"

    @property
    def private_config_file(self) -> Path:
        """The copy of the stack's file that contains the salt."""
        return STATE / f"Pulumi.{self.stack}.yaml"

    def prepare(self, pulumi: Path) -> None:
        """Create the stack unless it exists."""
        if self.own:
            STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
            STATE.chmod(0o700)  # even if it existed before: it contains the state, the salt and backups
            self.environment["PULUMI_HOME"] = toolchain.home(STATE / "home", self.environment)
        stacks = json.loads(self._call(pulumi, ["stack", "ls", "--json"]).stdout or "[]")
        self.exists = any(stack["name"] == self.stack and (stack.get("resourceCount") or 0) > 0 for stack in stacks)
        if not any(stack["name"] == self.stack for stack in stacks):
            self._init(pulumi)
        if self.own:
            self._copy_config()

    def run(self, pulumi: Path, command: list[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Call the CLI for the stack."""
        arguments = [*command, "--stack", self.stack]
        if self.own and command[0] in ("up", "preview", "destroy"):
            arguments += ["--config-file", str(self.private_config_file)]
        return subprocess.run(
            [pulumi, *arguments], check=False, env=self.environment, cwd=ROOT, text=True, capture_output=capture
        )

    def remove(self, pulumi: Path) -> None:
        """Remove the stack, which must not have any resources left, from the project folder's own state."""
        if self.own:
            self._call(pulumi, ["stack", "rm", "--yes", "--preserve-config", "--stack", self.stack])
            self.private_config_file.unlink(missing_ok=True)

    def _init(self, pulumi: Path) -> None:
        before = self.config_file.read_bytes()
        self._call(pulumi, ["stack", "init", self.stack])
        if self.own:
            salt = [line for line in self.config_file.read_text().splitlines() if line.startswith("encryptionsalt:")]
            (STATE / f"{self.stack}.salt").write_text("".join(f"{line}\n" for line in salt))
            self.config_file.write_bytes(before)

    def _copy_config(self) -> None:
        text = self.config_file.read_text()
        salt = STATE / f"{self.stack}.salt"
        if salt.exists() and "\nencryptionsalt:" not in f"\n{text}":
            text = salt.read_text() + text
        self.private_config_file.write_text(text)

    def _call(self, pulumi: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run([pulumi, *command], check=False, env=self.environment, cwd=ROOT, text=True, capture_output=True)
        if answer.returncode != 0:
            print(answer.stdout + answer.stderr, end="", flush=True)
            raise subprocess.CalledProcessError(answer.returncode, command)
        return answer


def choose(environment: dict[str, str], stack: str, *, embedded: bool) -> Backend:
    """Return the user's own backend if there is one, or else a backend in the project folder.

    Args:
        environment: Environment variables for the CLI.
        stack: The stack's name.
        embedded: Whether the stack runs on the local cloud. Its state contains nothing worth protecting, so the passphrase is
            empty unless the user has set one.
    """
    environment = {**environment, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if is_users_own(environment):
        return Backend(stack, own=False, environment=environment)
    environment["PULUMI_BACKEND_URL"] = f"file://{STATE}"
    if embedded and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment:
        environment.setdefault("PULUMI_CONFIG_PASSPHRASE", "")
    return Backend(stack, own=True, environment=environment)


def is_users_own(environment: Mapping[str, str]) -> bool:
    """Return whether the user keeps the state in a backend of their own, which only the CLI can read."""
    return bool(environment.get("PULUMI_BACKEND_URL") or environment.get("PULUMI_ACCESS_TOKEN") or _logged_in(environment))


def _logged_in(environment: Mapping[str, str]) -> bool:
    home = Path(environment.get("PULUMI_HOME", Path(os.path.expanduser("~")) / ".pulumi"))  # noqa: PTH111 - HOME may be set
    try:
        credentials = json.loads((home / "credentials.json").read_text())
    except (OSError, json.JSONDecodeError):
        return False
    return isinstance(credentials, dict) and bool(credentials.get("current"))
