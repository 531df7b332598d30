"""Namespaces of the lab: network and mounts of the compute host, and the network outside.

A sleeping process holds each of them. They have no name in /run/netns, so that they vanish with their last process.
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

_CLONE_NEWNET = 0x40000000  # from linux/sched.h; os.setns exists from Python 3.12 on only
_END_SECONDS = 10.0
_Answer = TypeVar("_Answer")

_HOST = """
for folder in usr etc var; do
  overlay="lowerdir=$layer/$folder:/$folder,upperdir=$state/$folder,workdir=$state/work/$folder"
  mount -t overlay overlay -o "$overlay" "/$folder"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/mysqld /run/netns /run/openvswitch /run/ovn
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup  # so that libvirt does not touch the machine's control groups
ip link set lo up
hostname "$name"  # Nova takes it from libvirt, and refuses to start on a compute host that was renamed
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
    """A namespace does not exist."""


def holder_file(settings: Settings, name: str) -> Path:
    """Return the file that records the process that holds a namespace."""
    return settings.directory / "run" / f"namespace-{name}.json"


def holder(settings: Settings, name: str) -> processes.Process:
    """Return the process that holds a namespace.

    Raises:
        NamespaceError: there is no such process.
    """
    found = processes.read(holder_file(settings, name))
    if found is None or not found.alive:
        raise NamespaceError(f"the local cloud in {settings.directory} is not running; `make up LAB=packets` starts it")
    return found


def make(settings: Settings, layer: Layer) -> None:
    """Create both namespaces. The host's /usr, /etc and /var are the layer's at first, and changes to them are not kept."""
    state = settings.directory / "host"
    shutil.rmtree(state, ignore_errors=True)
    for folder in OVERLAID:
        (state / folder).mkdir(parents=True)
        (state / "work" / folder).mkdir(parents=True)
    variables = {"layer": str(layer.folder), "state": str(state), "name": COMPUTE}
    _hold(settings, HOST, ["--mount", "--uts", "--propagation=private"], _HOST, variables)
    _hold(settings, OUTSIDE, [], _OUTSIDE, {})


def inside(settings: Settings, name: str | None) -> list[str]:
    """Return the words to put before a command so that it runs in a namespace.

    Args:
        settings: the lab.
        name: name of the namespace; None for the network of the machine itself. In every case the command sees the mounts of the
            host namespace, and so the programs of the layer.
    """
    words = ["nsenter", f"--mount=/proc/{holder(settings, HOST).pid}/ns/mnt"]
    if name is not None:
        pid = holder(settings, name).pid
        words += [f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts"]
    return words


def run(settings: Settings, name: str, *command: str) -> str:
    """Run a program in a namespace and return what it prints.

    Raises:
        LabError: the program failed.
    """
    answer = subprocess.run([*inside(settings, name), *command], check=False, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"{' '.join(command)}: {(answer.stderr or answer.stdout).strip()}")
    return answer.stdout


def call(settings: Settings, name: str, function: Callable[[], _Answer]) -> _Answer:
    """Call a function in the network of a namespace and return its result. Sockets that it opens remain in that network."""
    pid = holder(settings, name).pid

    def entered() -> _Answer:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{pid}/ns/net").open() as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns to {name}")
        return function()

    with ThreadPoolExecutor(1) as thread:  # setns applies to one thread only, which ends here
        return thread.submit(entered).result()


def end(settings: Settings) -> bool:
    """Kill every process in the namespaces, no matter what started it. Return whether any process of the lab ran.

    The namespaces are found through the recorded processes that still run. Recorded namespace numbers would not do, because the
    kernel reuses them.
    """
    records = settings.directory.joinpath("run").glob("*.json")
    recorded = [process for process in map(processes.read, records) if process is not None and process.alive]
    machine = _namespaces(os.getpid()) | _namespaces(1)
    found = {number for process in recorded for number in _namespaces(process.pid) | _named(process.pid, machine)}
    _end_members(found - machine)  # the services run in the machine's own network
    for name in NAMESPACES:
        holder_file(settings, name).unlink(missing_ok=True)
    shutil.rmtree(settings.directory / "host", ignore_errors=True)
    return bool(recorded)


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
        raise LabError(f"this machine does not allow namespaces: {child.stderr.read().strip()}")


def _end_members(namespaces: set[str]) -> None:
    """Kill the processes in these namespaces until there are none."""
    deadline = time.monotonic() + _END_SECONDS
    while members := _members(namespaces):
        if time.monotonic() > deadline:
            raise LabError(f"these processes do not end: {', '.join(map(str, members))}")
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def _members(namespaces: set[str]) -> list[int]:
    running = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in running if processes.start_ticks(pid) is not None and namespaces & _namespaces(pid)]


def _named(pid: int, machine: set[str]) -> set[str]:
    """Return the named networks in a process's mount namespace, unless that is the machine's. The metadata agent makes some."""
    found: set[str] = set()
    with suppress(OSError):
        if str(Path(f"/proc/{pid}/ns/mnt").readlink()) not in machine:
            found |= {f"net:[{path.stat().st_ino}]" for path in Path(f"/proc/{pid}/root/run/netns").iterdir()}
    return found


def _namespaces(pid: int) -> set[str]:
    """Return the network and mount namespace of a process, as the kernel names them."""
    found = set()
    for kind in ("net", "mnt"):
        with suppress(OSError):
            found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found
