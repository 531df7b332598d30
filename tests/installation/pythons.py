"""The Pythons of this machine, and the pip that each brings along."""

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Python:
    """One interpreter.

    Attributes:
        version: Its (major, minor) version.
        pip: The version of the pip that it installs into a new virtual environment.
        path: The interpreter.
    """

    version: tuple[int, int]
    pip: tuple[int, ...]
    path: Path


@functools.cache
def pythons() -> tuple[Python, ...]:
    """The interpreters on PATH and those of pyenv that can make virtual environments, each version and pip once."""
    named = [shutil.which(f"python3.{minor}") for minor in range(6, 20)]
    base = getattr(sys, "_base_executable", sys.executable)
    places = [base, "/usr/bin/python3", *filter(None, named)]
    places += map(str, Path(os.path.expanduser("~")).glob(".pyenv/versions/*/bin/python"))  # noqa: PTH111 - HOME may be unset
    found = {}
    for place in places:
        code = "import sys, ensurepip; print(*sys.version_info[:2], ensurepip.version()); print(sys.executable)"
        answer = (
            subprocess.run([place, "-c", code], capture_output=True, text=True, check=False) if Path(place).exists() else None
        )
        said = re.fullmatch(r"(\d+) (\d+) ([\d.]+)\n(.+)\n", answer.stdout) if answer else None
        if said:
            version, pip = (int(said[1]), int(said[2])), tuple(map(int, said[3].split(".")))
            found[version, pip] = Python(version, pip, Path(said[4]))
    return tuple(sorted(found.values()))
