"""The development environment: `.venv` in the checkout, from requirements-dev.lock, with the checkout itself on its path."""

from __future__ import annotations

import sys
import tomllib

from installation.environment import Environment, InstallationError
from installation.python_range import ROOT


def development() -> Environment:
    """The environment, with the commands that pyproject.toml declares."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("scripts", {})
    commands = tuple(sorted(scripts.items()))
    return Environment(ROOT / ".venv", ROOT / "requirements-dev.lock", paths=("../../../..",), commands=commands)


def main() -> int:
    """Have the environment; returns the exit status."""
    try:
        development().ensure(lambda line: print(line, flush=True))
    except InstallationError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the command again to go on", file=sys.stderr)
        return 130
    return 0
