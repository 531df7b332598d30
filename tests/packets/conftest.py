"""The local cloud with packets, and what it needs of the machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from lab import settings
from lab.packets.plane import Packets
from lab.settings import LabError
from tests.engine.conftest import cli
from tests.engine.stack import ROOT, Stack
from tests.packets.machine import snapshot
from tests.packets.world import World
from tools import toolchain

__all__ = ["cli"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.packets)


@pytest.fixture(scope="session")
def before() -> dict[str, str]:
    """What the machine was like before the lab was started."""
    return snapshot()


@pytest.fixture(scope="session")
def lab(cli: toolchain.Toolchain, before: dict[str, str]) -> Iterator[settings.Settings]:
    """A lab of our own, started for these tests; the one that MULTIPORT_TEST_PACKETS names stays up."""
    assert cli, before  # without the CLI nothing could be deployed there
    given = os.environ.get("MULTIPORT_TEST_PACKETS")
    folder = Path(given) if given else ROOT / ".reports" / "packets"
    try:
        Packets(folder, print).refuse()
    except LabError as refused:
        pytest.skip(str(refused))
    command = [sys.executable, "-m", "lab", "--mode", "packets", "--dir", str(folder)]
    answer = subprocess.run([*command, "up"], cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert answer.returncode == 0, answer.stdout
    found = settings.load(folder)
    assert found is not None
    yield found
    if not given:
        subprocess.run([*command, "reset"], cwd=ROOT, check=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def world(lab: settings.Settings) -> World:
    """What is outside the cloud."""
    return World(lab)


@pytest.fixture(scope="session")
def api(lab: settings.Settings) -> Any:
    """The cloud's API as the tenant sees it."""
    config = openstack.config.OpenStackConfig(config_files=[str(lab.clouds_yaml)])
    return openstack.connection.Connection(config=config.get_one("local"))


@pytest.fixture(scope="module")
def stack(cli: toolchain.Toolchain, lab: settings.Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is destroyed afterwards, at the first try, and leaves nothing."""
    cloud = {"OS_CLIENT_CONFIG_FILE": str(lab.clouds_yaml), "OS_CLOUD": "local"}
    made = Stack(tmp_path_factory.mktemp("stack") / "packets", "packets", cloud, ROOT, cli.pulumi)
    yield made
    made.destroy()
