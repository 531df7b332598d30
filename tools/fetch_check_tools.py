"""Find shellcheck and cloud-init, which check the files that we render, and download cloud-init if it is missing.

requirements-dev.lock contains shellcheck, if its package exists for this kind of machine. cloud-init is not in the Python package
index. It is downloaded from the machine's own distribution and unpacked into `.tools/`; nothing is installed. On a machine
without apt, the tools on PATH are used. A tool that is found in neither place is reported, and the tests that need it count as
not run.

`python tools/fetch_check_tools.py` downloads what is missing; `command` tells tests how to run a tool.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

TOOLS: Final = Path(__file__).resolve().parent.parent / ".tools"
"""The folder of downloaded tools: inside the checkout, not under version control."""

UNPACKED: Final = {"cloud-init": "usr/lib/python3/dist-packages/cloudinit/cmd/main.py"}
"""The file that runs the tool, by Debian package."""

VERSION_FILE: Final = "version-of-package"
"""A file in the folder of a tool that names the Debian package it was unpacked from."""


def command(tool: str) -> list[str] | None:
    """Return the command that starts a tool: the downloaded one, else the installed one, else that on PATH; None without any."""
    unpacked = TOOLS / tool / UNPACKED.get(tool, tool)
    if not unpacked.exists():
        installed = Path(sys.executable).with_name(tool)
        found = str(installed) if installed.exists() else shutil.which(tool)
        return [found] if found else None
    # Debian's cloud-init is pure Python; the packages that it imports are in requirements-dev.lock (configobj, jsonschema).
    return ["env", f"PYTHONPATH={unpacked.parent.parent.parent}", sys.executable, "-m", "cloudinit.cmd.main"]


def fetch(tool: str) -> str:
    """Download a tool unless it is there, and return a line that says where it is or why it is missing."""
    if (found := command(tool)) is not None:
        return f"{tool}: {found[-1] if len(found) == 1 else TOOLS / tool}"
    missing = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
    if missing:
        return f"{tool}: not on PATH, and there is no {missing[0]} to download it with; tests that need it will not run"
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        package = _download(tool, Path(folder))
        if package is None:
            return f"{tool}: not on PATH, and apt-get cannot download its package; tests that need it will not run"
        unpacked = Path(folder) / "unpacked"
        subprocess.run(["dpkg-deb", "--extract", package, unpacked], check=True)
        (unpacked / VERSION_FILE).write_text(package.stem)
        unpacked.rename(TOOLS / tool)
    return f"{tool}: {package.name} unpacked into {TOOLS / tool}"


def fetched() -> list[str]:
    """Return the names and versions of the downloaded tools, for the summary of a test run."""
    return [file.read_text() for tool in UNPACKED if (file := TOOLS / tool / VERSION_FILE).exists()]


def _download(package: str, folder: Path) -> Path | None:
    """Download a package with the machine's package lists, or, if that fails, with newly downloaded lists of our own."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache").mkdir()
    own_lists = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    if _apt(["apt-get", "download", package], folder) or (
        _apt(["apt-get", *own_lists, "update"], folder) and _apt(["apt-get", *own_lists, "download", package], folder)
    ):
        return next(folder.glob("*.deb"), None)
    return None


def _apt(words: list[str], folder: Path) -> bool:
    # Run as root, apt would download as its own user, who cannot write to the folder.
    words = [words[0], "-qq", "-o", "APT::Sandbox::User=root", *words[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False).returncode == 0


def main() -> None:
    """Download the missing tools, and print where each tool is."""
    for tool in UNPACKED:
        print(fetch(tool), flush=True)


if __name__ == "__main__":
    main()
