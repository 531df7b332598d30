"""Stacks that something happened to, on the local cloud; every test here needs the engine."""

from pathlib import Path

import pytest

from tests.engine.conftest import api, cli, cloud, make_stack

__all__ = ["api", "cli", "cloud", "make_stack"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and item.path.name != "test_actions.py":
            item.add_marker(pytest.mark.engine)
