"""`make up` and `make down` on a cloud that is not our own: what they refuse, and that nothing was asked of the API before.

The local cloud stands for a real one: OS_CLOUD names it, as for any other, and a proxy before it keeps the log.
"""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.conftest import api, cli, cloud
from tests.engine.test_deploy import checkout
from tests.faults.configurations import base
from tests.faults.proxy import Proxy, before

__all__ = ["api", "checkout", "cli", "cloud"]

pytestmark = pytest.mark.engine


@dataclass
class Answer:
    status: int
    text: str


class Commands:
    """A checkout, whose stack `guarded` is on a cloud that OS_CLOUD names."""

    def __init__(self, checkout: Path, proxy: Proxy) -> None:
        self.checkout, self.proxy = checkout, proxy
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_", "LAB_", "MULTIPORT_"))}
        self.environment = {**kept, **proxy.environment, "PULUMI_CONFIG_PASSPHRASE": ""}

    def configure(self, config: dict[str, Any]) -> None:
        file = self.checkout / "stacks" / "Pulumi.guarded.yaml"
        file.write_text(yaml.safe_dump({"config": {f"multiport:{key}": value for key, value in config.items()}}))

    def pipeline(self, verb: str, **environment: str) -> Answer:
        """Without a terminal."""
        answer = subprocess.run(
            self._command(verb),
            cwd=self.checkout,
            env={**self.environment, **environment},
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return Answer(answer.returncode, answer.stdout)

    def person(self, verb: str, says: str) -> Answer:
        """At a terminal; what is said is typed once the question is asked."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._command(verb), cwd=self.checkout, env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        text, typed, deadline = "", False, time.monotonic() + 600
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    text += os.read(ours, 65536).decode(errors="replace")
                except OSError:  # the terminal is closed: its last process has ended
                    break
            if not typed and "to go on: " in text:
                os.write(ours, f"{says}\n".encode())
                typed = True
            if process.poll() is not None and not select.select([ours], [], [], 0)[0]:
                break
        os.close(ours)
        return Answer(process.wait(), text)

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "tools.deploy", verb, "--stack", "guarded"]

    def refused(self, answer: Answer) -> str:
        """What a refusal said; the API's log shows that nothing was changed."""
        assert answer.status != 0, answer.text
        assert self.proxy.changes() == [], answer.text
        assert "Nothing was done: " in answer.text
        return answer.text.split("Nothing was done: ", 1)[1]


@pytest.fixture
def commands(checkout: Path, cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with before(Path(cloud["OS_CLIENT_CONFIG_FILE"]), tmp_path_factory.mktemp("proxy")) as proxy:
        yield Commands(checkout, proxy)


def word_in(text: str) -> str:
    """The word that a refusal names."""
    return text.rsplit("APPROVE=", maxsplit=1)[-1].split(maxsplit=1)[0]


@pytest.mark.usefixtures("cli")
def test_a_stack_on_a_real_cloud_from_its_first_update_to_its_end(commands: Commands, api: Any) -> None:
    config = base()
    commands.configure(config)

    # nothing there yet: an update that loses nothing
    assert "YES=1" in commands.refused(commands.pipeline("up"))
    assert "you did not say yes" in commands.refused(commands.person("up", "no"))
    made = commands.pipeline("up", YES="1")
    assert made.status == 0, made.text
    assert "creates 1 server" in made.text
    commands.proxy.requests.clear()

    # a change that replaces the server
    config["servers"]["web"]["cloud_config"] = "#cloud-config\ntimezone: UTC\n"
    commands.configure(config)
    told = commands.refused(commands.pipeline("up", YES="1"))
    assert "replace server web" in told
    word = word_in(told)
    assert word.startswith("replace-")
    assert "another change" in commands.refused(commands.pipeline("up", YES="1", APPROVE="replace-0000000000000000"))
    assert "YES=1" in commands.refused(commands.pipeline("up", APPROVE=word))
    assert "you did not say yes" in commands.refused(commands.person("up", "guarded"))
    made = commands.pipeline("up", YES="1", APPROVE=word)
    assert made.status == 0, made.text

    # what is protected stays, whoever asks
    config["servers"]["web"]["protect"] = True
    commands.configure(config)
    made = commands.pipeline("up", YES="1")
    assert made.status == 0, made.text
    commands.proxy.requests.clear()
    gone = {**config, "servers": {}}
    commands.configure(gone)
    assert "web-server must not be deleted or replaced" in commands.refused(commands.person("up", "yes"))
    assert "web-server must not be deleted or replaced" in commands.refused(commands.pipeline("down", YES="1"))
    del config["servers"]["web"]["protect"]
    commands.configure(config)
    made = commands.pipeline("up", YES="1")
    assert made.status == 0, made.text
    commands.proxy.requests.clear()

    # taking it down
    told = commands.refused(commands.pipeline("down", YES="1"))
    word = word_in(told)
    assert word.startswith("delete-")
    assert "not the stack's name" in commands.refused(commands.person("down", "yes"))
    assert "not the stack's name" in commands.refused(commands.person("down", "prod"))
    [network] = api.network.networks(name="guarded-front")
    port = api.network.create_port(network_id=network.id, name="somebody's")
    told = commands.refused(commands.person("down", "guarded"))
    assert "it would hang" in told
    assert port.id in told
    api.network.delete_port(port)
    made = commands.person("down", "guarded")
    assert made.status == 0, made.text
    assert not list(api.network.networks(name="guarded-front"))
