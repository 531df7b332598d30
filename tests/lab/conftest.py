"""Fixtures for tests of the local cloud: a lab in a temporary directory, which uses the installed services of the checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.command import LabCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection


@pytest.fixture(scope="session")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCommand]:
    command = LabCommand(tmp_path_factory.mktemp("lab"))
    command("up")
    yield command
    command("reset")


@pytest.fixture(scope="session")
def lab(own_lab: LabCommand) -> LabCommand:
    """The lab that the tests use. A module may override this fixture to use another one."""
    return own_lab


@pytest.fixture
def member(lab: LabCommand) -> Connection:
    return lab.connect("local")


@pytest.fixture
def admin(lab: LabCommand) -> Connection:
    return lab.connect("local-admin")
