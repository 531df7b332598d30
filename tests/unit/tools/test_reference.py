"""The checked-in reference is what the definitions say."""

from pathlib import Path

import pytest

from multiport.components.topology import Topology
from multiport.reference.definitions import keys_of, records_in
from multiport.reference.pulumi_schema import COMPONENTS
from tools import reference


def test_the_reference_is_current() -> None:
    assert reference.stale() == [], "run python -m tools.reference --write"


def test_every_key_and_every_component_has_its_row() -> None:
    page = reference.reference()["stack.md"]
    for record in records_in(Topology):
        for key in keys_of(record):
            assert f"| `{key.name}` | " in page
            assert key.meaning.replace("<", "&lt;") in page
    assert {f"{component.__name__}.md" for component in COMPONENTS} < reference.reference().keys()


def test_a_stale_file_is_named_and_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "reference")
    monkeypatch.setattr("sys.argv", ["reference", "--write"])
    assert reference.main() == 0
    assert reference.stale() == []
    (tmp_path / "reference" / "stack.md").write_text("old")
    (tmp_path / "reference" / "Gone.md").write_text("a component that is gone")
    assert reference.stale() == ["Gone.md", "stack.md"]
    monkeypatch.setattr("sys.argv", ["reference"])
    assert reference.main() == 1
    monkeypatch.setattr("sys.argv", ["reference", "--write"])
    assert reference.main() == 0
    assert reference.stale() == []
