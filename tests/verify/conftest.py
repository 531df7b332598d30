"""Skips the end-to-end tests on machines that lack root, the programs, or a mirror of Debian's packages."""

import os
import shutil

import pytest

pytest.register_assert_rewrite("tests.netns.topology", "tests.netns.namespace")

from tests.verify.fake_server import unpacked  # noqa: E402 - its imports must be registered for assert rewriting first

_PROGRAMS = ("ip", "nft", "unshare", "nsenter", "ssh", "ssh-keygen", "ping", "curl", "python3")


@pytest.fixture(scope="session")
def equipped() -> None:
    """Skip a test if the machine lacks something that it needs."""
    missing = [program for program in _PROGRAMS if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if os.geteuid():
        pytest.skip("namespaces need root: run the tests as root")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; install the packages in tests/verify/apt.txt")
    try:
        unpacked()
    except OSError as error:
        pytest.skip(f"configure an apt mirror that has openssh-server and tcpdump: {error}")
