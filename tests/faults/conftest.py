"""The fault loops need the engine and the local cloud."""

from pathlib import Path

import pytest

from tests.engine.conftest import api, cli, cloud

__all__ = ["api", "cli", "cloud"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.engine)
