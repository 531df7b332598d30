"""Rules for a port: its addresses, its pairs, what a tenant may not say."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from multiport.components import addressing
from multiport.components.addressing import Address, Network
from multiport.components.arguments import PortArgs
from multiport.components.checks import addresses, facts, floating_ips, names
from multiport.components.checks.facts import NetworkFacts, SubnetFacts
from multiport.components.config_error import Fault, key_path, named
from multiport.components.known import known_text
from multiport.components.topology import AddressPairConfig, FixedIpArgs, PortConfig, PortOptions
from multiport.guest.errors import shown
from multiport.guest.plan import SLOT_MAX, TABLE_BASE

# Neutron's default of max_allowed_address_pair.
MOST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Pin:
    """An address that the configuration gives to a port of a server, or to the unbound port of a virtual address."""

    path: str
    """Where the configuration says it."""
    network: object
    """Identity of the network."""
    address: Address
    """The address."""
    owner: str = ""
    """Path of the server's port; empty for a virtual address."""


def check_port(
    path: str, port: PortConfig | PortArgs, network: NetworkFacts | None, external_network: str | None = None
) -> Iterator[Fault]:
    """What is wrong with a port of a server.

    Args:
        path: Where it stands.
        port: The port.
        network: What is known of its network; None: nothing, and what depends on it is passed over.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    yield from names.check_names(path, name=port.get("name"))
    yield from names.check_text(key_path(path, "description"), port.get("description"))
    yield from _slot(key_path(path, "slot"), port.get("slot"))
    if network is not None and not network.owned:
        yield from _owners_only(path, port)
        return
    yield from addresses.check_mac(key_path(path, "mac_address"), port.get("mac_address"))
    yield from names.check_keys(key_path(path, "fixed_ips"), port.get("fixed_ips", {}))
    yield from names.check_keys(key_path(path, "allowed_address_pairs"), _pairs_of(port))
    yield from _pairs(key_path(path, "allowed_address_pairs"), port)
    if not port.get("port_security_enabled", True):
        yield from _unfiltered(path, port)
    if network is not None:
        yield from _fixed_ips(key_path(path, "fixed_ips"), port, network)
        yield from _floating_ips(path, port, network, external_network)


def pins_of(path: str, port: PortOptions, network: NetworkFacts) -> list[Pin]:
    """The addresses that the configuration gives to the port."""
    found = []
    for key, fixed_ip in port.get("fixed_ips", {}).items():
        address = facts.read_address(fixed_ip.get("ip_address"))
        if address is not None:
            found.append(Pin(key_path(path, "fixed_ips", key, "ip_address"), network.identity, address, path))
    return found


def check_virtual_pairs(path: str, given: Mapping[str, PortArgs], networks: Mapping[str, NetworkFacts]) -> Iterator[Fault]:
    """No pair of a server's port makes another of its ports virtual, as OVN does to the owner of a bare address.

    Args:
        path: Where the server's ports stand.
        given: The ports.
        networks: What is known of each port's network.
    """
    at = {key: key_path(path, key) for key in given}
    held = {
        key: {(pin.network, pin.address): pin for pin in pins_of(at[key], port, networks[key])} for key, port in given.items()
    }
    for key, port in given.items():
        for pair_key, pair in port.get("allowed_address_pairs", {}).items():
            value = known_text(pair["ip_address"])
            address = facts.read_address(value) if pair.get("virtual", False) else None
            if address is None:
                continue
            place = (networks[key].identity, address)
            owner = next((pins[place] for other, pins in held.items() if other != key and place in pins), None)
            if owner is not None:
                yield Fault(
                    key_path(at[key], "allowed_address_pairs", pair_key, "ip_address"),
                    f"{value} is also {owner.path}: OVN would make that port virtual, and Nova could not bind it (400)",
                    "Take virtual out: the pair is then sent with its mask, a permission and nothing more",
                )


def check_pins(pins: Iterable[Pin]) -> Iterator[Fault]:
    """An address of a network is given once."""
    seen: dict[tuple[object, Address], Pin] = {}
    for pin in pins:
        first = seen.setdefault((pin.network, pin.address), pin)
        if first is pin:
            continue
        if bool(pin.owner) is not bool(first.owner):
            yield Fault(
                pin.path,
                f"{pin.address} is also {first.path}: OVN would make that port virtual, and Nova could not bind it (400)",
                "Choose an address that no port has",
            )
        elif pin.owner and pin.owner == first.owner:
            yield Fault(pin.path, f"{pin.address} is also {first.path}; Neutron answers 400", "Take one of the two out")
        else:
            yield Fault(
                pin.path,
                f"{pin.address} is also {first.path}; Neutron answers 409 IpAddressAlreadyAllocated",
                "Give each its own address",
            )


def _slot(at: str, slot: int | None) -> Iterator[Fault]:
    if slot is None or 1 <= slot <= SLOT_MAX:
        return
    if TABLE_BASE < slot <= TABLE_BASE + SLOT_MAX:
        yield Fault(at, f"{slot} is a routing table, not a slot", f"Write {slot - TABLE_BASE}: the table is {TABLE_BASE} + slot")
    elif slot == 0:
        yield Fault(
            at,
            f"0 is outside 1 to {SLOT_MAX}: a slot's table is {TABLE_BASE} + slot, never a reserved one (0, 253 to 255)",
            f"Choose a slot from 1 to {SLOT_MAX}",
        )
    else:
        yield Fault(at, f"{shown(slot)} is outside 1 to {SLOT_MAX}", f"Choose a slot from 1 to {SLOT_MAX}")


def _pairs_of(port: PortConfig | PortArgs) -> Mapping[str, AddressPairConfig]:
    pairs: Mapping[str, AddressPairConfig] = port.get("allowed_address_pairs", {})
    return pairs


def _owners_only(path: str, port: PortConfig | PortArgs) -> Iterator[Fault]:
    """What Neutron's default policy keeps from a tenant on a network of another owner (measured: 403 each)."""
    asked = {
        "fixed_ips": bool(port.get("fixed_ips")),
        "mac_address": "mac_address" in port,
        "port_security_enabled": "port_security_enabled" in port,
        "allowed_address_pairs": bool(_pairs_of(port)),
    }
    for key, given in asked.items():
        if given:
            yield Fault(
                key_path(path, key),
                "on an external network only its owner may choose this; Neutron answers a tenant 403",
                "Take it out: Neutron chooses",
            )
    if "floating_ip" in port:
        yield Fault(
            key_path(path, "floating_ip"),
            f"a port on an external network has an address there already; {floating_ips.NOT_FOUND}",
            "Take it out",
        )


def _fixed_ips(at: str, port: PortOptions, network: NetworkFacts) -> Iterator[Fault]:
    fixed_ips = port.get("fixed_ips", {})
    if "fixed_ips" in port and not fixed_ips:
        yield Fault(at, "it is empty", "Leave fixed_ips out for one address on each subnet")
    on_subnet = Counter(fixed_ip["subnet"] for fixed_ip in fixed_ips.values())
    for key, fixed_ip in fixed_ips.items():
        name = fixed_ip["subnet"]
        if name not in network.subnets:
            yield names.unknown(key_path(at, key, "subnet"), "subnet of the port's network", name, network.subnets)
            continue
        if on_subnet[name] > 1 and "ip_address" not in fixed_ip:
            yield Fault(
                key_path(at, key, "ip_address"),
                f"it is missing, and the port has {on_subnet[name]} addresses on the subnet {named(name)}",
                "Give each its address, so that they can be told apart",
            )
        subnet = network.subnets[name]
        address = yield from addresses.read_address(key_path(at, key, "ip_address"), fixed_ip.get("ip_address"))
        if address is not None and subnet is not None:
            yield from addresses.check_host(key_path(at, key, "ip_address"), address, subnet)


def _floating_ips(path: str, port: PortOptions, network: NetworkFacts, external_network: str | None) -> Iterator[Fault]:
    targets = _targets(port, network)
    for key, (fixed_ip, subnet) in targets.items():
        if "floating_ip" in fixed_ip:
            at = key_path(path, "fixed_ips", key, "floating_ip")
            yield from floating_ips.check_floating_ip(at, fixed_ip["floating_ip"], network, subnet, external_network)
    if "floating_ip" not in port or any(subnet is None for _, subnet in targets.values()):
        return
    at = key_path(path, "floating_ip")
    ipv4 = {
        key: (fixed_ip, subnet)
        for key, (fixed_ip, subnet) in targets.items()
        if subnet is not None and subnet.cidr.version == 4  # noqa: PLR2004 - the number in IPv4
    }
    if not ipv4:
        yield Fault(at, "the port has no IPv4 address, and floating IPs are IPv4 only; Neutron answers 400", "Give it one")
    elif len(ipv4) > 1:
        yield Fault(
            at,
            f"Neutron does not choose among the port's IPv4 addresses ({', '.join(map(named, ipv4))}); it answers 400",
            "Put floating_ip into the entry of fixed_ips that it is for",
        )
    else:
        [(key, (fixed_ip, subnet))] = ipv4.items()
        if "floating_ip" in fixed_ip:
            yield Fault(
                at,
                f"{key_path('fixed_ips', key)} has one already; Neutron answers 409 FloatingIPPortAlreadyAssociated",
                "Keep one of the two",
            )
        yield from floating_ips.check_floating_ip(at, port["floating_ip"], network, subnet, external_network)


def _targets(port: PortOptions, network: NetworkFacts) -> dict[str, tuple[FixedIpArgs, SubnetFacts | None]]:
    """The port's addresses, those given or the default of one on each subnet, each with its subnet."""
    return {
        key: (fixed_ip, network.subnets.get(fixed_ip["subnet"]))
        for key, fixed_ip in addressing.fixed_ips(port, network.subnets).items()
    }


def _pairs(at: str, port: PortConfig | PortArgs) -> Iterator[Fault]:
    count = len(_pairs_of(port))
    if count > MOST_PAIRS:
        yield Fault(
            at,
            f"{count} pairs are too many; Neutron answers 400 AllowedAddressPairExhausted",
            f"Use at most {MOST_PAIRS}; a CIDR covers many addresses",
        )
    own = {fixed_ip.get("ip_address") for fixed_ip in port.get("fixed_ips", {}).values()}
    seen: dict[Network, str] = {}
    for key, pair in _pairs_of(port).items():
        value = known_text(pair["ip_address"])
        if value is None:
            continue
        where = key_path(at, key, "ip_address")
        allowed = yield from _pair(where, value)
        if allowed is None:
            continue
        if allowed.prefixlen == 0:
            yield Fault(where, f"{allowed} allows every address", "Say port_security_enabled: false if that is meant")
        elif allowed in seen:
            yield Fault(
                where,
                f"{value} is also {seen[allowed]}; Neutron answers 400 DuplicateAddressPairInRequest",
                "Keep one of the two",
            )
        elif allowed.prefixlen == allowed.max_prefixlen and str(allowed.network_address) in own:
            yield Fault(where, f"{value} is the port's own address", "Take the pair out")
        elif "/" in value and pair.get("virtual", False):
            yield Fault(
                where,
                f"{value} is virtual, and with a mask OVN takes it for a permission only: nobody outside reaches it",
                f"Write {allowed.network_address}, or take virtual out",
            )
        elif allowed.prefixlen < allowed.max_prefixlen and pair.get("holder", False):
            yield Fault(
                key_path(at, key, "holder"),
                f"{value} is many addresses, and a guest configures and announces one",
                "Take holder out, or name the address that the guest is to hold",
            )
        seen.setdefault(allowed, key_path(at, key))


def _pair(path: str, value: str) -> Generator[Fault, None, Network | None]:
    if "/" in value:
        return (yield from addresses.read_network(path, value))
    address = yield from addresses.read_address(path, value)
    return None if address is None else ip_network(address)


def _unfiltered(path: str, port: PortConfig | PortArgs) -> Iterator[Fault]:
    groups = {"security_groups": port.get("security_groups"), "security_group_ids": port.get("security_group_ids")}
    for key, given in groups.items():
        if given:
            yield Fault(
                key_path(path, key),
                "port_security_enabled is false; Neutron answers 400 PortSecurityAndIPRequiredForSecurityGroups",
                "Take the groups out, or take port_security_enabled: false out",
            )
    if _pairs_of(port):
        yield Fault(
            key_path(path, "allowed_address_pairs"),
            "port_security_enabled is false; Neutron answers 409 AddressPairAndPortSecurityRequired",
            "Take the pairs out: without port security every address is allowed",
        )
