"""A copy of those parts of a checkout that the set-up reads, with lock files of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement

from tests.installation.package_index import PIN

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Makefile", "pyproject.toml", "installation", "multiport", "components", "guest")


class Checkout:
    """A copy of what `make setup` reads.

    Attributes:
        folder: Where it is.
        index: Address of the package index that it installs from.
    """

    def __init__(self, folder: Path, index: str, lock: str) -> None:
        self.folder, self.index = folder, index
        folder.mkdir(parents=True)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, folder / part)
        self.lock.write_text(lock)

    @property
    def lock(self) -> Path:
        """The development environment's lock."""
        return self.folder / "requirements-dev.lock"

    @property
    def python(self) -> Path:
        """The installed environment's interpreter."""
        return self.folder / ".venv" / "bin" / "python"

    def environment(self, **more: str) -> dict[str, str]:
        """Return variables for an installation: no cache, no other index, no inherited variables of pip or Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "MAKE", "VIRTUAL"))}
        return {**kept, "PIP_INDEX_URL": self.index, "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "1", **more}

    def make(self, python: Path | str = sys.executable, user: int | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `make setup`."""
        return subprocess.run(
            ["make", "--no-print-directory", "setup", f"PYTHON={python}"],
            cwd=self.folder,
            env=self.environment(**more),
            text=True,
            capture_output=True,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


def locked(lock: str, python: Path) -> dict[str, str]:
    """Return the versions that a lock file names for an interpreter, by package name."""
    code = "import platform; print(platform.python_version(), platform.python_implementation())"
    version, implementation = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    variables = {
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "platform_python_implementation": implementation,
    }
    found = {}
    for pin in PIN.finditer(lock):
        marker = Requirement(pin[0].strip()).marker
        if marker is None or marker.evaluate(variables):
            found[pin["name"]] = pin["version"]
    return found


def installed(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that are installed in an environment, by package name."""
    answer = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True, env=environment
    )
    lines = (line.split("==") for line in answer.stdout.split())
    return {name.replace("_", "-").replace(".", "-").lower(): version for name, version in lines}
