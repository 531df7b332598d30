"""IP addresses as the kernel has them: 4 or 16 bytes, whose number says the IP version; text only at the edges."""

import _socket

_FAMILY = {4: _socket.AF_INET, 6: _socket.AF_INET6}


def version_of(packed: bytes) -> int:
    """Return 4 or 6."""
    return 4 if len(packed) == 4 else 6


def text_of(packed: bytes) -> str:
    """Return an address as iproute2 writes it."""
    return _socket.inet_ntop(_FAMILY[version_of(packed)], packed)


def cidr_text(packed: bytes, length: int) -> str:
    """Return an address with its prefix length as text."""
    return f"{text_of(packed)}/{length}"


def parse_address(version: int, text: str) -> "bytes | None":
    """Return the address that a text names in the one form in which the kernel writes it.

    Returns:
        None for any other text, and for an address that no interface can have: multicast, loopback, unspecified.
    """
    try:
        packed = _socket.inet_pton(_FAMILY[version], text)
    except (OSError, ValueError):
        return None
    assignable = 0 < packed[0] < 224 and packed[0] != 127 if version == 4 else packed[:4] != b"\0\0\0\0" and packed[0] != 255
    return packed if assignable and text_of(packed) == text else None


def parse_interface(version: int, text: str) -> "tuple[bytes, int] | None":
    """Return address and prefix length of a text like 10.0.0.5/24; None for any other."""
    address, _, rest = text.partition("/")
    packed, length = parse_address(version, address), parse_number(rest, 32 if version == 4 else 128)
    return None if packed is None or length is None else (packed, length)


def parse_number(text: str, greatest: int) -> "int | None":
    """Return a whole number without sign and leading zeros; None for any other text or above the greatest."""
    if not text or len(text) > 9 or text.strip("0123456789") or (text[0] == "0" and text != "0"):
        return None
    return int(text) if int(text) <= greatest else None


def is_link_local(packed: bytes) -> bool:
    """Return whether it is an IPv6 address of one link only, as routers announce theirs."""
    return len(packed) == 16 and packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def prefix(packed: bytes, length: int) -> int:
    """Return the bits of an address that name its network."""
    return int.from_bytes(packed, "big") >> (8 * len(packed) - length)


def network(packed: bytes, length: int) -> bytes:
    """Return the address of its network."""
    return (prefix(packed, length) << (8 * len(packed) - length)).to_bytes(len(packed), "big")


def within(packed: bytes, other: bytes, length: int) -> bool:
    """Return whether an address is in the network of another one."""
    return len(packed) == len(other) and prefix(packed, length) == prefix(other, length)
