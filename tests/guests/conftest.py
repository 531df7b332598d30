"""Fixtures of the guest tests, and what they need of the machine."""

import os
import shutil
from ipaddress import IPv4Address, IPv4Interface

import pytest

from lab.guests.images import Say
from lab.guests.stacks import STACKS, NetworkStack
from tests.guests.network import Nic

PROGRAMS = {
    "nspawn": ("mmdebstrap", "systemd-nspawn", "dnsmasq", "nft"),
    "qemu": ("mmdebstrap", "qemu-system-x86_64", "genisoimage", "mke2fs", "dnsmasq", "nft"),
}


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Prints a line at once, also where pytest keeps what tests print."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def print_now(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n    {text}", end="", flush=True)

    return print_now


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> None:
    """Not run, with the reason, where root or a program is missing."""
    mode = request.path.stem.removeprefix("test_")
    if os.geteuid() != 0:
        pytest.skip("booting guests needs root: run the tests as root")
    if missing := [program for program in PROGRAMS[mode] if shutil.which(program) is None]:
        pytest.skip(f"booting guests needs {', '.join(missing)}: see tests/guests/apt.txt")


@pytest.fixture(scope="module", params=STACKS, ids=lambda stack: stack.name)
def stack(request: pytest.FixtureRequest) -> NetworkStack:
    """Each network stack in turn."""
    chosen: NetworkStack = request.param
    return chosen


@pytest.fixture(scope="module")
def nics() -> tuple[Nic, ...]:
    """Two ports on one subnet."""
    return _nic("a", 37), _nic("b", 212)


@pytest.fixture(scope="module")
def hot_nic() -> Nic:
    """One more, to attach to the running guest."""
    return _nic("c", 300, hot=True)


def _nic(key: str, slot: int, *, hot: bool = False) -> Nic:
    number = 11 + "abc".index(key)
    return Nic(
        key,
        slot,
        f"fa:16:3e:00:00:{number:02x}",
        IPv4Interface(f"192.168.0.{number}/24"),
        IPv4Address(f"198.51.100.{100 + number}"),
        hot=hot,
    )
