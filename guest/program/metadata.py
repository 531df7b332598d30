"""Reads what the metadata says of the ports. `multiport.guest.metadata` writes it; docs/guest-metadata.md has the layout.

A record is taken whole or, for a reason that is kept for `status`, not at all.
"""

from . import addresses
from .addresses import parse_number
from .numbers import METADATA_PREFIX, MTU_MAX, MTU_MIN, SLOT_MAX
from .plan import Plan, is_mac, printable

_PORT_PREFIX = METADATA_PREFIX + "port."
_LOWER = "0123456789abcdefghijklmnopqrstuvwxyz"
_URL_CHARACTERS = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ:./,=_-"
_KEY_CHARACTERS_MAX = 32
_PARTS_MAX = 100


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

    def __init__(self, key: str) -> None:
        self.key = key
        self.slot = self.mtu = 0
        self.mac = ""
        self.hot = False
        self.fixed: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.held: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.allowed: "dict[int, list[tuple[bytes, int]]]" = {4: [], 6: []}
        self.gateways: "dict[int, list[bytes]]" = {4: [], 6: []}
        self.routes: "dict[int, list[tuple[bytes, int, bytes]]]" = {4: [], 6: []}


class Records:
    """All that the metadata says.

    Attributes:
        origin: `service`, `drive`, or empty without metadata.
        ports: By slot.
        owners: The slot of the port that an address belongs to.
        options: Options that are on, in the order of the metadata.
        refused: Key and reason of each record that was refused.
        used: Keys of the items that were taken.
    """

    def __init__(self, origin: str = "") -> None:
        self.origin = origin
        self.ports: "dict[int, PortRecord]" = {}
        self.owners: "dict[bytes, int]" = {}
        self.options: "list[str]" = []
        self.refused: "list[str]" = []
        self.used: "set[str]" = set()


def read_cache(text: str, plan: Plan, server: str) -> Records:
    """Return what the cached metadata says; nothing if it is another server's, as in one that was made from a snapshot."""
    lines = text.split("\n")
    words = lines[0].split(" ")
    if (
        len(words) != 4
        or words[:2] != ["multiport-metadata", "1"]
        or words[2] not in ("service", "drive")
        or server not in ("", words[3])
    ):
        return Records()
    items = [line.partition(" ") for line in lines[1:] if line]
    records = read_records({key: value for key, _, value in items if key != "refused"}, plan, words[2])
    records.refused += [value for key, _, value in items if key == "refused"]
    return records


def cache_text(values: "dict[str, str]", records: Records, server: str, before: str) -> str:
    """Return the text of the cache for a new answer and what it says. Where a record is refused, the one of before stays."""
    if not any(key.startswith(_PORT_PREFIX) for key in records.used):
        records.refused.append(f"{_PORT_PREFIX[:-1]}: no port's record is good")
    lines = [f"multiport-metadata 1 {records.origin} {server or 'any'}"]
    lines += [f"{key} {value}" for key, value in values.items() if key in records.used]
    old = [line for line in before.split("\n")[1:] if not line.startswith("refused ")]
    for reason in records.refused:
        key = reason.partition(": ")[0]
        lines += [line for line in old if line.startswith((f"{key} ", f"{key}.")) and line not in lines]
        lines.append(f"refused {reason}")
    return "\n".join(lines) + "\n"


def read_records(values: "dict[str, str]", plan: Plan, origin: str) -> Records:
    """Return what the items of the metadata say, in their order."""
    records = Records(origin)
    for key, first in values.items():
        base, _, part = key.rpartition(".")
        if base in values and (parse_number(part, _PARTS_MAX) or 0) > 1:
            continue  # it is read with the first part
        keys, value = [key], first
        while f"{key}.{len(keys) + 1}" in values:
            keys.append(f"{key}.{len(keys) + 1}")
            value += f" {values[keys[-1]]}"
        try:
            if any(character not in _URL_CHARACTERS + " " for character in value):
                raise ValueError("it holds odd characters")
            if key == METADATA_PREFIX + "options":
                _take_options(records, value.split())
            elif key.startswith(_PORT_PREFIX):
                _take_port(records, plan, key[len(_PORT_PREFIX) :], value.split())
            else:
                raise ValueError("this key is not one of ours")
        except ValueError as error:
            records.refused.append(f"{printable(key)}: {error}")
        else:
            records.used.update(keys)
    return records


def is_url(text: str) -> bool:
    """Return whether a text is a URL without anything that a shell or curl would take for more."""
    _, scheme, rest = text.partition("http://" if text.startswith("http://") else "https://")
    return bool(scheme and rest) and text.startswith(scheme) and not any(each not in _URL_CHARACTERS for each in rest)


def _take_options(records: Records, options: "list[str]") -> None:
    for option in options:
        if option not in ("connmark", "forward", "table_names") and not (
            option.startswith("echo=http://") and is_url(option[5:])
        ):
            raise ValueError(f"it says '{option}', which is no option")
    records.options = options


def _take_port(records: Records, plan: Plan, key: str, tokens: "list[str]") -> None:
    if not 0 < len(key) <= _KEY_CHARACTERS_MAX or key != key.strip("-") or any(each not in _LOWER + "-" for each in key):
        raise ValueError("this is not a port's key")
    record = PortRecord(key)
    seen = []
    for token in tokens:
        word, _, argument = token.partition("=")
        if (word in seen and word in ("slot", "mac", "mtu", "hot")) or not _take_token(record, token, word, argument):
            raise ValueError(f"it says '{token}'")
        seen.append(word)
    if not record.slot or not record.mac:
        raise ValueError("it lacks slot or mac")
    macs = {slot: other.mac for slot, other in records.ports.items()}
    macs.update(plan.macs)
    slots = {mac: slot for slot, mac in macs.items()}
    taken = macs.get(record.slot, record.mac) != record.mac or slots.get(record.mac, record.slot) != record.slot
    if taken or record.slot in records.ports:
        raise ValueError("its slot or MAC address is another port's")
    named = [packed for kind in (record.fixed, record.held, record.allowed) for version in kind for packed, _ in kind[version]]
    for packed in named:
        if records.owners.get(packed, record.slot) != record.slot:
            raise ValueError(f"{addresses.text_of(packed)} is another port's")
    records.owners.update(dict.fromkeys(named, record.slot))
    records.ports[record.slot] = record


def _take_token(record: PortRecord, token: str, word: str, argument: str) -> bool:
    """Take a token into the record; return whether it is a good one."""
    version = 6 if ":" in argument else 4
    if token == "hot":  # noqa: S105 - a token of the record's grammar
        record.hot = True
    elif word == "slot":
        record.slot = parse_number(argument, SLOT_MAX) or 0
        return record.slot > 0
    elif word == "mac":
        record.mac = argument
        return is_mac(argument)
    elif word == "mtu":
        record.mtu = parse_number(argument, MTU_MAX) or 0
        return record.mtu >= MTU_MIN
    elif word in ("gw4", "gw6"):
        gateway = addresses.parse_address(int(word[2]), argument)
        record.gateways[version] += [gateway] if gateway else []
        return gateway is not None
    elif word in ("v4", "v6", "vip", "pair"):
        interface = addresses.parse_interface(int(word[1]) if word in ("v4", "v6") else version, argument)
        kind = {"vip": record.held, "pair": record.allowed}.get(word, record.fixed)
        kind[version] += [interface] if interface else []
        return interface is not None
    elif word == "route":
        network, _, hop_text = argument.partition(",")
        to, hop = addresses.parse_interface(version, network), addresses.parse_address(version, hop_text)
        if (
            to is None
            or hop is None
            or not to[1]
            or addresses.prefix(*to) << (8 * len(to[0]) - to[1]) != int.from_bytes(to[0], "big")
        ):
            return False
        record.routes[version].append((*to, hop))
    else:
        return False
    return True
