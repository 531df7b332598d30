"""The development environment: `.venv` in the checkout, from requirements-dev.lock, with the checkout itself on its path."""

from __future__ import annotations

import sys
from typing import Final

from installation.environment import Environment, InstallationError
from installation.python_range import ROOT

DEVELOPMENT: Final = Environment(ROOT / ".venv", ROOT / "requirements-dev.lock", paths=("../../../..",))


def main() -> int:
    """Have the environment; returns the exit status."""
    try:
        DEVELOPMENT.ensure(lambda line: print(line, flush=True))
    except InstallationError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the command again to go on", file=sys.stderr)
        return 130
    return 0
