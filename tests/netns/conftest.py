"""Namespaces need root; elsewhere every test here is counted as not run, with that reason."""

import os
import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.netns.topology", "tests.netns.namespace")

_PROGRAMS = ("ip", "nft", "unshare", "nsenter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [program for program in _PROGRAMS if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    why = f"not installed: {', '.join(missing)}; tests/netns/apt.txt names the packages" if missing else ""
    if os.geteuid():
        why = "namespaces need root: run the tests as root"
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.netns)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))
