"""A review that fails is reported in the comment, so that nobody believes that the change does nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from multiport.project import find as found
from multiport.review import crash, pipeline
from multiport.review.markdown import marker
from multiport.review.preview import read
from multiport.review.pulumi_cli import CliError, Previewed, Stack
from multiport.review.redaction import Redaction
from tests.review import recording

VALUE = "swordfish"


class Unreadable(dict[str, Any]):
    """An object that no renderer can handle; its error quotes a value."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(f"{key} {VALUE}")


class FakeStack(Stack):
    """A stack whose preview is a recorded one, with what the renderer cannot read; or no preview at all."""

    broken = True

    def exists(self) -> bool:
        return True

    def preview(self, _: Path | None = None) -> Previewed:
        if not self.broken:
            raise CliError(f"error: no passphrase {VALUE}")
        events, described, _texts = recording.read(recording.FOLDER / "create")
        found = read(events, described)
        object.__setattr__(found, "steps", Unreadable(found.steps))
        for step in found.steps.values():
            object.__setattr__(step, "depends", Unreadable())
            object.__setattr__(step, "old", None)
        return Previewed(found, Redaction(()), {"resourcePlans": {}}, {}, {})

    def up(self, _: Path) -> int:
        raise AssertionError("updated what nobody could read")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    monkeypatch.setattr(pipeline, "_stack", lambda of, name, environment, _say: FakeStack(name, of, "pulumi", environment))
    return tmp_path


def test_a_crash_of_the_review_makes_a_comment(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline.preview(found(project), "dev", {}, project / "out", empty=False) == 1
    body = (project / "out" / "dev" / "comment.md").read_text()
    assert body.startswith(marker("shop", "dev"))
    assert "nothing is known of what this change does" in body
    assert "AttributeError" in body
    assert "review/" in body
    assert "<!-- change" not in body  # it approves nothing
    said = capsys.readouterr()
    assert "topology.py" in said.err
    assert VALUE not in said.out + said.err + body


def test_a_missing_preview_makes_a_comment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeStack, "broken", False)
    with pytest.raises(CliError):
        pipeline.preview(found(project), "dev", {}, project / "out", empty=False)
    body = (project / "out" / "dev" / "comment.md").read_text()
    assert crash.NO_PREVIEW in body
    assert VALUE not in body


def test_what_cannot_be_read_is_not_deployed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline.update(found(project), "dev", {}, unreviewed=True) == 1
    assert "nothing was updated" in capsys.readouterr().err


def test_what_the_cli_says_is_shown_where_the_engine_says_nothing() -> None:
    said = f"warning: x\nerror: could not load policy pack {VALUE}: no such folder\n"
    found = read("", "{}", Redaction([VALUE]), stack="dev", said=said)
    assert found.failed
    [told] = found.diagnostics
    assert "could not load policy pack [secret]: no such folder" in told.message


@pytest.mark.parametrize("what", ["policy", "remediation"])
def test_an_operation_cancelled_by_a_refusal_is_not_an_error(what: str) -> None:
    messages = ['Preview failed: before hook "x" failed: web: no', f"failed to run {what}: rpc error: desc = context canceled"]
    lines = [json.dumps({"diagnosticEvent": {"severity": "error", "message": each}}) for each in messages]
    found = read("\n".join(lines), "{}", stack="dev")
    assert [each.message for each in found.diagnostics] == ["web: no"]
