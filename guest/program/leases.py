"""Reads the leases of dhclient: its second default route fails where both ports' have one metric, so the kernel never has it."""

from . import addresses
from .inputs import read_file

_BYTES_MAX = 65536
_WORD = "option routers "


def router(device: str) -> "bytes | None":
    """Return the router that the newest lease of an interface names; None without one."""
    text = read_file(f"/var/lib/dhcp/dhclient.{device}.leases", _BYTES_MAX) or ""
    _, found, rest = text.rpartition(_WORD)
    if not found:
        return None
    return addresses.parse_address(4, rest.partition(";")[0].partition(",")[0].strip())
