"""Which Pythons the project supports: the range that pyproject.toml declares as `requires-python`.

This module and `__main__` are read by Pythons that are too old, so they keep to the syntax of Python 3.6.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def supported() -> "tuple[tuple[int, int], tuple[int, int]]":
    """Return the oldest supported (major, minor) version, and the first one after the newest."""
    project = ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8")
    declared = re.search(r'^requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"', project, re.MULTILINE)
    if declared is None:
        raise ValueError("pyproject.toml declares no requires-python of the form >=3.x,<3.y")
    oldest_major, oldest, beyond_major, beyond = map(int, declared.groups())
    return (oldest_major, oldest), (beyond_major, beyond)


def refusal(version: "tuple[int, int]") -> "str | None":
    """Return the line that refuses a Python version with the remedy; None for a supported version."""
    oldest, beyond = supported()
    if oldest <= version < beyond:
        return None
    return (
        "Python {}.{} is not supported: multiport needs Python {}.{} to {}.{}. "
        "Install one of them, or name it: make up PYTHON=python{}.{}"
    ).format(*version, *oldest, beyond[0], beyond[1] - 1, beyond[0], beyond[1] - 2)


if __name__ == "__main__":
    sys.exit(refusal(sys.version_info[:2]))
