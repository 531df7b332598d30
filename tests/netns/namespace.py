"""Network namespaces that cannot outlive the test run.

Each is held by a ``cat`` that is the first process of a PID namespace of its own. When our end of its pipe closes, be it
because we are done or because we were killed, it ends, the kernel kills all that runs in there, and the links vanish.
"""

import contextlib
import ctypes
import inspect
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar

T = TypeVar("T")

_CLONE_NEWNET: Final = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def wait_until(true: Callable[[], object], seconds: float = 15) -> float:
    """Wait for something that has to become true, and return how many seconds that took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, f"not within {seconds} s: {inspect.getsource(true).strip()}"
        time.sleep(0.01)
    return time.monotonic() - start


class Program:
    """A program that was started in a namespace: nsenter, and its child, which is the program."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process number out here."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        wait_until(lambda: children.read_text(encoding="ascii") or self._process.poll() is not None)
        return int(children.read_text(encoding="ascii"))

    def status(self) -> int | None:
        return self._process.poll()

    def running(self) -> bool:
        return self._process.poll() is None

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause, for which nsenter has stopped itself too."""
        os.kill(self.pid, signal.SIGCONT)
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)
        self._process.wait(timeout=10)


class Namespace:
    """A network, PID and mount namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        (self.pid,) = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text(encoding="ascii").split()
        self._net = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.sh(
            "mount -t sysfs sysfs /sys; ip link set lo up; "
            # Link-local addresses at once, for snapshots and routers; a virtual wire has no duplicates to detect.
            "for knob in all default; do echo 0 >/proc/sys/net/ipv6/conf/$knob/accept_dad; done; "
            "for knob in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $knob ] || echo 0 >$knob; done"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all that runs in here."""
        os.close(self._net)
        self._holder.communicate()

    def entering(self, *command: str) -> list[str]:
        """Return the command that runs ``command`` in here."""
        return ["nsenter", "--target", self.pid, "--net", "--pid", "--mount", "--", *command]

    def run(self, *command: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in here; its output is text."""
        done = subprocess.run(
            self.entering(*command), input=text, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
        assert not check or done.returncode == 0, f"{self.name}: {command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def sh(self, script: str) -> str:
        """Run a shell script that must succeed; return what it prints."""
        return self.run("sh", "-ec", script).stdout

    def ip(self, batch: str, *options: str) -> None:
        """Run lines of ``ip -batch``."""
        self.run("ip", *options, "-batch", "-", text=batch)

    def veth(self, name: str, peer: "Namespace", peer_name: str, peer_mac: str = "") -> None:
        """Make a pair of links, one end here and one there."""
        address = ["address", peer_mac] if peer_mac else []
        link = ["ip", "link", "add", name, "type", "veth", "peer", "name", peer_name, *address, "netns", peer.pid]
        # Not in our PID namespace, where the other's holder has no number.
        subprocess.run(["nsenter", "--target", self.pid, "--net", "--", *link], check=True)

    def start(self, *command: str, output: IO[str] | None = None) -> "Program":
        """Start a program that runs until it is stopped or the namespace ends; what it says goes to ``output``."""
        return Program(
            subprocess.Popen(
                self.entering(*command),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            )
        )

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function on a thread of its own whose sockets are made in here."""
        results: list[T] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                if _libc.setns(self._net, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                results.append(function(*arguments))
            except BaseException as error:  # noqa: BLE001 - it is raised again by the caller's thread
                errors.append(error)

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]
