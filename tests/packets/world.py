"""Runs pings and logins from the network outside the cloud."""

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from lab.packets import namespaces
from lab.settings import Settings

EVERY_SECONDS = 0.5
LOGIN_SECONDS = 120
SSH_FAILED = 255
"""Exit status of ssh itself if the connection failed, as opposed to that of the remote command."""


@dataclass(frozen=True)
class World:
    """Runs commands in the outside namespace of a lab."""

    lab: Settings

    def answers(self, address: str) -> bool:
        """Tell whether one ping is answered. It proves no more than that something has the address."""
        return self._run("ping", "-c", "1", "-W", "1", address).returncode == 0

    def wait_for(self, addresses: Iterable[str], seconds: float) -> float:
        """Wait until every address has answered for ten seconds. Return the seconds until that period began.

        One answer is not enough: a booting guest may answer on an address before its routes exist, and then stop answering.
        """
        started = time.monotonic()
        addresses = list(addresses)
        while True:
            began = time.monotonic()
            if all(self.answers(address) for address in addresses) and min(self.sample(addresses, 10).values()) == 1:
                return began - started
            assert time.monotonic() - started < seconds, f"not all of {addresses} answer steadily within {seconds:.0f} s"

    def sample(self, addresses: Iterable[str], seconds: float) -> Mapping[str, float]:
        """Ping all addresses at the same time. Return the share of replies of each, from 0 to 1."""
        count = int(seconds / EVERY_SECONDS)
        pings = {
            address: subprocess.Popen(
                [*self._inside(), "ping", "-n", "-q", "-c", str(count), "-i", str(EVERY_SECONDS), "-W", "2", address],
                stdout=subprocess.PIPE,
                text=True,
            )
            for address in addresses
        }
        shares = {}
        for address, ping in pings.items():
            output, _ = ping.communicate()
            received = re.search(r"(\d+) received", output)
            assert received, output
            shares[address] = int(received[1]) / count
        return shares

    def log_in(self, user: str, address: str, command: str) -> str:
        """Run a command in a guest over ssh and return its output. If the guest is still booting, wait for it."""
        deadline = time.monotonic() + LOGIN_SECONDS
        while True:
            answer = self._run(*self._ssh(user, address), command)
            if answer.returncode != SSH_FAILED or time.monotonic() > deadline:
                break
            time.sleep(2)
        assert answer.returncode == 0, f"ssh {user}@{address} {command}: {answer.stdout}{answer.stderr}"
        return answer.stdout.strip()

    def session(self, user: str, address: str, command: str) -> subprocess.Popen[str]:
        """Start a command in a guest over ssh, with pipes for its input and output."""
        words = [*self._inside(), *self._ssh(user, address), command]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ping(self, address: str, every: float, replies: IO[str]) -> subprocess.Popen[str]:
        """Start to ping an address until it is interrupted. Each reply is a line with its time and sequence number."""
        words = [*self._inside(), "ping", "-n", "-D", "-i", str(every), address]
        return subprocess.Popen(words, stdout=replies, text=True)

    def _ssh(self, user: str, address: str) -> list[str]:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=20")
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", "-i", str(self.lab.private_key), *words, f"{user}@{address}"]

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._inside(), *command], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def _inside(self) -> list[str]:
        return namespaces.inside(self.lab, namespaces.OUTSIDE)


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition is true, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(1)
