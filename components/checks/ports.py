"""Rules for a port: its addresses, its pairs, what a tenant may not say."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from multiport.components.addressing import Address, Network
from multiport.components.checks import addresses, facts, floating_ips, known, names
from multiport.components.checks.facts import NetworkFacts, SubnetFacts
from multiport.components.config_error import Fault, key_path, named, shown
from multiport.guest.plan import SLOT_MAX, TABLE_BASE

# Neutron's default of max_allowed_address_pair.
MOST_PAIRS = 10
# What Neutron's default policy keeps from a tenant on a network of somebody else's (measured: 403 each).
OWNERS_ONLY = ("fixed_ips", "mac_address", "port_security_enabled", "allowed_address_pairs")


@dataclass(frozen=True, slots=True)
class Pin:
    """An address that the configuration gives to a port or to nobody's port."""

    path: str
    """Where."""
    network: object
    """Identity of the network."""
    address: Address
    """The address."""
    owner: str = ""
    """Where the port stands; empty for a virtual address, which is nobody's."""


def port_faults(
    path: str, port: Mapping[str, object], network: NetworkFacts | None, external_network: str | None = None
) -> Iterator[Fault]:
    """What is wrong with a port of a server.

    Args:
        path: Where it stands.
        port: A `PortConfig`, or a component's `PortArgs`.
        network: What is known of its network; None: nothing, and what depends on it is passed over.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    yield from names.text_faults(path, port, "name")
    yield from _slot(path, port)
    if network is not None and not network.owned:
        yield from _owners_only(path, port)
        return
    yield from addresses.mac_faults(path, port)
    yield from names.key_faults(path, port, "fixed_ips")
    yield from names.key_faults(path, port, "allowed_address_pairs")
    yield from _pairs(path, port)
    if known.flag(port, "port_security_enabled") is False:
        yield from _unfiltered(path, port)
    if network is not None:
        yield from _fixed_ips(path, port, network)
        yield from _floating_ips(path, port, network, external_network)


def pins(path: str, port: Mapping[str, object], network: NetworkFacts) -> list[Pin]:
    """The addresses that the configuration gives to the port."""
    found = []
    for key, fixed_ip in known.mappings(port, "fixed_ips").items():
        address = facts.read_address(known.text(fixed_ip, "ip_address"))
        if address is not None:
            found.append(Pin(key_path(path, "fixed_ips", key, "ip_address"), network.identity, address, path))
    return found


def virtual_pair_faults(path: str, server: Mapping[str, object], networks: Mapping[str, NetworkFacts]) -> Iterator[Fault]:
    """No pair of a server's port makes another of its ports virtual, as OVN does to the owner of a bare address."""
    given = known.mappings(server, "ports")
    at = {key: key_path(path, "ports", key) for key in given}
    held = {key: {(pin.network, pin.address): pin for pin in pins(at[key], port, networks[key])} for key, port in given.items()}
    for key, port in given.items():
        for pair_key, pair in known.mappings(port, "allowed_address_pairs").items():
            value = known.text(pair, "ip_address")
            address = facts.read_address(value) if known.flag(pair, "virtual") is True else None
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


def pin_faults(pins: list[Pin]) -> Iterator[Fault]:
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


def _slot(path: str, port: Mapping[str, object]) -> Iterator[Fault]:
    slot = known.number(port, "slot")
    if slot is None or 1 <= slot <= SLOT_MAX:
        return
    at = key_path(path, "slot")
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


def _owners_only(path: str, port: Mapping[str, object]) -> Iterator[Fault]:
    for key in OWNERS_ONLY:
        if known.filled(port, key):
            yield Fault(
                key_path(path, key),
                "on an external network this is its owner's to say; Neutron answers a tenant 403",
                "Take it out: Neutron chooses",
            )
    if known.given(port, "floating_ip"):
        yield Fault(
            key_path(path, "floating_ip"),
            f"a port on an external network has an address there already; {floating_ips.NOT_FOUND}",
            "Take it out",
        )


def _fixed_ips(path: str, port: Mapping[str, object], network: NetworkFacts) -> Iterator[Fault]:
    at = key_path(path, "fixed_ips")
    if known.given(port, "fixed_ips") and not known.mapping(port, "fixed_ips"):
        yield Fault(at, "it is empty", "Leave fixed_ips out for one address on each subnet")
    fixed_ips = known.mappings(port, "fixed_ips")
    crowd = Counter(known.text(fixed_ip, "subnet") for fixed_ip in fixed_ips.values())
    for key, fixed_ip in fixed_ips.items():
        name = known.text(fixed_ip, "subnet")
        if name is None:
            continue
        if name not in network.subnets:
            yield names.unknown(key_path(at, key, "subnet"), "subnet of the port's network", name, network.subnets)
            continue
        if crowd[name] > 1 and not known.given(fixed_ip, "ip_address"):
            yield Fault(
                key_path(at, key, "ip_address"),
                f"it is missing, and the port has {crowd[name]} addresses on the subnet {named(name)}",
                "Give each its address, so that they can be told apart",
            )
        subnet = network.subnets[name]
        address = yield from addresses.address(key_path(at, key), fixed_ip, "ip_address")
        if address is not None and subnet is not None:
            yield from addresses.host_faults(key_path(at, key, "ip_address"), address, subnet)


def _floating_ips(path: str, port: Mapping[str, object], network: NetworkFacts, external_network: str | None) -> Iterator[Fault]:
    targets = _targets(port, network)
    for key, (fixed_ip, subnet) in targets.items():
        if known.given(fixed_ip, "floating_ip"):
            yield from floating_ips.floating_ip_faults(
                key_path(path, "fixed_ips", key, "floating_ip"),
                known.mapping(fixed_ip, "floating_ip"),
                network,
                subnet,
                external_network,
            )
    if not known.given(port, "floating_ip") or any(subnet is None for _, subnet in targets.values()):
        return
    at = key_path(path, "floating_ip")
    ipv4 = {key: each for key, each in targets.items() if each[1] is not None and each[1].cidr.version == 4}  # noqa: PLR2004
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
        if known.given(fixed_ip, "floating_ip"):
            yield Fault(
                at,
                f"{key_path('fixed_ips', key)} has one already; Neutron answers 409 FloatingIPPortAlreadyAssociated",
                "Keep one of the two",
            )
        yield from floating_ips.floating_ip_faults(at, known.mapping(port, "floating_ip"), network, subnet, external_network)


def _targets(port: Mapping[str, object], network: NetworkFacts) -> dict[str, tuple[Mapping[str, object], SubnetFacts | None]]:
    """The port's addresses, those given or the default of one on each subnet, each with its subnet."""
    given = known.mappings(port, "fixed_ips")
    if not known.given(port, "fixed_ips"):
        return {key: ({}, subnet) for key, subnet in network.subnets.items()}
    return {key: (each, network.subnets.get(known.text(each, "subnet") or "")) for key, each in given.items()}


def _pairs(path: str, port: Mapping[str, object]) -> Iterator[Fault]:
    at = key_path(path, "allowed_address_pairs")
    count = len(known.mapping(port, "allowed_address_pairs"))
    if count > MOST_PAIRS:
        yield Fault(
            at,
            f"{count} pairs are too many; Neutron answers 400 AllowedAddressPairExhausted",
            f"Use at most {MOST_PAIRS}; a CIDR covers many addresses",
        )
    own = {known.text(each, "ip_address") for each in known.mappings(port, "fixed_ips").values()}
    seen: dict[Network, str] = {}
    for key, pair in known.mappings(port, "allowed_address_pairs").items():
        value = known.text(pair, "ip_address")
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
        elif "/" in value and known.flag(pair, "virtual") is True:
            yield Fault(
                where,
                f"{value} is virtual, and with a mask OVN takes it for a permission only: nobody outside reaches it",
                f"Write {allowed.network_address}, or take virtual out",
            )
        elif allowed.prefixlen < allowed.max_prefixlen and known.flag(pair, "holder") is True:
            yield Fault(
                key_path(at, key, "holder"),
                f"{value} is many addresses, and a guest configures and announces one",
                "Take holder out, or name the address that the guest is to hold",
            )
        seen.setdefault(allowed, key_path(at, key))


def _pair(path: str, value: str) -> Generator[Fault, None, Network | None]:
    if "/" in value:
        return (yield from addresses.network_of(path, value))
    address = yield from addresses.address_of(path, value)
    return None if address is None else ip_network(address)


def _unfiltered(path: str, port: Mapping[str, object]) -> Iterator[Fault]:
    for key in ("security_groups", "security_group_ids"):
        if known.filled(port, key):
            yield Fault(
                key_path(path, key),
                "port_security_enabled is false; Neutron answers 400 PortSecurityAndIPRequiredForSecurityGroups",
                "Take the groups out, or the port security back in",
            )
    if known.filled(port, "allowed_address_pairs"):
        yield Fault(
            key_path(path, "allowed_address_pairs"),
            "port_security_enabled is false; Neutron answers 409 AddressPairAndPortSecurityRequired",
            "Take the pairs out: without port security every address is allowed",
        )
