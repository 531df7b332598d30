"""Fetch the two programs that judge what we render and that no Python registry has: shellcheck and cloud-init.

They come from the packages of the machine's own distribution and are unpacked into `.tools/`; nothing is installed.
Where there is no apt, those on PATH serve. What is found neither way is said; tests that need it count as not run.

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

UNPACKED: Final = {"shellcheck": "usr/bin/shellcheck", "cloud-init": "usr/lib/python3/dist-packages/cloudinit/cmd/main.py"}
"""Debian package: the file in it that makes the tool."""


def command(tool: str) -> list[str] | None:
    """Return the words that start a tool, the fetched one before the one on PATH; None if there is neither."""
    unpacked = TOOLS / tool / UNPACKED[tool]
    if not unpacked.exists():
        found = shutil.which(tool)
        return [found] if found else None
    if unpacked.suffix != ".py":
        return [str(unpacked)]
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
        unpacked.rename(TOOLS / tool)
    return f"{tool}: {package.name} unpacked into {TOOLS / tool}"


def _download(package: str, folder: Path) -> Path | None:
    """Download a package with the machine's package lists, or with lists of our own where it has none."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache").mkdir()
    own_lists = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    if _apt([], "download", package, folder) or (
        _apt(own_lists, "update", "", folder) and _apt(own_lists, "download", package, folder)
    ):
        return next(folder.glob("*.deb"), None)
    return None


def _apt(options: list[str], verb: str, package: str, folder: Path) -> bool:
    # Root's folder is not open to apt's own user, and need not be.
    words = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *options, verb, *([package] if package else [])]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0


def main() -> None:
    """Fetch what is missing and say what there is."""
    for tool in UNPACKED:
        print(fetch(tool), flush=True)


if __name__ == "__main__":
    main()
