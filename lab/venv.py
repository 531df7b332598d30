"""The services' virtual environment: made on first use from `requirements.lock`, made again when that file changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.locks import exclusive
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_FILE = Path(__file__).with_name("requirements.lock")
STAMP = "installed-from"
"""File in the environment that holds the digest of the lock file it was made from; absent after an interrupted installation."""
PROGRESS_SECONDS = 5.0


def is_current(venv: Path) -> bool:
    """Whether the environment holds what the lock file names."""
    try:
        return venv.joinpath(STAMP).read_text() == _digest()
    except OSError:
        return False


def ensure(venv: Path, say: Callable[[str], None]) -> None:
    """Make the environment unless it is current.

    Args:
        venv: where.
        say: receives lines of progress.

    Raises:
        LabError: pip failed; the message holds the end of what it said.
    """
    if is_current(venv):
        return
    venv.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(venv.with_name(venv.name + ".lock"), f"another process is installing into {venv}", say):
        if not is_current(venv):
            _install(venv, say)


def _install(venv: Path, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    wanted = {line.partition("==")[0] for line in LOCK_FILE.read_text().splitlines() if line[:1].isalnum()}
    say(f"installing {len(wanted)} Python packages into {venv} (once; about 100 MB to download, 600 MB on disk, a minute)")
    if venv.exists():
        if not venv.joinpath("pyvenv.cfg").exists():
            raise LabError(f"{venv} exists and is no virtual environment: choose another with LAB_VENV")
        shutil.rmtree(venv)
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False, capture_output=True, text=True)
    if made.returncode:
        raise LabError(f"no virtual environment could be made in {venv}:\n{made.stdout}{made.stderr}")  # Debian: python3-venv
    # --no-deps: the lock file is complete, and pip need not work that out again.
    command = [
        str(venv / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--progress-bar",
        "off",
        "--disable-pip-version-check",
        "--requirement",
        str(LOCK_FILE),
    ]
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as pip:
        try:
            _follow(pip, output, wanted, say)
        except BaseException:
            pip.terminate()
            raise
    if pip.returncode:
        tail = "\n".join(output[-15:])
        raise LabError(
            f"pip could not install {LOCK_FILE.name}:\n{tail}\n"
            "Is a Python package index reachable (`pip config list`)? Then run the command again.",
        )
    venv.joinpath(STAMP).write_text(_digest())
    say(f"installed in {time.monotonic() - started:.0f} s")


def _follow(pip: subprocess.Popen[str], output: list[str], wanted: set[str], say: Callable[[str], None]) -> None:
    if pip.stdout is None:
        return
    collected: set[str] = set()
    said = time.monotonic()
    for line in pip.stdout:
        output.append(line.rstrip())
        if line.startswith("Installing collected packages"):
            say("  unpacking")
        elif line.startswith("Collecting "):
            collected |= wanted & {line.split()[1].partition("==")[0]}
            if time.monotonic() - said > PROGRESS_SECONDS:
                say(f"  {len(collected)} of {len(wanted)} packages fetched")
                said = time.monotonic()


def _digest() -> str:
    return hashlib.sha256(LOCK_FILE.read_bytes() + sys.version.encode()).hexdigest()
