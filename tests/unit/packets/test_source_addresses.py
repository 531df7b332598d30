"""The capture counts a frame as foreign if its source address is not the port's."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from tests.packets.capture import Seen, link_local

MAC, OTHER = "fa:16:3e:00:00:0a", "fa:16:3e:00:00:0b"
OWN, FOREIGN, PEER = "192.168.10.10", "192.168.10.11", "192.168.10.1"


def _frame(ethertype: int, payload: bytes, mac: str = MAC) -> bytes:
    return b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) + ethertype.to_bytes(2) + payload


def _ipv4(source: str, protocol: int = 1, payload: bytes = b"") -> bytes:
    head = bytes([0x45, 0, 0, 20, 0, 0, 0, 0, 64, protocol, 0, 0])
    return _frame(0x0800, head + IPv4Address(source).packed + IPv4Address(PEER).packed + payload)


def _arp(sender: str, mac: str = MAC) -> bytes:
    head = bytes([0, 1, 8, 0, 6, 4, 0, 1]) + bytes.fromhex(mac.replace(":", ""))
    return _frame(0x0806, head + IPv4Address(sender).packed + bytes(6) + IPv4Address(PEER).packed)


def _ipv6(source: str) -> bytes:
    return _frame(0x86DD, bytes([0x60, 0, 0, 0, 0, 0, 58, 255]) + IPv6Address(source).packed + IPv6Address("ff02::2").packed)


def _seen() -> Seen:
    return Seen("two a", MAC, frozenset([ip_address(OWN), ip_address("fd00:10::a")]))


@pytest.mark.parametrize(
    "frame",
    [
        _ipv4(OWN),
        _ipv4("0.0.0.0", protocol=17),  # noqa: S104 - DHCP
        _ipv4("0.0.0.0", protocol=2),  # noqa: S104 - IGMP before the guest has an address
        _arp(OWN),
        _arp("0.0.0.0"),  # noqa: S104 - an ARP probe
        _ipv6("fd00:10::a"),
        _ipv6("::"),
        _ipv6("fe80::f816:3eff:fe00:a"),
    ],
    ids=["IPv4", "DHCP", "IGMP", "ARP", "ARP probe", "IPv6", "duplicate address detection", "link-local"],
)
def test_frames_with_an_own_source_address(frame: bytes) -> None:
    seen = _seen()
    seen.note(frame, outgoing=False, at=1)
    assert (seen.sent.total(), seen.foreign.total()) == (1, 0)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (_ipv4(FOREIGN), f"{FOREIGN} -> {PEER} protocol 1"),
        (_ipv4("0.0.0.0"), f"0.0.0.0 -> {PEER} protocol 1"),  # noqa: S104 - not DHCP
        (_arp(FOREIGN), f"ARP of {FOREIGN}"),
        (_arp(OWN, OTHER), f"ARP of MAC {OTHER}"),
        (_frame(0x0800, b"", OTHER), f"MAC {OTHER}"),
        (_ipv6("fd00:10::b"), "fd00:10::b -> ff02::2 next header 58"),
        (_ipv6(str(link_local(OTHER))), f"{link_local(OTHER)} -> ff02::2 next header 58"),
    ],
    ids=["IPv4", "not DHCP", "ARP", "MAC in ARP", "MAC", "IPv6", "link-local"],
)
def test_frames_with_a_foreign_source_address(frame: bytes, words: str) -> None:
    seen = _seen()
    seen.note(frame, outgoing=False, at=1)
    assert dict(seen.foreign) == {words: 1}
    assert seen.first_foreign == [(1, words)]


def test_frames_to_the_guest_are_not_counted_and_leases_are_recorded() -> None:
    seen = _seen()
    options = bytes(240) + b"\x35\x01\x05\xff"
    lease = _ipv4(PEER, 17, bytes([0, 67, 0, 68, 0, 0, 0, 0]) + options)
    seen.note(lease, outgoing=True, at=5)
    seen.note(_ipv4(FOREIGN), outgoing=True, at=6)
    assert (seen.sent.total(), seen.foreign.total(), seen.leases) == (0, 0, [5])
    assert (seen.leased(4), seen.leased(5)) == (5, None)
