"""Fixtures for tests of the direct driver's engine."""

from pathlib import Path

import pytest

from tests.lab.direct.fake_stack import Stack


@pytest.fixture
def stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stack:
    return Stack(tmp_path / "one.json", capsys)
