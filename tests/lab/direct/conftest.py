"""The stack that the tests of the engine work on."""

from pathlib import Path

import pytest

from tests.lab.direct.fake_stack import Stack


@pytest.fixture
def stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stack:
    return Stack(tmp_path / "one.json", capsys)
