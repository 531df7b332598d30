"""Processes identified by pid and start time, so that a pid that the kernel has reused for another program is never signalled."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

TERM_SECONDS = 15.0
"""Seconds that a service may take to end after SIGTERM, before SIGKILL."""
PREFERRED = -10
"""Nice value of a preferred session: about nine times an ordinary session's share of the processor (autogroups in sched(7))."""


@dataclass(frozen=True)
class Process:
    """A process that the lab started.

    Attributes:
        pid: process id, also its process group.
        start_ticks: start time in clock ticks since boot (field 22 of /proc/<pid>/stat).
        boot_id: the boot in which it started.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @property
    def alive(self) -> bool:
        """Whether the process still runs; False if the pid now belongs to another process."""
        return self.boot_id == current_boot_id() and self.start_ticks == start_ticks(self.pid)

    @property
    def rss_kib(self) -> int:
        """Resident memory in KiB; 0 if it does not run."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def current_boot_id() -> str:
    """Return the id that the kernel gave to the present boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """Return the start time of a process in clock ticks since boot; None if there is no such process or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command name before it may contain spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def identify(pid: int) -> Process:
    """Return the process that has this pid now.

    Raises:
        ProcessLookupError: no process has this pid.
    """
    ticks = start_ticks(pid)
    if ticks is None:
        raise ProcessLookupError(pid)
    return Process(pid, ticks, current_boot_id())


def read(path: Path) -> Process | None:
    """Return the process recorded in a file; None if the file is missing or cannot be read."""
    try:
        return Process(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, process: Process) -> None:
    """Record a process in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(process)))


def prefer(process: Process) -> None:
    """Give the session of a process a larger share of the processor than other sessions get.

    Args:
        process: the leader of a session.
    """
    with suppress(OSError):  # without autogroups in the kernel, or without root, all sessions get the same share
        Path(f"/proc/{process.pid}/autogroup").write_text(str(PREFERRED))


def stop(processes: list[Process]) -> None:
    """End processes and their process groups: with SIGTERM, and after TERM_SECONDS with SIGKILL."""
    _signal(processes, signal.SIGTERM)
    deadline = time.monotonic() + TERM_SECONDS
    while any(process.alive for process in processes) and time.monotonic() < deadline:
        _reap(processes)
        time.sleep(0.05)
    _signal(processes, signal.SIGKILL)
    while any(process.alive for process in processes):
        _reap(processes)
        time.sleep(0.05)
    _reap(processes)


def _signal(processes: list[Process], number: signal.Signals) -> None:
    for process in processes:
        if process.alive:
            os.killpg(process.pid, number)


def _reap(processes: list[Process]) -> None:
    for process in processes:
        try:
            os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            continue  # not a child of this process: an earlier command started it
