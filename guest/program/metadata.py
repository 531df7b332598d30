"""Reads what the server's metadata says of its ports. `multiport.guest.metadata` writes it; docs/guest-metadata.md has the layout.

A record is taken whole or, for a reason that is kept for `status`, not at all.
"""

from . import addresses
from .addresses import parse_number
from .numbers import METADATA_PREFIX, METADATA_VERSION, SLOT_MAX
from .plan import Plan, is_mac, printable

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import TypeVar

    T = TypeVar("T")

_PORT_PREFIX = METADATA_PREFIX + "port."
_OPTIONS_KEY = METADATA_PREFIX + "options"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_URL_CHARACTERS = _DIGITS + _LOWER + _LOWER.upper() + ":./,=_-"
_VALUE_CHARACTERS = _URL_CHARACTERS + " "
_KEY_CHARACTERS_MAX = 32
_MTU_MIN, _MTU_MAX = 68, 65535
_PARTS_MAX = 100
_ONCE = ("slot", "mac", "mtu", "hot")


class PortRecord:
    """What the metadata says of a port.

    Attributes:
        key: The port's key in the configuration of the server.
        slot: Number of its table and priorities.
        mac: Its MAC address.
        mtu: In bytes, or 0 if it is not told.
        hot: Whether it was attached to the running server.
        fixed: Its own addresses with their prefix lengths, by IP version; so are the others.
        gateways: Its subnets' routers.
        routes: Its subnets' host routes: network, prefix length, next hop.
        held: Virtual addresses that this server holds and announces.
        allowed: Virtual addresses that it may take.
    """

    def __init__(self, key: str, slot: int, mac: str) -> None:
        self.key = key
        self.slot = slot
        self.mac = mac
        self.mtu = 0
        self.hot = False
        self.fixed: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.gateways: "dict[int, list[bytes]]" = {4: [], 6: []}
        self.routes: "dict[int, list[tuple[bytes, int, bytes]]]" = {4: [], 6: []}
        self.held: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.allowed: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}

    def named(self) -> "list[bytes]":
        """Return every address that belongs to the port."""
        return [
            packed for kind in (self.fixed, self.held, self.allowed) for version in (4, 6) for packed, _ in kind[version]
        ]


class Records:
    """All that the metadata says.

    Attributes:
        origin: `service`, `drive`, or empty without metadata.
        ports: By slot.
        owners: The slot of the port that an address belongs to, by address.
        options: Options that are on, in the order of the metadata.
        echo_url: Whom `verify` asks which address the world sees, or empty.
        refused: Why a record was refused, with its key.
        used: Keys of the records that were taken.
    """

    def __init__(self, origin: str = "") -> None:
        self.origin = origin
        self.ports: "dict[int, PortRecord]" = {}
        self.owners: "dict[bytes, int]" = {}
        self.options: "list[str]" = []
        self.echo_url = ""
        self.refused: "list[str]" = []
        self.used: "set[str]" = set()


NO_RECORDS = Records()


def read_cache(text: str, plan: Plan, server: str) -> Records:
    """Return what the cached metadata says; nothing if it is another server's, as in one that was made from a snapshot."""
    lines = text.split("\n")
    words = lines[0].split(" ", 3)
    known = (
        words[:2] == ["multiport-metadata", str(METADATA_VERSION)]
        and len(words) == 4
        and words[2] in ("service", "drive")
        and (not server or words[3] == server)
    )
    if not known:
        return Records()
    values = {}
    refused = []
    for line in lines[1:]:
        if line.startswith("refused "):
            refused.append(line[8:])
        elif line:
            key, _, value = line.partition(" ")
            values[key] = value
    records = read_records(values, plan, words[2])
    records.refused += refused
    return records


def cache_text(values: "dict[str, str]", records: Records, server: str, before: str) -> str:
    """Return the text of the cache for a new answer. Where a record is refused, the old one stays.

    Args:
        values: The answer's own items.
        records: What they say; the reason is added if no port is taken.
        server: The server's uuid, or empty.
        before: The cache's text up to now.
    """
    lines = [f"multiport-metadata {METADATA_VERSION} {records.origin} {server or 'any'}"]
    lines += [f"{key} {value}" for key, value in values.items() if key in records.used]
    if not any(key.startswith(_PORT_PREFIX) for key in records.used):
        records.refused.append(f"{_PORT_PREFIX[:-1]}: no port's record is good")
    old = [line for line in before.split("\n")[1:] if line and not line.startswith("refused ")]
    for reason in records.refused:
        key = reason.partition(": ")[0]
        # of a key without a good record all that is below it is meant
        lines += [line for line in old if line.startswith((f"{key} ", f"{key}.")) and line not in lines]
        lines.append(f"refused {reason}")
    return "\n".join(lines) + "\n"


def read_records(values: "dict[str, str]", plan: Plan, origin: str) -> Records:
    """Return what the items of the metadata say, in their order; a record that is no good is refused alone."""
    records = Records(origin)
    for key, first in values.items():
        base, _, part = key.rpartition(".")
        if key.startswith(_PORT_PREFIX) and base in values and (parse_number(part, _PARTS_MAX) or 0) > 1:
            continue  # it was read with the first part
        keys, value = [key], first
        while len(keys) < _PARTS_MAX and f"{key}.{len(keys) + 1}" in values:
            keys.append(f"{key}.{len(keys) + 1}")
            value += f" {values[keys[-1]]}"
        try:
            if value.strip(_VALUE_CHARACTERS) or any(character not in _VALUE_CHARACTERS for character in value):
                raise ValueError("it holds odd characters")
            if key == _OPTIONS_KEY:
                _take_options(records, value)
            elif key.startswith(_PORT_PREFIX):
                _take_port(records, plan, key[len(_PORT_PREFIX) :], value)
            else:
                raise ValueError("this key is not one of ours")
        except ValueError as error:
            records.refused.append(f"{printable(key)}: {error}")
        else:
            records.used.update(keys)
    return records


def _take_options(records: Records, value: str) -> None:
    options = value.split()
    for option in options:
        url = option[len("echo=") :] if option.startswith("echo=") else ""
        if option not in ("connmark", "forward", "table_names") and not _is_echo_url(url):
            raise ValueError(f"it says '{option}', which is no option")
    records.options = options
    for option in options:
        if option.startswith("echo="):
            records.echo_url = option[len("echo=") :]


def _is_echo_url(url: str) -> bool:
    return url.startswith("http://") and len(url) > len("http://") and not url.strip(_URL_CHARACTERS)


def _take_port(records: Records, plan: Plan, key: str, value: str) -> None:
    if not _is_port_key(key):
        raise ValueError("this is not a port's key")
    record = PortRecord(key, 0, "")
    seen = set()
    for token in value.split():
        word, _, argument = token.partition("=")
        if (word in _ONCE and word in seen) or not _take_token(record, token, word, argument):
            raise ValueError(f"it says '{token}'")
        seen.add(word)
    if not record.slot or not record.mac:
        raise ValueError("it lacks slot or mac")
    slots = {mac: slot for slot, mac in plan.macs.items()}
    slots.update({other.mac: slot for slot, other in records.ports.items()})
    if (
        record.slot in records.ports
        or plan.macs.get(record.slot, record.mac) != record.mac
        or slots.get(record.mac, record.slot) != record.slot
    ):
        raise ValueError("its slot or MAC address is another port's")
    for packed in record.named():
        if records.owners.get(packed, record.slot) != record.slot:
            raise ValueError(f"{addresses.text_of(packed)} is another port's")
    records.owners.update(dict.fromkeys(record.named(), record.slot))
    records.ports[record.slot] = record


def _is_port_key(key: str) -> bool:
    characters = _LOWER + _DIGITS
    return (
        0 < len(key) <= _KEY_CHARACTERS_MAX
        and not any(character not in characters + "-" for character in key)
        and key[0] in characters
        and key[-1] in characters
    )


def _take_token(record: PortRecord, token: str, word: str, argument: str) -> bool:
    if token == "hot":
        record.hot = True
        return True
    version = 6 if ":" in argument else 4
    if word == "slot":
        record.slot = parse_number(argument, SLOT_MAX) or 0
        return record.slot > 0
    if word == "mac":
        record.mac = argument
        return is_mac(argument)
    if word == "mtu":
        record.mtu = parse_number(argument, _MTU_MAX) or 0
        return record.mtu >= _MTU_MIN
    if word in ("gw4", "gw6"):
        gateway = addresses.parse_address(int(word[2]), argument)
        return _added(record.gateways[int(word[2])], gateway)
    if word in ("v4", "v6"):
        version = int(word[1])
        interface = addresses.parse_interface(version, argument)
        return _added(record.fixed[version], interface)
    if word in ("vip", "pair"):
        interface = addresses.parse_interface(version, argument)
        kind = record.held if word == "vip" else record.allowed
        return _added(kind[version], interface)
    if word == "route":
        destination, _, hop_text = argument.partition(",")
        to, hop = addresses.parse_network(version, destination), addresses.parse_address(version, hop_text)
        return _added(record.routes[version], None if to is None or hop is None else (to[0], to[1], hop))
    return False


def _added(known: "list[T]", value: "T | None") -> bool:
    if value is None:
        return False
    known.append(value)
    return True
