"""The engine's fixtures, and a second key pair."""

from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import api, cli, cloud, make_stack

__all__ = ["api", "cli", "cloud", "key_pairs", "make_stack"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent and "make_stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def key_pairs(api: Any) -> None:
    """A key pair that a server can change to; other workers may have made it already."""
    if api.compute.find_keypair("second") is None:
        api.compute.create_keypair(name="second")
