"""Virtual environments that hold exactly what a lock file names, whatever was released since the lock was written."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installation.locks import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STAMP: Final = "installed-from"
"""File in an environment, written last: what it was made from. An interrupted installation leaves none."""

PROGRESS_SECONDS: Final = 5.0
SPARE_BYTES: Final = 1_000_000
"""What fails with less than this left, fails for want of space."""

TAIL_LINES: Final = 15

CAUSES: Final = {
    r"No space left on device|\[Errno 28\]|Disk quota exceeded": "there is no space left for {folder}: free about 1 GB there",
    r"DO NOT MATCH THE HASHES": (
        "the package index offers a file that differs from the one whose hash stands in {lock}: "
        "choose another index (`pip config list` names the one in use)"
    ),
    r"Failed to establish a new connection|NameResolutionError|Temporary failure in name resolution|ProxyError"
    r"|Connect(ion)?Timeout|ReadTimeout|Connection refused|SSLError|Network is unreachable|Connection (aborted|reset)": (
        "the Python package index cannot be reached: check the network, the proxy variables and `pip config list`"
    ),
    r"No matching distribution found for (?P<package>\S+)": (
        "the package index has no {package} for this Python and machine, which {lock} names: "
        "choose another index (`pip config list` names the one in use)"
    ),
    r"ensurepip is not available|No module named '?(ensurepip|venv)": (
        "this Python cannot make virtual environments: on Debian and Ubuntu `apt-get install python3-venv`"
    ),
    r"Permission denied|Read-only file system|\[Errno (13|30)\]": (
        "{folder} cannot be written: make the checkout writable for this user, and remove what another user installed there"
    ),
}
"""What pip and venv print (regular expression), and what is said of it instead: the cause and the remedy in one line."""

COMMAND: Final = """\
#!/bin/sh
code='import sys; sys.argv[0] = "{name}"; from {module} import {function}; sys.exit({function}())'
exec "$(dirname "$0")/python" -c "$code" "$@"
"""
"""A program that calls a function. The interpreter stands in no first line: there its path could hold no blanks."""

FOREIGN_SETTINGS: Final = ("PIP_CONSTRAINT", "PIP_PREFIX", "PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET")
"""pip's variables that would bring other packages, or bring them elsewhere."""


class InstallationError(Exception):
    """Something could not be installed; the text says why and what to do."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment.

    Attributes:
        folder: Where it is.
        lock: The lock file: every package with version and hashes.
        build_tools: Packages of the lock that build those of its packages that are published as source only.
        paths: Folders on the environment's import path, relative to its site-packages.
        commands: Programs in its bin folder that call a function: name, and `module:function`.
    """

    folder: Path
    lock: Path
    build_tools: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def is_current(self) -> bool:
        """Whether it holds what the lock names, for the Python that runs this."""
        try:
            return self._stamp.read_text() == self._recipe() and self.python.exists()
        except OSError:
            return False

    def ensure(self, say: Callable[[str], None]) -> None:
        """Make it, or make it anew, unless it is current.

        Args:
            say: Receives lines of progress.

        Raises:
            InstallationError: It did not work out.
        """
        if self.is_current():
            return
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = self.folder.with_name(self.folder.name + ".lock")
            with exclusive(lock, f"another process is installing into {self.folder}", say):
                if not self.is_current():
                    self._install(say)
        except OSError as error:
            raise InstallationError(self._explain(f"[Errno {error.errno}] {error}")) from error

    @property
    def _stamp(self) -> Path:
        return self.folder / STAMP

    def _recipe(self) -> str:
        parts = [self.lock.read_bytes(), sys.version.encode(), repr((self.build_tools, self.paths, self.commands)).encode()]
        return f"{_python_version()} {hashlib.sha256(bytes(1).join(parts)).hexdigest()}\n"

    def _install(self, say: Callable[[str], None]) -> None:
        started = time.monotonic()
        wanted = names(self.lock)
        self._make_way(say)
        say(f"installing {len(wanted)} Python packages of {self.lock.name} into {self.folder} (once; about a minute)")
        # Started in a virtual environment, perhaps in this one, venv would link to what is about to be removed.
        base = getattr(sys, "_base_executable", sys.executable)
        self._run([base, "-m", "venv", "--clear", str(self.folder)], say)
        if self.build_tools:
            with tempfile.TemporaryDirectory() as folder:
                first = Path(folder) / "build-tools.lock"
                first.write_text(subset(self.lock, self.build_tools))
                self._run(pip_install(self.python, first, "--only-binary", ":all:"), say)
        options = ("--no-build-isolation",) if self.build_tools else ("--only-binary", ":all:")
        self._run(pip_install(self.python, self.lock, *options), say, wanted)
        self._add_checkout()
        self._run([str(self.python), "-m", "pip", "check", "--disable-pip-version-check"], say)
        self._stamp.write_text(self._recipe())
        say(f"installed in {time.monotonic() - started:.0f} s")

    def _add_checkout(self) -> None:
        """Put the checkout's own packages and commands into the environment: an editable installation would need a build."""
        [packages] = (self.folder / "lib").glob("python3.*/site-packages")
        if self.paths:
            (packages / "multiport-checkout.pth").write_text("".join(f"{path}\n" for path in self.paths))
        for name, target in self.commands:
            module, function = target.split(":")
            program = self.folder / "bin" / name
            program.write_text(COMMAND.format(name=name, module=module, function=function))
            program.chmod(0o755)

    def _make_way(self, say: Callable[[str], None]) -> None:
        """Say why an existing folder is made anew; refuse one that somebody uses for something else."""
        if not self.folder.exists() or not any(self.folder.iterdir()):
            return
        parts = {"bin", "include", "lib", "lib64", "pyvenv.cfg"}  # venv writes pyvenv.cfg after the first folders
        if not (self.folder / "pyvenv.cfg").exists() and {part.name for part in self.folder.iterdir()} - parts:
            raise InstallationError(
                f"{self.folder} exists and is no virtual environment: move it away, then run the command again"
            )
        try:
            before = self._stamp.read_text().split()[0]
        except (OSError, IndexError):
            say(f"{self.folder} is not a finished installation: making it anew")
            return
        of_python = re.fullmatch(r"3(\.\d+)+", before)  # an earlier version of this project wrote a hash alone
        other = of_python is not None and before != _python_version()
        why = f"was made with Python {before}, this is {_python_version()}" if other else "was made from another lock file"
        say(f"{self.folder} {why}: making it anew")

    def _run(self, command: Sequence[str], say: Callable[[str], None], wanted: frozenset[str] = frozenset()) -> None:
        output: list[str] = []
        variables = {name: value for name, value in os.environ.items() if name not in FOREIGN_SETTINGS}
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=variables | {"PYTHONUNBUFFERED": "1", "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"},
        ) as process:
            try:
                _follow(process, output, wanted, say)
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise InstallationError(self._explain("\n".join(output)))

    def _explain(self, output: str) -> str:
        """Return one line with cause and remedy; of an unknown cause the end of what was printed."""
        if _is_full(self.folder):
            output += "No space left on device"  # venv does not pass on what ensurepip says
        for pattern, text in CAUSES.items():
            if found := re.search(pattern, output):
                line = text.format(folder=self.folder, lock=self.lock.name, **found.groupdict())
                return f"{line}, then run the command again"
        return "\n".join([f"{self.lock.name} could not be installed into {self.folder}:", *output.splitlines()[-TAIL_LINES:]])


def pip_install(python: Path, lock: Path, *options: str) -> list[str]:
    """Return the words that install exactly what a lock file names.

    Without --no-deps pip works out the dependencies again, and old ones (23.2.1 of Python 3.11.7) fail as soon as a newer
    version of a package with an extra is released; --require-hashes refuses whatever the lock does not name.
    """
    words = [str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "--disable-pip-version-check"]
    return [*words, "--progress-bar", "off", *options, "--requirement", str(lock)]


def names(lock: Path) -> frozenset[str]:
    """Return the names of a lock file's packages."""
    return frozenset(line.partition("==")[0] for line in lock.read_text().splitlines() if line[:1].isalnum())


def subset(lock: Path, wanted: Sequence[str]) -> str:
    """Return a lock file's text for some of its packages."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.MULTILINE)
    return "".join(block for block in blocks if block.partition("==")[0] in wanted)


def _is_full(folder: Path) -> bool:
    """Whether hardly anything can be written where the folder is, or would be."""
    with suppress(OSError):
        place = next(each for each in (folder, *folder.parents) if each.exists())
        return shutil.disk_usage(place).free < SPARE_BYTES
    return False


def _python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _follow(process: subprocess.Popen[str], output: list[str], wanted: frozenset[str], say: Callable[[str], None]) -> None:
    collected: set[str] = set()
    said = time.monotonic()
    for line in process.stdout or ():
        output.append(line.rstrip())
        if line.startswith("Installing collected packages") and wanted:
            say("  unpacking")
        elif line.startswith("Collecting "):
            collected |= wanted & {line.split()[1].partition("==")[0]}
            if time.monotonic() - said > PROGRESS_SECONDS:
                say(f"  {len(collected)} of {len(wanted)} packages fetched")
                said = time.monotonic()
