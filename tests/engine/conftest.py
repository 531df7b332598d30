"""Fixtures for tests of the official Pulumi engine on the local cloud. Without the Pulumi CLI these tests are skipped."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from filelock import FileLock

from multiport import toolchain
from tests.engine.stack import ROOT, Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def cli() -> toolchain.Toolchain:
    """The official CLI and plugin."""
    try:
        return toolchain.find(print, fetch=False)
    except toolchain.ToolchainError as error:
        pytest.skip(f"no official Pulumi CLI on this machine ({error}); get it from {toolchain.INSTALL_HELP}")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment variables of a running local cloud: the one that `make test` shares among workers, else a new one."""
    shared = os.environ.get("MULTIPORT_TEST_LAB")
    folder = Path(shared) if shared else tmp_path_factory.getbasetemp() / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    lab = [sys.executable, "-m", "lab", "--dir", str(folder)]
    with FileLock(folder.parent / f"{folder.name}.lock"):
        subprocess.run([*lab, "up"], check=True, cwd=ROOT)
    yield {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml"), "OS_CLOUD": "local"}
    if not shared:
        subprocess.run([*lab, "down"], check=True, cwd=ROOT)


@pytest.fixture(scope="session")
def config_drives(cloud: dict[str, str]) -> Path:
    """Folder of the config drives that Nova has built, by server id."""
    return Path(cloud["OS_CLIENT_CONFIG_FILE"]).parent / "config-drives"


@pytest.fixture(scope="session")
def api(cloud: dict[str, str]) -> Any:
    """A connection to the cloud's API as an ordinary tenant."""
    config = openstack.config.OpenStackConfig(config_files=[cloud["OS_CLIENT_CONFIG_FILE"]])
    return openstack.connection.Connection(config=config.get_one(cloud["OS_CLOUD"]))


@pytest.fixture(scope="module")
def make_stack(
    cli: toolchain.Toolchain, cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Stack]]:
    """A function that creates stacks. They are destroyed afterwards, which must succeed at the first attempt."""
    made: list[Stack] = []

    def make(name: str, program: Path = ROOT) -> Stack:
        stack = Stack(tmp_path_factory.mktemp("stack") / name, name, cloud, program, cli.pulumi)
        made.append(stack)
        return stack

    yield make
    for stack in made:
        if stack.deployed is not None:
            stack.destroy()
