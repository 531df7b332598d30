"""Probes that are fast enough to send hundreds: made of sockets, each to be called inside of a namespace."""

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

PORT: Final = 7777
"""The guest's server listens here, on every address."""

_ECHO: Final = {4: (8, 0), 6: (128, 129)}
"""ICMP and ICMPv6: types of echo request and reply (RFC 792, RFC 4443)."""


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6


class Server:
    """Accepts on every address and answers with the address that was asked, until stopped."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, wait = socket.socketpair()
        self._selector.register(wait, selectors.EVENT_READ)
        for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - in a namespace
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((everywhere, PORT))
            listener.listen(512)
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)
        self._wait = wait
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wait:
                    return
                assert isinstance(key.fileobj, socket.socket)
                with contextlib.suppress(OSError):
                    connection, _ = key.fileobj.accept()
                    with connection:
                        connection.sendall(connection.getsockname()[0].encode())

    def stop(self) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._wake.close()


def connects(addresses: Iterable[str], count: int, timeout: float = 1.0) -> dict[str, int]:
    """Return how many of ``count`` TCP connections per address were answered."""
    answered = {}
    for address in addresses:
        answered[address] = 0
        for _ in range(count):
            with contextlib.suppress(OSError), socket.create_connection((address, PORT), timeout) as connection:
                connection.settimeout(timeout)
                answered[address] += bool(connection.recv(64))
    return answered


def pings(addresses: Iterable[str], count: int, interval: float = 0.002, timeout: float = 1.0) -> dict[str, int]:
    """Return how many of ``count`` echo requests per address were answered; the last one has ``timeout`` to be."""
    found: dict[str, set[int]] = {address: set() for address in addresses}
    number = {address: index for index, address in enumerate(found)}
    base = struct.unpack("!H", os.urandom(2))[0] & 0xF000
    with contextlib.ExitStack() as stack:
        sockets = {}
        for family, protocol in ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_INET6, socket.IPPROTO_ICMPV6)):
            sockets[family] = stack.enter_context(socket.socket(family, socket.SOCK_RAW, protocol))
            sockets[family].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

        def receive(until: float) -> None:
            selector = selectors.DefaultSelector()
            for one in sockets.values():
                selector.register(one, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and any(len(got) < count for got in found.values()):
                for key, _ in selector.select(left):
                    assert isinstance(key.fileobj, socket.socket)
                    packet, sender = key.fileobj.recvfrom(2048)
                    version = 4 if key.fileobj.family == socket.AF_INET else 6
                    icmp = packet[(packet[0] & 15) * 4 :] if version == 4 else packet
                    kind, _, _, identity, sequence = struct.unpack("!BBHHH", icmp[:8])
                    address = sender[0].partition("%")[0]
                    if kind == _ECHO[version][1] and address in found and identity == base + number[address]:
                        found[address].add(sequence)
            selector.close()

        for sequence in range(count):
            for address in found:
                version = ip_address(address).version
                header = struct.pack("!BBHHH", _ECHO[version][0], 0, 0, base + number[address], sequence)
                if version == 4:
                    header = header[:2] + struct.pack("!H", _checksum(header)) + header[4:]
                with contextlib.suppress(OSError):
                    sockets[family_of(address)].sendto(header, (address, 0))
            receive(time.monotonic() + interval)
        receive(time.monotonic() + timeout)
    return {address: len(got) for address, got in found.items()}


def _checksum(packet: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Sender:
    """Sends from the given source addresses without pause, whatever the kernel says, until stopped.

    Every datagram asks for a route anew, so that a single wrong decision shows at the router's anti-spoofing. ``stale``
    sockets were bound before: IPv6 lets them send even while the address is gone (IPv4 does not).
    """

    def __init__(self, sources: Iterable[str], targets: dict[int, str], interval: float = 0.001, *, stale: bool = True) -> None:
        self.sent = 0
        self._running = True
        self._stale = stale
        self._interval = interval
        self._pairs = [(source, targets[4 if family_of(source) == socket.AF_INET else 6]) for source in sources]
        self._sockets = {source: self._bound(source) for source, _ in self._pairs} if stale else {}
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _bound(self, source: str) -> socket.socket:
        one = socket.socket(family_of(source), socket.SOCK_DGRAM)
        if self._stale:
            # IP_FREEBIND and IPV6_FREEBIND (linux/in.h, linux/in6.h): the address may come and go
            option = (socket.IPPROTO_IP, 15) if one.family == socket.AF_INET else (socket.IPPROTO_IPV6, 78)
            one.setsockopt(*option, 1)
        try:
            one.bind((source, 0))
        except OSError:
            one.close()
            raise
        return one

    def _send(self) -> None:
        while self._running:
            for source, target in self._pairs:
                with contextlib.suppress(OSError):
                    if self._stale:
                        self._sockets[source].sendto(b"probe", (target, 9))
                    else:
                        with self._bound(source) as one:
                            one.sendto(b"probe", (target, 9))
                    self.sent += 1
            time.sleep(self._interval)

    def stop(self) -> int:
        self._running = False
        self._thread.join()
        for one in self._sockets.values():
            one.close()
        return self.sent
