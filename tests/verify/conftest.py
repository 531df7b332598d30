"""Namespaces need root, and Debian's packages a mirror; elsewhere the tests that use them are counted as not run."""

import os
import shutil

import pytest

pytest.register_assert_rewrite("tests.netns.topology", "tests.netns.namespace")

from tests.verify.fake_server import unpacked  # noqa: E402 - after what it imports is registered

_PROGRAMS = ("ip", "nft", "unshare", "nsenter", "ssh", "ssh-keygen", "ping", "curl", "python3")


@pytest.fixture(scope="session")
def equipped() -> None:
    """What the end-to-end tests need."""
    missing = [each for each in _PROGRAMS if not shutil.which(each, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if os.geteuid():
        pytest.skip("namespaces need root: run the tests as root")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; tests/verify/apt.txt names the packages")
    try:
        unpacked()
    except OSError as error:
        pytest.skip(f"give apt a mirror that has openssh-server and tcpdump: {error}")
