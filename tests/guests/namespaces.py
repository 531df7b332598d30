"""Network namespaces under names of this process: made, entered, cleared away."""

import ctypes
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

Answer = TypeVar("Answer")

_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h; os.setns is there from Python 3.12 on
_PREFIX: Final = "guests"
_numbers = count(1)


def add(name: str) -> str:
    """Make a namespace and return its full name, which nobody else uses."""
    namespace = f"{_PREFIX}-{os.getpid()}-{next(_numbers)}-{name}"
    run("ip", "netns", "add", namespace)
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    return namespace


def delete(namespace: str) -> None:
    """Remove a namespace, and with it the interfaces inside."""
    run("ip", "netns", "delete", namespace)


def delete_link(namespace: str, name: str) -> None:
    """Remove an interface, if it is there, and its peer at once."""
    if subprocess.run(["ip", "-n", namespace, "link", "show", name], check=False, capture_output=True).returncode == 0:
        run("ip", "-n", namespace, "link", "delete", name)


def delete_orphans() -> None:
    """Remove what runs that were killed have left behind."""
    for path in Path("/run/netns").glob(f"{_PREFIX}-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            delete(path.name)


def inside(namespace: str, *command: str) -> list[str]:
    """Return the command that runs another one inside a namespace and ends it together with this process."""
    return ["setpriv", "--pdeathsig=KILL", "nsenter", f"--net=/run/netns/{namespace}", *command]


def call(namespace: str, function: Callable[[], Answer]) -> Answer:
    """Call a function inside a namespace and return its answer; sockets that it makes stay there."""

    def entered() -> Answer:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", namespace).open() as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns to {namespace}")
        return function()

    with ThreadPoolExecutor(1) as thread:  # setns is for one thread only, which ends here
        return thread.submit(entered).result()


def run(*command: str, given: str | None = None) -> str:
    """Run a program and return what it prints.

    Args:
        *command: Program and arguments.
        given: Its standard input.

    Raises:
        RuntimeError: It failed; the text holds its message.
    """
    answer = subprocess.run(command, check=False, capture_output=True, text=True, input=given or "")
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {answer.stderr.strip()}")
    return answer.stdout
