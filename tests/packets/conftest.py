"""Fixtures for tests on the local cloud with packets. They skip the tests if the machine lacks something."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from lab import settings
from lab.packets.plane import Packets
from lab.settings import LabError
from multiport import toolchain
from tests.engine.conftest import cli
from tests.engine.stack import ROOT, Stack
from tests.lab.command import LabCommand
from tests.packets.direct import Deployment, DirectStack
from tests.packets.machine import changed, processes_of, snapshot
from tests.packets.world import World

__all__ = ["cli"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.packets)


@pytest.fixture(scope="session")
def before() -> dict[str, str]:
    """A snapshot of the machine before the lab was started."""
    return snapshot()


@pytest.fixture(scope="session")
def lab(before: dict[str, str]) -> Iterator[settings.Settings]:
    """A lab, and a check that it leaves the machine unchanged. A lab that MULTIPORT_TEST_PACKETS names is not stopped."""
    given = os.environ.get("MULTIPORT_TEST_PACKETS")
    folder = Path(given).absolute() if given else ROOT / ".reports" / "packets"
    found = start(folder)
    yield found
    if not given:
        LabCommand(folder, "packets")("reset")
        shutil.rmtree(folder)
        assert changed(before, snapshot()) == set()
        assert processes_of(folder) == []


def start(folder: Path) -> settings.Settings:
    """Start a lab in a folder, or skip the test with the reason why this machine cannot run one.

    MULTIPORT_TEST_IMAGES limits the guest images of the lab, because building one takes half a minute.
    """
    try:
        Packets(folder, print).require_machine()
    except LabError as refused:
        pytest.skip(str(refused))
    images = os.environ.get("MULTIPORT_TEST_IMAGES", "").split()
    LabCommand(folder, "packets")("up", *(f"--image={image}" for image in images))
    found = settings.load(folder)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def world(lab: settings.Settings) -> World:
    """The network outside the cloud."""
    return World(lab)


@pytest.fixture(scope="session")
def api(lab: settings.Settings) -> Any:
    """A connection to the cloud's API as an ordinary tenant."""
    config = openstack.config.OpenStackConfig(config_files=[str(lab.clouds_yaml)])
    return openstack.connection.Connection(config=config.get_one("local"))


@pytest.fixture(scope="module")
def stack(cli: toolchain.Toolchain, lab: settings.Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is destroyed afterwards, which must succeed at the first attempt and leave nothing."""
    made = Stack(tmp_path_factory.mktemp("stack") / "packets", "packets", _cloud(lab), ROOT, cli.pulumi)
    yield made
    made.destroy()


@pytest.fixture(scope="session")
def make_stack(
    cli: toolchain.Toolchain, lab: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Stack]:
    """A function that creates stacks. The caller destroys them."""

    def make(name: str) -> Stack:
        return Stack(tmp_path_factory.mktemp("stack") / name, name, _cloud(lab), ROOT, cli.pulumi)

    return make


@pytest.fixture(scope="module")
def deployment(lab: settings.Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A stack that is deployed by the official CLI, or by the direct driver if there is no CLI."""
    folder = tmp_path_factory.mktemp("stack") / "packets"
    made: Deployment
    try:
        if os.environ.get("MULTIPORT_ENGINE") == "direct":
            raise toolchain.ToolchainError("the direct driver was requested")
        made = Stack(folder, "packets", _cloud(lab), ROOT, toolchain.find(print, fetch=False).pulumi)
    except toolchain.ToolchainError:
        made = DirectStack(folder, "packets", _cloud(lab))
    yield made
    made.destroy()


def _cloud(lab: settings.Settings) -> dict[str, str]:
    return {"OS_CLIENT_CONFIG_FILE": str(lab.clouds_yaml), "OS_CLOUD": "local"}
