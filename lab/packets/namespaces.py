"""The lab's namespaces: the compute host's, with a network and mounts of its own, and the outside world's network.

Each is held by a process that sleeps. They have no name in /run/netns, so nothing of them outlives their processes.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lab import processes
from lab.settings import HOST as COMPUTE
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.packets.layer import Layer
    from lab.settings import Settings

HOST = "host"
OUTSIDE = "outside"
NAMESPACES = (HOST, OUTSIDE)
OVERLAID = ("usr", "etc", "var")
READY = "ready"

_CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns is there from Python 3.12 on
_END_SECONDS = 10.0
_Answer = TypeVar("_Answer")

_HOST = """
for each in usr etc var; do
  mount -t overlay overlay -o "lowerdir=$layer/$each:/$each,upperdir=$state/$each,workdir=$state/work/$each" "/$each"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/mysqld /run/netns /run/openvswitch /run/ovn
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup  # libvirt is to leave the machine's control groups alone
ip link set lo up
hostname "$name"  # libvirt's, hence Nova's: a compute host that is renamed with the machine would not start again
echo "127.0.1.1 $name" >> /etc/hosts
echo ready
exec sleep infinity
"""
_OUTSIDE = """
ip link set lo up
echo ready
exec sleep infinity
"""


class NamespaceError(LabError):
    """A namespace is not there."""


def holder_file(settings: Settings, name: str) -> Path:
    """Where the process that holds a namespace is recorded."""
    return settings.directory / "run" / f"namespace-{name}.json"


def holder(settings: Settings, name: str) -> processes.Process:
    """The process that holds a namespace.

    Raises:
        NamespaceError: there is none.
    """
    found = processes.read(holder_file(settings, name))
    if found is None or not found.alive:
        raise NamespaceError(f"the lab in {settings.directory} does not run; `make up LAB=packets` starts it")
    return found


def make(settings: Settings, layer: Layer) -> None:
    """Make both; the host's /etc and /var begin as the layer has them."""
    state = settings.directory / "host"
    shutil.rmtree(state, ignore_errors=True)
    for each in OVERLAID:
        (state / each).mkdir(parents=True)
        (state / "work" / each).mkdir(parents=True)
    variables = {"layer": str(layer.folder), "state": str(state), "name": COMPUTE}
    _hold(settings, HOST, ["--mount", "--uts", "--propagation=private"], _HOST, variables)
    _hold(settings, OUTSIDE, [], _OUTSIDE, {})


def inside(settings: Settings, name: str | None) -> list[str]:
    """The words to put before a command that is to run in a namespace.

    Args:
        settings: the lab.
        name: of the namespace; None for the machine's own network. The command sees the host's mounts, hence the layer's
            programs, everywhere.
    """
    words = ["nsenter", f"--mount=/proc/{holder(settings, HOST).pid}/ns/mnt"]
    if name is not None:
        pid = holder(settings, name).pid
        words += [f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts"]
    return words


def run(settings: Settings, name: str, *command: str) -> str:
    """Run a program in a namespace and return what it prints.

    Raises:
        LabError: it failed.
    """
    answer = subprocess.run([*inside(settings, name), *command], check=False, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"{' '.join(command)}: {(answer.stderr or answer.stdout).strip()}")
    return answer.stdout


def call(settings: Settings, name: str, function: Callable[[], _Answer]) -> _Answer:
    """Call a function in a namespace's network and return its answer; sockets that it makes stay there."""
    pid = holder(settings, name).pid

    def entered() -> _Answer:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{pid}/ns/net").open() as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns to {name}")
        return function()

    with ThreadPoolExecutor(1) as thread:  # setns is for one thread only, which ends here
        return thread.submit(entered).result()


def end(settings: Settings) -> bool:
    """End every process in the namespaces, whoever started it, and the namespaces with them; returns whether there was one.

    They are known by the recorded processes that still run, whichever these are: a kernel gives numbers of namespaces anew.
    """
    records = settings.directory.joinpath("run").glob("*.json")
    witnesses = [process for process in map(processes.read, records) if process is not None and process.alive]
    machine = _namespaces(os.getpid()) | _namespaces(1)
    theirs = {each for process in witnesses for each in _namespaces(process.pid) | _named(process.pid, machine)}
    _end_members(theirs - machine)  # the machine's own are no lab's
    for name in NAMESPACES:
        holder_file(settings, name).unlink(missing_ok=True)
    shutil.rmtree(settings.directory / "host", ignore_errors=True)
    return bool(witnesses)


def _hold(settings: Settings, name: str, options: Sequence[str], script: str, variables: dict[str, str]) -> None:
    child = subprocess.Popen(
        ["unshare", "--net", *options, "bash", "-euc", script],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    processes.write(holder_file(settings, name), processes.identify(child.pid))
    assert child.stdout is not None  # noqa: S101 - PIPE was asked for
    assert child.stderr is not None  # noqa: S101
    if child.stdout.readline().strip() != READY:
        raise LabError(f"this machine lets no namespace be made: {child.stderr.read().strip()}")


def _end_members(ours: set[str]) -> None:
    """Kill what is in one of these namespaces until there is nothing."""
    deadline = time.monotonic() + _END_SECONDS
    while members := _members(ours):
        if time.monotonic() > deadline:
            raise LabError(f"these processes do not end: {', '.join(map(str, members))}")
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def _members(ours: set[str]) -> list[int]:
    running = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in running if processes.start_ticks(pid) is not None and ours & _namespaces(pid)]


def _named(pid: int, machine: set[str]) -> set[str]:
    """Networks that have a name in a process's mounts, if these are not the machine's: the metadata agent makes some."""
    found: set[str] = set()
    with suppress(OSError):
        if str(Path(f"/proc/{pid}/ns/mnt").readlink()) not in machine:
            found |= {f"net:[{path.stat().st_ino}]" for path in Path(f"/proc/{pid}/root/run/netns").iterdir()}
    return found


def _namespaces(pid: int) -> set[str]:
    """Network and mounts of a process, as the kernel numbers them."""
    found = set()
    for kind in ("net", "mnt"):
        with suppress(OSError):
            found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found
