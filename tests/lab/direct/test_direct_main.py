"""Tests of the direct driver's command line that need no cloud."""

import json
from pathlib import Path

import pytest
from pulumi.runtime import rpc

from lab.direct.__main__ import default_state, main
from lab.direct.state import Resource, Store

ROOT = "urn:pulumi:one::shop::pulumi:pulumi:Stack::shop-one"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("LAB_DIR", str(tmp_path / "lab"))
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return ["--project", str(tmp_path), "--stack", "one"]


def test_the_state_file_is_among_the_labs_data(project: list[str], tmp_path: Path) -> None:
    assert project
    assert default_state("shop", "one") == tmp_path / "lab" / "data" / "direct" / "shop" / "one.json"


def test_secret_outputs_are_masked_unless_requested(project: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = default_state("shop", "one")
    path.parent.mkdir(parents=True)
    store = Store(path)
    store.state.outputs = {"address": "10.0.0.1", "password": rpc.wrap_rpc_secret("hunter2")}
    store.record(Resource(ROOT, "", custom=False, inputs={}, outputs={}, dependencies=[]))
    assert main(["outputs", *project, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"address": "10.0.0.1", "password": "[secret]"}
    assert main(["outputs", *project, "--json", "--show-secrets"]) == 0
    assert json.loads(capsys.readouterr().out) == {"address": "10.0.0.1", "password": "hunter2"}
    assert main(["outputs", *project]) == 0
    assert capsys.readouterr().out == "Outputs:\n    address  : 10.0.0.1\n    password : [secret]\n"


def test_without_a_deployment_there_is_nothing_to_list_or_delete_and_no_file_is_written(
    project: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outputs", *project, "--json"]) == 0
    assert main(["down", *project]) == 0
    assert capsys.readouterr().out == "{}\nResources: nothing to delete\n"
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.yaml"]


def test_a_missing_project_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--project", str(tmp_path), "--stack", "one"]) == 1
    assert capsys.readouterr().err == f"error: there is no Pulumi.yaml in {tmp_path}.\n"


@pytest.mark.parametrize("arguments", [[], ["up"], ["refresh", "--project", "x", "--stack", "y"]])
def test_a_wrong_command_line_has_exit_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
