"""IP addresses as the kernel has them: 4 or 16 bytes, whose number says the IP version; text only at the edges."""

import _socket

_FAMILY = {4: _socket.AF_INET, 16: _socket.AF_INET6}
_BITS = {4: 32, 6: 128}


def version_of(packed: bytes) -> int:
    """Return 4 or 6."""
    return 4 if len(packed) == 4 else 6


def bits_of(packed: bytes) -> int:
    """Return how many bits an address has."""
    return 8 * len(packed)


def text_of(packed: bytes) -> str:
    """Return an address as iproute2 writes it."""
    return _socket.inet_ntop(_FAMILY[len(packed)], packed)


def cidr_text(packed: bytes, length: int) -> str:
    """Return an address with its prefix length as text."""
    return f"{text_of(packed)}/{length}"


def parse(version: int, text: str) -> "bytes | None":
    """Return the address that a text names in the one form in which the kernel writes it; None for any other text."""
    family = _socket.AF_INET if version == 4 else _socket.AF_INET6
    try:
        packed = _socket.inet_pton(family, text)
    except (OSError, UnicodeError, ValueError):
        return None
    return packed if _socket.inet_ntop(family, packed) == text else None


def parse_interface(version: int, text: str) -> "tuple[bytes, int] | None":
    """Return address and prefix length of a text like 10.0.0.5/24; None if it is none that one interface can have."""
    address, slash, length_text = text.partition("/")
    packed = parse(version, address)
    if packed is None or not slash or not is_assignable(packed):
        return None
    length = parse_number(length_text, _BITS[version])
    return None if length is None else (packed, length)


def parse_network(version: int, text: str) -> "tuple[bytes, int] | None":
    """Return the network that a text names; None if it has bits behind its prefix, or is none that a route may lead to."""
    found = parse_interface(version, text)
    return found if found is not None and found[1] > 0 and network(*found) == found[0] else None


def parse_address(version: int, text: str) -> "bytes | None":
    """Return the address that a text names; None if it is none that one interface can have."""
    packed = parse(version, text)
    return packed if packed is not None and is_assignable(packed) else None


def parse_number(text: str, greatest: int) -> "int | None":
    """Return a whole number without sign and leading zeros; None for any other text or above the greatest."""
    if not text or len(text) > 9 or text.strip("0123456789") or (text[0] == "0" and text != "0"):
        return None
    value = int(text)
    return value if value <= greatest else None


def is_assignable(packed: bytes) -> bool:
    """Return whether one interface can have the address: it is no multicast, loopback, unspecified or reserved one."""
    if len(packed) == 4:
        return packed[0] not in (0, 127) and packed[0] < 224
    return packed[:4] != b"\0\0\0\0" and packed[0] != 255


def is_link_local(packed: bytes) -> bool:
    """Return whether it is an IPv6 address of one link only, as routers announce theirs."""
    return len(packed) == 16 and packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def network(packed: bytes, length: int) -> bytes:
    """Return an address with all bits behind its prefix set to zero."""
    size = len(packed)
    shift = 8 * size - length
    return (int.from_bytes(packed, "big") >> shift << shift).to_bytes(size, "big")


def within(packed: bytes, other: bytes, length: int) -> bool:
    """Return whether an address is in the network of another one and a prefix length."""
    if len(packed) != len(other):
        return False
    shift = 8 * len(packed) - length
    return int.from_bytes(packed, "big") >> shift == int.from_bytes(other, "big") >> shift
