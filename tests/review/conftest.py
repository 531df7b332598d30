"""Makes the fixtures of tests/engine available here."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent / "engine")]

from tests.engine.conftest import cli, cloud, make_stack  # noqa: E402 - found by the line above

settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault
settings.load_profile("no deadline")

__all__ = ["cli", "cloud", "make_stack"]

ENGINE = {"test_policies.py", "test_end_to_end.py", "test_previews.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and item.path.name in ENGINE:
            item.add_marker(pytest.mark.engine)
