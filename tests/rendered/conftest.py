from collections.abc import Callable
from pathlib import Path

import pytest

from multiport.guest.files import guest_files, packed_files
from multiport.guest.plan import BootPort, RoutingPlan
from tools.fetch_check_tools import command

PLAN = RoutingPlan((BootPort(37, "fa:16:3e:00:00:01", primary=True), BootPort(212, "fa:16:3e:00:00:02")))


@pytest.fixture
def tool() -> Callable[[str], list[str]]:
    """The words that start a fetched tool."""

    def found(name: str) -> list[str]:
        words = command(name)
        if words is None:
            pytest.skip(f"not run: there is no {name}; `python tools/fetch_check_tools.py` fetches it where there is apt")
        return words

    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that holds the guest's files as cloud-init and the launcher write them."""
    for file in (*guest_files(PLAN), *packed_files()):
        path = tmp_path / file.path.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content)
        path.chmod(file.mode)
    return tmp_path
