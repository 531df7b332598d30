"""`multiport policy`, and which words begin a review."""

import sys
from pathlib import Path

import pytest
import yaml

from multiport.cli.main import main
from multiport.cli.review import ACTIONS, with_action
from multiport.policy import pack
from multiport.policy.rules import POLICIES


def test_every_policy_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy"]) == 0
    said = capsys.readouterr().out
    assert all(policy.name in said and policy.description in said for policy in POLICIES)


def test_the_pack_is_written_and_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    folder = tmp_path / "policy"
    for _ in range(2):
        assert main(["policy", "--write", str(folder)]) == 0
    manifest = yaml.safe_load((folder / "PulumiPolicy.yaml").read_text())
    assert manifest["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../.venv"}}
    assert str(tmp_path) not in (folder / "__main__.py").read_text()


def test_an_environment_elsewhere_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environments" / "one"))
    pack.write(tmp_path / "project" / "policy", lasting=True)
    manifest = yaml.safe_load((tmp_path / "project" / "policy" / "PulumiPolicy.yaml").read_text())
    assert manifest["runtime"]["options"]["virtualenv"] == str((tmp_path / "environments" / "one").resolve())


def test_without_an_environment_the_engine_chooses_its_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    pack.write(tmp_path, lasting=True)
    assert yaml.safe_load((tmp_path / "PulumiPolicy.yaml").read_text())["runtime"]["options"] == {"toolchain": "pip"}


def test_a_pack_for_one_run_finds_the_package_that_wrote_it(tmp_path: Path) -> None:
    pack.write(tmp_path, lasting=False)
    assert str(Path(pack.__file__).resolve().parents[2]) in (tmp_path / "__main__.py").read_text()


def test_another_program_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "__main__.py").write_text("print('mine')\n")
    assert main(["policy", "--write", str(tmp_path)]) == 2
    assert (tmp_path / "__main__.py").read_text() == "print('mine')\n"
    assert "another program" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (["--stack", "dev"], "preview"),
        (["--since", "main"], "preview"),
        (["--stack", "update"], "preview"),
        (["update"], "update"),
    ],
)
def test_a_review_without_an_action_is_a_preview(words: list[str], action: str) -> None:
    assert with_action(["review", *words])[1] == action


def test_other_words_stay_as_they_are() -> None:
    for words in (["review"], ["review", "--help"], ["verify", "--stack", "dev"], [], *(["review", each] for each in ACTIONS)):
        assert with_action(words) == words
