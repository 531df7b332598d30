"""Where a stack's state lives: in the project folder, unless the user is logged in elsewhere."""

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
"""The two modes of the local cloud are two clouds: the same stack may be deployed on both."""


def direct_state(stack: str) -> Path:
    """Where the direct driver records a stack."""
    return STATE / "direct" / f"{stack}.json"


def anything_deployed() -> bool:
    """Whether any stack of the project folder's own state still has resources."""
    if any(json.loads(record.read_text()).get("resources") for record in (STATE / "direct").glob("*.json")):
        return True
    return any(_made_something(checkpoint) for checkpoint in (STATE / ".pulumi" / "stacks").glob("*/*.json"))


def deployed_by_cli(stack: str) -> bool:
    """Whether the project folder's own state says that the CLI has deployed a stack; the CLI itself is not asked."""
    return any(_made_something(checkpoint) for checkpoint in (STATE / ".pulumi" / "stacks").glob(f"*/{stack}.json"))


def _made_something(checkpoint: Path) -> bool:
    deployment = json.loads(checkpoint.read_text()).get("checkpoint", {}).get("latest") or {}
    return any(each.get("custom") and not each["type"].startswith("pulumi:") for each in deployment.get("resources", []))


@dataclass
class Backend:
    """How to call the CLI for one stack.

    Attributes:
        own: True for the state in the project folder. The stack's file then stays as it is in git: the salt that the CLI would
            write into it is kept beside the state, with a copy of the file that the CLI is pointed to.
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
        """Its copy with the salt."""
        return STATE / f"Pulumi.{self.stack}.yaml"

    def prepare(self, pulumi: Path) -> None:
        """Make the stack if it is not there yet."""
        if self.own:
            STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
            STATE.chmod(0o700)  # whoever made it before: state, salt and backups are inside
            self.environment["PULUMI_HOME"] = toolchain.home(STATE / "home", self.environment)
        known = json.loads(self._call(pulumi, ["stack", "ls", "--json"]).stdout or "[]")
        self.exists = any(each["name"] == self.stack and (each.get("resourceCount") or 0) > 0 for each in known)
        if not any(each["name"] == self.stack for each in known):
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
        """Forget the stack once nothing is left of it."""
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
    """The user's own backend where there is one, else state in the project folder with an empty passphrase if none is set.

    Args:
        environment: Environment for the CLI.
        stack: Stack name.
        embedded: Whether the stack runs on the local cloud, whose state holds nothing worth a passphrase.
    """
    environment = {**environment, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if is_users_own(environment):
        return Backend(stack, own=False, environment=environment)
    environment["PULUMI_BACKEND_URL"] = f"file://{STATE}"
    if embedded and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment:
        environment.setdefault("PULUMI_CONFIG_PASSPHRASE", "")
    return Backend(stack, own=True, environment=environment)


def is_users_own(environment: Mapping[str, str]) -> bool:
    """Whether the user keeps state in a backend of their own, into which only the CLI can look."""
    return bool(environment.get("PULUMI_BACKEND_URL") or environment.get("PULUMI_ACCESS_TOKEN") or _logged_in(environment))


def _logged_in(environment: Mapping[str, str]) -> bool:
    home = Path(environment.get("PULUMI_HOME", Path(os.path.expanduser("~")) / ".pulumi"))  # noqa: PTH111 - HOME may be set
    try:
        credentials = json.loads((home / "credentials.json").read_text())
    except (OSError, json.JSONDecodeError):
        return False
    return isinstance(credentials, dict) and bool(credentials.get("current"))
