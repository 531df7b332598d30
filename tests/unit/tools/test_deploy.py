"""`make up`, `preview` and `down` with a stand-in for the CLI, or without any."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from multiport import toolchain
from multiport.toolchain import Toolchain
from tests.unit.tools.pulumi_stand_in import Answer, Pulumi
from tools import backend, deploy

URN = "urn:pulumi:dev::multiport::openstack:networking/network:Network::front"
NEW = {"id": "", "parent": "", "inputs": {"name": "front"}, "outputs": {}}
CREATES = [
    {"resourcePreEvent": {"metadata": {"op": "create", "urn": URN, "new": NEW}}},
    {"summaryEvent": {"result": "succeeded"}},
]
REFUSES = [
    {"policyEvent": {"policyName": "config-drive", "enforcementLevel": "mandatory", "message": "no", "resourceUrn": URN}},
    *CREATES,
]
STATE_WITH_A_NETWORK = {
    "checkpoint": {"latest": {"resources": [{"custom": True, "type": "openstack:networking/network:Network"}]}}
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the stack `dev`, and a cloud that needs no start."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    (tmp_path / "Pulumi.yaml").write_text("name: multiport\nruntime: python\nstackConfigDir: stacks\n")
    for module in (deploy, backend):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(backend, "STATE", tmp_path / ".state")
    environment = {"PULUMI_HOME": str(tmp_path / "pulumi-home"), "PATH": "/usr/bin:/bin"}
    monkeypatch.setattr(deploy, "_local_cloud", lambda _verb: dict(environment))
    monkeypatch.setattr(deploy, "_stop_local_cloud", lambda: None)
    for name in ("OS_CLOUD", "MULTIPORT_ENGINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """A CLI that knows the stack and would create a network."""
    made = Pulumi(project / "bin")
    monkeypatch.setattr(toolchain, "find", lambda *_, **__: Toolchain(made.path, "v3.300.0", "5.5.1"))
    listed = json.dumps([{"name": "dev", "resourceCount": 1}])
    outputs = json.dumps({"servers": {}})
    made.answers(
        stack_ls=Answer(says=listed),
        preview=Answer(says="{}"),
        config=Answer(says="{}"),
        stack_output=Answer(says=outputs),
        stack_export=Answer(says="{}"),
    )
    made.logs("".join(json.dumps(each) + "\n" for each in CREATES))
    return made


@pytest.fixture
def without_cli(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No CLI is within reach; returns what the direct driver is called with."""
    assert project.is_dir()
    called: list[list[str]] = []

    def find(*_: object, **__: object) -> Toolchain:
        raise toolchain.ToolchainError("no Pulumi CLI")

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        called.append(command)
        return subprocess.CompletedProcess(command, 0, "{}", "")

    monkeypatch.setattr(toolchain, "find", find)
    monkeypatch.setattr(subprocess, "run", run)
    return called


def words(pulumi: Pulumi) -> list[str]:
    return [call[0] for call in pulumi.calls if call[0] in ("preview", "up", "destroy")]


def test_an_update_is_reviewed_first_and_asks_the_policies(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy._carry_out("up", "dev") == 0
    assert words(pulumi) == ["preview", "up"]
    for call in pulumi.calls:
        if call[0] in ("preview", "up"):
            assert "--policy-pack" in call
            assert "--config-file" in call
    assert "dev: creates 1 network." in capsys.readouterr().out


def test_what_a_policy_refuses_is_not_deployed(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.logs("".join(json.dumps(each) + "\n" for each in REFUSES))
    assert deploy._carry_out("up", "dev") == 1
    assert words(pulumi) == ["preview"]
    assert "refused by config-drive on front" in capsys.readouterr().out


def test_a_preview_ends_with_the_review(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy._carry_out("preview", "dev") == 0
    assert words(pulumi) == ["preview"]
    assert "+ create openstack:networking:Network front" in capsys.readouterr().out


def test_a_preview_that_fails_shows_the_clis_words(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.answers(preview=Answer(complains="error: no passphrase", status=255))
    (pulumi.path.parent / "events").unlink()
    assert deploy._carry_out("preview", "dev") == 1
    assert "error: no passphrase" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["up", "down", "outputs", "verify"])
def test_a_stack_of_the_clis_is_left_alone_without_it(
    project: Path, without_cli: list[list[str]], capsys: pytest.CaptureFixture[str], verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE", "here")
    (project / ".state" / ".pulumi" / "stacks" / "multiport").mkdir(parents=True)
    (project / ".state" / ".pulumi" / "stacks" / "multiport" / "dev.json").write_text(json.dumps(STATE_WITH_A_NETWORK))
    assert deploy._carry_out(verb, "dev") == 1
    assert without_cli == []
    said = capsys.readouterr().out
    assert "Stack dev was deployed by the Pulumi CLI" in said
    assert "Nothing was done" in said
    assert "gone" not in said


def test_what_a_backend_holds_is_not_guessed(
    without_cli: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploy, "_local_cloud", lambda _verb: {"PULUMI_BACKEND_URL": "s3://somewhere"})
    assert deploy._carry_out("down", "dev") == 1
    assert without_cli == []
    assert "Only the CLI can tell" in capsys.readouterr().out


def test_what_nobody_deployed_is_said_to_be_not_deployed(
    without_cli: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy._carry_out("down", "dev") == 0
    assert without_cli == []
    assert "Stack dev is not deployed" in capsys.readouterr().out
