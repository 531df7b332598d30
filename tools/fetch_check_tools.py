"""Find the two programs that judge what we render, shellcheck and cloud-init, and fetch the one that no Python index has.

requirements-dev.lock brings shellcheck, where its package is built for the machine. cloud-init comes from the packages of the
machine's own distribution and is unpacked into `.tools/`; nothing is installed. Where there is no apt, those on PATH serve. What
is found neither way is said; tests that need it count as not run.

`python tools/fetch_check_tools.py` fetches what is missing; `command` tells tests how to run a tool.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

TOOLS: Final = Path(__file__).resolve().parent.parent / ".tools"
"""Where fetched tools live: inside the checkout, not under version control."""

UNPACKED: Final = {"cloud-init": "usr/lib/python3/dist-packages/cloudinit/cmd/main.py"}
"""Debian package: the file in it that makes the tool."""

VERSION_FILE: Final = "version-of-package"
"""File in an unpacked tool that names what was fetched."""


def command(tool: str) -> list[str] | None:
    """Return the words that start a tool, the fetched or installed one before the one on PATH; None if there is none."""
    unpacked = TOOLS / tool / UNPACKED.get(tool, tool)
    if not unpacked.exists():
        installed = Path(sys.executable).with_name(tool)
        found = str(installed) if installed.exists() else shutil.which(tool)
        return [found] if found else None
    # Debian's cloud-init is pure Python; what it imports beside is in requirements-dev.lock (configobj, jsonschema).
    return ["env", f"PYTHONPATH={unpacked.parent.parent.parent}", sys.executable, "-m", "cloudinit.cmd.main"]


def fetch(tool: str) -> str:
    """Fetch a tool unless it is there, and return what is to be said about it."""
    if (there := command(tool)) is not None:
        return f"{tool}: {there[-1] if len(there) == 1 else TOOLS / tool}"
    missing = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
    if missing:
        return f"{tool}: not found on PATH, and there is no {missing[0]} to fetch it with; what needs it will not run"
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        package = _download(tool, Path(folder))
        if package is None:
            return f"{tool}: not found on PATH, and apt-get has no package of it; what needs it will not run"
        unpacked = Path(folder) / "unpacked"
        subprocess.run(["dpkg-deb", "--extract", package, unpacked], check=True)
        (unpacked / VERSION_FILE).write_text(package.stem)
        unpacked.rename(TOOLS / tool)
    return f"{tool}: {package.name} unpacked into {TOOLS / tool}"


def fetched() -> list[str]:
    """Name and version of what was fetched, for the summary of a run."""
    return [file.read_text() for tool in UNPACKED if (file := TOOLS / tool / VERSION_FILE).exists()]


def _download(package: str, folder: Path) -> Path | None:
    """Download a package with the machine's package lists, or with lists of our own where it has none."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache").mkdir()
    own_lists = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    if _apt(["apt-get", "download", package], folder) or (
        _apt(["apt-get", *own_lists, "update"], folder) and _apt(["apt-get", *own_lists, "download", package], folder)
    ):
        return next(folder.glob("*.deb"), None)
    return None


def _apt(words: list[str], folder: Path) -> bool:
    # Root's folder is not open to apt's own user, and need not be.
    words = [words[0], "-qq", "-o", "APT::Sandbox::User=root", *words[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False).returncode == 0


def main() -> None:
    """Fetch what is missing and say what there is."""
    for tool in UNPACKED:
        print(fetch(tool), flush=True)


if __name__ == "__main__":
    main()
