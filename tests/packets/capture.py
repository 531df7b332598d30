"""Captures all frames of the guests on their TAP devices, and records source addresses and the times of DHCP leases."""

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from lab.packets import namespaces
from lab.settings import Settings

_ANY_PROTOCOL: Final = 0x0003  # linux/if_ether.h: ETH_P_ALL
_PACKET_OUTGOING: Final = 4  # linux/if_packet.h; on a TAP device it means: to the guest
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_RCVBUFFORCE: Final = 33  # asm-generic/socket.h; root may exceed net.core.rmem_max with it
_BUFFER_BYTES: Final = 1 << 24
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_IGMP, _UDP = 2, 17
_KEPT: Final = 200


@dataclass
class Seen:
    """The frames that were captured on one port.

    Attributes:
        name: Name of the port in reports.
        mac: MAC address of the port.
        addresses: Fixed IPs and address pairs of the port.
        sent: Number of packets that the guest has sent, by kind.
        foreign: Number of packets with a source address that is not the port's, by description of the address.
        first_foreign: The first of these packets, with their times in seconds of Unix time.
        leases: Times at which DHCP acknowledged a lease, in seconds of Unix time.
    """

    name: str
    mac: str
    addresses: frozenset[IPv4Address | IPv6Address]
    sent: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    first_foreign: list[tuple[float, str]] = field(default_factory=list)
    leases: list[float] = field(default_factory=list)

    def leased(self, since: float) -> float | None:
        """Return the time of the first DHCP acknowledgement after a time; None if there is none."""
        return next((at for at in list(self.leases) if at > since), None)

    def note(self, frame: bytes, *, outgoing: bool, at: float) -> None:
        """Record a frame. `outgoing` means that it goes to the guest."""
        if outgoing:
            if _is_lease(frame):
                self.leases.append(at)
            return
        kind, wrong = self._judged(frame)
        self.sent[kind] += 1
        if wrong:
            self.foreign[wrong] += 1
            if len(self.first_foreign) < _KEPT:
                self.first_foreign.append((at, wrong))

    def _judged(self, frame: bytes) -> tuple[str, str]:
        """Return the kind of a frame, and a description of its source address if that is not the port's, else an empty text."""
        mac = frame[6:12].hex(":")
        if mac != self.mac:
            return "Ethernet", f"MAC {mac}"
        (ethertype,) = struct.unpack("!H", frame[12:14])
        payload = frame[14:]
        if ethertype == _ARP:
            if payload[8:14].hex(":") != self.mac:
                return "ARP", f"ARP of MAC {payload[8:14].hex(':')}"
            sender = IPv4Address(payload[14:18])
            return "ARP", "" if sender in self.addresses or int(sender) == 0 else f"ARP of {sender}"
        if ethertype == _IPV4:
            source, target = IPv4Address(payload[12:16]), IPv4Address(payload[16:20])
            none_yet = int(source) == 0 and payload[9] in (_UDP, _IGMP)  # DHCP, and IGMP (RFC 3376, 4.2.13)
            return "IPv4", "" if source in self.addresses or none_yet else f"{source} -> {target} protocol {payload[9]}"
        if ethertype == _IPV6:
            source6, target6 = IPv6Address(payload[8:24]), IPv6Address(payload[24:40])
            own = source6 in self.addresses or int(source6) == 0 or source6 == link_local(self.mac)
            return "IPv6", "" if own else f"{source6} -> {target6} next header {payload[6]}"
        return f"ethertype {ethertype:04x}", ""


class Capture:
    """A capture on the TAP devices of some ports while the context is active.

    A guest that is rebooted gets a new TAP device with the same name; the capture includes it.

    Args:
        lab: Lab on whose compute host the TAP devices are.
        ports: Ports with their ids in Neutron.
    """

    def __init__(self, lab: Settings, ports: Iterable[tuple[str, Seen]]) -> None:
        self.seen = {f"tap{port_id[:11]}": seen for port_id, seen in ports}
        self._lab = lab
        self._lost = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._socket = namespaces.call(
            self._lab, namespaces.HOST, _packet_socket
        )  # opened here, because a socket that is opened earlier would buffer earlier frames
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def foreign(self) -> int:
        """Return the number of packets with a foreign source address until now."""
        return sum(seen.foreign.total() for seen in self.seen.values())

    def lost_now(self) -> int:
        """Return the number of frames until now that were lost because they came faster than they were read."""
        _, lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._lost += lost  # the kernel resets its counter at each reading
        return self._lost

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                frame, (tap, _, kind, *_) = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                continue  # the TAP device was deleted, so its last frame has no interface name any more
            seen = self.seen.get(tap)
            if seen is not None and len(frame) > 14:
                seen.note(frame, outgoing=kind == _PACKET_OUTGOING, at=time.time())


def link_local(mac: str) -> IPv6Address:
    """Return the link-local address that is derived from a MAC address, the only one that port security allows."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return IPv6Address(b"\xfe\x80" + bytes(6) + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:])


def _packet_socket() -> socket.socket:
    """Return a socket for all interfaces of the namespace, because TAP devices are added and deleted."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ANY_PROTOCOL))
    made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    made.settimeout(0.5)
    return made


def _is_lease(frame: bytes) -> bool:
    """Tell whether a frame is a DHCPACK."""
    if frame[12:14] != b"\x08\x00" or frame[23] != _UDP:
        return False
    udp = 14 + (frame[14] & 15) * 4
    return frame[udp : udp + 4] == b"\x00\x43\x00\x44" and b"\x35\x01\x05" in frame[udp + 8 + 240 :]
