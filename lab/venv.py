"""The services' virtual environment: made on first use from `requirements.lock`, made again when that file changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installation.environment import Environment, InstallationError
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_FILE = Path(__file__).with_name("requirements.lock")
BUILD_TOOLS = ("setuptools",)
"""ovs and simplegeneric are published as source only."""


def ensure(venv: Path, say: Callable[[str], None]) -> None:
    """Make the environment unless it is current.

    Args:
        venv: where.
        say: receives lines of progress.

    Raises:
        LabError: pip failed; the message says why and what to do.
    """
    try:
        Environment(venv, LOCK_FILE, build_tools=BUILD_TOOLS).ensure(say)
    except InstallationError as error:
        raise LabError(str(error)) from error
