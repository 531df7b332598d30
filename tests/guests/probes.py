"""What the outside client sees: which floating IP answers since when, by ICMP echo ten times a second, and by TCP."""

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from lab.guests.equipment import TCP_PORT
from tests.guests import namespaces

INTERVAL: Final = 0.1
"""Seconds between two echo requests to one address."""

PATIENCE: Final = 1.0
"""Seconds after which a request without a reply, or a connection without an answer, counts as lost."""

ENOUGH: Final = 20
"""How many requests in a row must be answered."""


@dataclass(slots=True)
class Probe:
    """One echo request.

    Attributes:
        at: When it was sent, in seconds of Unix time.
        answered: Whether its reply came.
    """

    at: float
    answered: bool = False


def icmp_socket() -> socket.socket:
    """What a prober sends by; it stays in the namespace in which it was made."""
    return socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)


class Prober:
    """Sends echo requests to every address by a socket of its own until it is stopped."""

    def __init__(self, opened: socket.socket, addresses: Sequence[IPv4Address]) -> None:
        self._socket = opened
        self._probes: dict[IPv4Address, list[Probe]] = {address: [] for address in addresses}
        self._waiting: dict[int, Probe] = {}
        self._identifier = os.getpid() & 0xFFFF
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()
        self._thread.join()
        self._socket.close()

    def answers_since(self, address: IPv4Address) -> float | None:
        """When the first request of those was sent that were answered without a gap up to now; None if the last was lost."""
        since = None
        for probe in reversed(self._decided(address)):
            if not probe.answered:
                break
            since = probe.at
        return since

    def sample(self, address: IPv4Address, since: float) -> tuple[int, int]:
        """How many requests sent after a time were answered, and how many there were."""
        probes = [probe for probe in self._decided(address) if probe.at >= since]
        return sum(probe.answered for probe in probes), len(probes)

    def _decided(self, address: IPv4Address) -> list[Probe]:
        """The requests that were answered or will not be."""
        patient = time.time() - PATIENCE
        return [probe for probe in list(self._probes[address]) if probe.answered or probe.at < patient]

    def _work(self) -> None:
        sequence = 0
        following = time.monotonic()
        while not self._stopped.is_set():
            for address, probes in self._probes.items():
                sequence = (sequence + 1) & 0xFFFF
                self._waiting[sequence] = probe = Probe(time.time())
                probes.append(probe)
                with suppress(OSError):  # no route or no buffer: that request is lost
                    self._socket.sendto(_echo_request(self._identifier, sequence), (str(address), 0))
            following += INTERVAL
            while (left := following - time.monotonic()) > 0:
                if select.select([self._socket], [], [], left)[0]:
                    self._receive()

    def _receive(self) -> None:
        packet = self._socket.recv(2048)
        message = packet[(packet[0] & 0xF) * 4 :]
        kind, _, _, identifier, sequence = struct.unpack("!BBHHH", message[:8])
        if kind == 0 and identifier == self._identifier and (probe := self._waiting.pop(sequence, None)):
            probe.answered = time.time() - probe.at <= PATIENCE


def tcp_answers(namespace: str, address: IPv4Address) -> list[str]:
    """Connect again and again; return what the guest said each time, which is the address that it was reached by."""

    def ask() -> str:
        try:
            with socket.create_connection((str(address), TCP_PORT), timeout=PATIENCE) as connection:
                return connection.recv(64).decode()
        except OSError as error:
            return str(error)

    def ask_enough() -> list[str]:
        return [ask() for _ in range(ENOUGH)]

    return namespaces.call(namespace, ask_enough)


def wait(condition: Callable[[], object], seconds: float, what: Callable[[], str]) -> None:
    """Wait until a condition holds.

    Args:
        condition: Is asked ten times a second.
        seconds: How long to wait at most.
        what: Tells what was waited for, and what explains that it did not come.

    Raises:
        TimeoutError: It did not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what()}")
        time.sleep(0.1)


def _echo_request(identifier: int, sequence: int) -> bytes:
    header = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence)
    total = sum(struct.unpack("!4H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!BBHHH", 8, 0, ~total & 0xFFFF, identifier, sequence)
