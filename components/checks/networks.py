"""Rules for a private network, its subnets and its router."""

from collections.abc import Generator, Iterator, Mapping
from itertools import combinations

from multiport.components import addressing
from multiport.components.addressing import Address, Network
from multiport.components.checks import addresses, facts, known, names
from multiport.components.checks.facts import AUTOMATIC
from multiport.components.config_error import Fault, key_path, shown

# Least and greatest MTU: IPv4's least datagram (RFC 791), Neutron's own limit; IPv6's least (RFC 8200).
LEAST_MTU = 68
GREATEST_MTU = 65535
LEAST_IPV6_MTU = 1280
IPV6_MODES = (*AUTOMATIC, "dhcpv6-stateful")
# SLAAC builds an address of 64 bits of prefix and 64 of its own.
SLAAC_PREFIX = 64
# What makes no sense for a network of somebody else's, nothing of which is changed.
CREATION_ONLY = ("name", "mtu", "port_security_enabled")
SUBNET_CREATION_ONLY = (
    "name",
    "gateway_ip",
    "no_gateway",
    "enable_dhcp",
    "allocation_pools",
    "dns_nameservers",
    "host_routes",
    "ipv6_ra_mode",
    "ipv6_address_mode",
)
ROUTER_CREATION_ONLY = ("name", "enable_snat")


def network_faults(path: str, network: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with a `PrivateNetworkArgs`."""
    subnets = known.mappings(network, "subnets")
    if not known.mapping(network, "subnets"):
        yield Fault(key_path(path, "subnets"), "it is empty, and a port would get no address", "Give the network a subnet")
    yield from names.key_faults(path, network, "subnets")
    yield from names.text_faults(path, network, "name")
    yield from _mtu(path, network)
    for key, subnet in subnets.items():
        at = key_path(path, "subnets", key)
        if known.given(network, "existing"):
            yield from addresses.subnet_cidr(at, subnet)
        else:
            yield from _subnet(at, subnet)
    yield from _overlaps(path, subnets)
    if known.given(network, "router"):
        yield from _router(path, network)
    if known.given(network, "existing"):
        yield from _existing(path, network)


def _mtu(path: str, network: Mapping[str, object]) -> Iterator[Fault]:
    mtu = known.number(network, "mtu")
    if mtu is None:
        return
    at = key_path(path, "mtu")
    ipv6 = any(each is not None and each.cidr.version == 6 for each in facts.of_network(network).subnets.values())  # noqa: PLR2004
    if not LEAST_MTU <= mtu <= GREATEST_MTU:
        yield Fault(
            at,
            f"{shown(mtu)} is outside {LEAST_MTU} to {GREATEST_MTU}",
            "Leave mtu out for the cloud's own, which is never too big",
        )
    elif ipv6 and mtu < LEAST_IPV6_MTU:
        yield Fault(at, f"{mtu} is less than IPv6 needs", f"Use at least {LEAST_IPV6_MTU}, or leave mtu out")


def _subnet(path: str, subnet: Mapping[str, object]) -> Iterator[Fault]:
    yield from names.text_faults(path, subnet, "name")
    cidr = yield from addresses.subnet_cidr(path, subnet)
    yield from _nameservers(path, subnet)
    yield from names.key_faults(path, subnet, "host_routes")
    if cidr is None:
        return
    gateway = yield from _gateway(path, subnet, cidr)
    yield from _pools(path, subnet, cidr, gateway)
    yield from _host_routes(path, subnet, cidr)
    yield from _ipv6_modes(path, subnet, cidr)


def _gateway(path: str, subnet: Mapping[str, object], cidr: Network) -> Generator[Fault, None, Address | None]:
    """Check the gateway. Returns the address that it will have, None without one."""
    at = key_path(path, "gateway_ip")
    no_gateway = known.flag(subnet, "no_gateway") is True
    if no_gateway and known.given(subnet, "gateway_ip"):
        yield Fault(at, "no_gateway is true as well", "Take out one of the two")
        return None
    gateway = yield from addresses.address(path, subnet, "gateway_ip")
    if gateway is None:
        return None if no_gateway or known.given(subnet, "gateway_ip") else addressing.first_address(cidr)
    if gateway.version == cidr.version == 6 and gateway.is_link_local:  # noqa: PLR2004 - the number in IPv6
        return gateway
    if gateway not in cidr:
        yield Fault(at, f"{gateway} is outside its subnet {cidr}", f"Choose an address of {cidr}, or say no_gateway: true")
        return None
    if gateway == cidr.network_address or addresses.is_broadcast(gateway, cidr):
        yield Fault(
            at, f"{gateway} is not the address of a host in {cidr}; Neutron answers 400 InvalidInput", "Choose another address"
        )
        return None
    return gateway


def _pools(path: str, subnet: Mapping[str, object], cidr: Network, gateway: Address | None) -> Iterator[Fault]:
    if not known.given(subnet, "allocation_pools"):
        return
    pools: list[tuple[str, Address, Address]] = []
    if not known.items(subnet, "allocation_pools"):
        yield Fault(key_path(path, "allocation_pools"), "the list is empty", "Leave it out for the default")
    for position, pool in enumerate(known.items(subnet, "allocation_pools")):
        if not isinstance(pool, Mapping):
            continue
        at = key_path(path, "allocation_pools", position)
        start = yield from addresses.address(at, pool, "start")
        end = yield from addresses.address(at, pool, "end")
        if start is None or end is None:
            continue
        outside = next((each for each in (start, end) if not _is_host(each, cidr)), None)
        if outside is not None:
            refusal = "OutOfBoundsAllocationPool" if outside.version == cidr.version else "InvalidAllocationPool"
            yield Fault(
                at,
                f"{outside} is not the address of a host in {cidr}; Neutron answers 400 {refusal}",
                f"Stay within {addressing.first_address(cidr)} to {addressing.last_address(cidr)}",
            )
        elif int(start) > int(end):
            yield Fault(
                at,
                f"it begins with {start}, after its end {end}; Neutron answers 400 InvalidAllocationPool",
                "Write the lower address as start",
            )
        else:
            pools.append((at, start, end))
    for at, start, end in pools:
        if gateway is not None and gateway in cidr and int(start) <= int(gateway) <= int(end):
            yield Fault(
                at,
                f"it holds the gateway {gateway}; Neutron answers 409 GatewayConflictWithAllocationPools",
                f"Leave {gateway} out of the pools",
            )
    for (first_at, first_start, first_end), (at, start, end) in combinations(pools, 2):
        if int(first_start) <= int(end) and int(start) <= int(first_end):
            yield Fault(at, f"it overlaps {first_at}; Neutron answers 409 OverlappingAllocationPools", "Make the two one")


def _is_host(each: Address, cidr: Network) -> bool:
    return each in cidr and each != cidr.network_address and not addresses.is_broadcast(each, cidr)


def _nameservers(path: str, subnet: Mapping[str, object]) -> Iterator[Fault]:
    seen: set[Address] = set()
    for position, value in enumerate(known.items(subnet, "dns_nameservers")):
        if not isinstance(value, str):
            continue
        at = key_path(path, "dns_nameservers", position)
        server = yield from addresses.address_of(at, value)
        if server in seen:
            yield Fault(at, f"{server} is there already; Neutron answers 400", "Take it out")
        if server is not None:
            seen.add(server)


def _host_routes(path: str, subnet: Mapping[str, object], cidr: Network) -> Iterator[Fault]:
    seen: dict[Network, str] = {}
    for key, route in known.mappings(subnet, "host_routes").items():
        at = key_path(path, "host_routes", key)
        next_hop = yield from addresses.address(at, route, "next_hop")
        if next_hop is not None and next_hop not in cidr:
            yield Fault(
                key_path(at, "next_hop"),
                f"{next_hop} is outside the subnet {cidr}, and guests could not reach it",
                f"Choose an address of {cidr}",
            )
        value = known.text(route, "destination_cidr")
        destination = None if value is None else (yield from addresses.network_of(key_path(at, "destination_cidr"), value))
        if destination is None:
            continue
        if destination.version != cidr.version:
            yield Fault(
                key_path(at, "destination_cidr"),
                f"{destination} is not of the family of {cidr}",
                "Put the route on a subnet of its own family",
            )
        elif destination.prefixlen == 0:
            yield Fault(
                key_path(at, "destination_cidr"), f"{destination} is a default route", "Write its next hop as gateway_ip instead"
            )
        elif destination in seen:
            yield Fault(
                key_path(at, "destination_cidr"), f"{destination} is also that of {seen[destination]}", "Keep one of the two"
            )
        seen.setdefault(destination, key_path(path, "host_routes", key))


def _ipv6_modes(path: str, subnet: Mapping[str, object], cidr: Network) -> Iterator[Fault]:
    given = [key for key in ("ipv6_ra_mode", "ipv6_address_mode") if known.text(subnet, key) is not None]
    if not given:
        return
    at = key_path(path, given[0])
    modes = {known.text(subnet, key) for key in given}
    if cidr.version != 6:  # noqa: PLR2004 - the number in IPv6
        yield Fault(at, f"{cidr} is not an IPv6 subnet; Neutron answers 400", "Take the mode out")
        return
    wrong = [fault for key in given for fault in names.one_of(path, subnet, key, IPV6_MODES)]
    if wrong:
        yield from wrong
    elif len(modes) > 1:
        yield Fault(at, "it differs from ipv6_address_mode; Neutron answers 400", "Give one of the two; the other follows")
    elif not facts.enable_dhcp(subnet):
        yield Fault(at, "DHCP is off; Neutron answers 400", "Say enable_dhcp: true, or take the mode out")
    elif cidr.prefixlen != SLAAC_PREFIX and modes & {*AUTOMATIC}:
        yield Fault(
            at,
            f"guests make their own addresses in a /{SLAAC_PREFIX} only, and {cidr} is none; Neutron answers 400",
            f"Use a /{SLAAC_PREFIX}, or dhcpv6-stateful",
        )


def _overlaps(path: str, subnets: Mapping[str, Mapping[str, object]]) -> Iterator[Fault]:
    cidrs = [(key, cidr) for key, subnet in subnets.items() if (cidr := facts.cidr_of(subnet)) is not None]
    for (first_key, first), (key, cidr) in combinations(cidrs, 2):
        if first.version == cidr.version and first.overlaps(cidr):
            yield Fault(
                key_path(path, "subnets", key, "cidr"),
                f"{cidr} overlaps {first} of {key_path(path, 'subnets', first_key)}; Neutron answers 400",
                "Choose ranges apart from each other",
            )


def _router(path: str, network: Mapping[str, object]) -> Iterator[Fault]:
    at = key_path(path, "router")
    yield from names.text_faults(at, known.mapping(network, "router"), "name", "external_network")
    subnets = known.mappings(network, "subnets").values()
    if subnets and not known.given(network, "existing") and all(known.flag(each, "no_gateway") for each in subnets):
        yield Fault(
            at,
            "no subnet has a gateway for it to be; Neutron answers 400",
            "Give a subnet a gateway, or take the router out",
        )


def _existing(path: str, network: Mapping[str, object]) -> Iterator[Fault]:
    at = key_path(path, "existing")
    existing = known.mapping(network, "existing")
    if known.given(existing, "id") == known.given(existing, "name"):
        yield Fault(at, "one of id and name says which network it is, and not both", "Give the id, or the name")
    yield from names.id_faults(at, existing, "id")
    yield from names.text_faults(at, existing, "name")
    yield from _creation_only(path, network, CREATION_ONLY)
    yield from _creation_only(key_path(path, "router"), known.mapping(network, "router"), ROUTER_CREATION_ONLY)
    for key, subnet in known.mappings(network, "subnets").items():
        yield from _creation_only(key_path(path, "subnets", key), subnet, SUBNET_CREATION_ONLY)


def _creation_only(path: str, args: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[Fault]:
    for key in keys:
        if known.given(args, key):
            yield Fault(key_path(path, key), "an existing network is used as it is, and this is for one made here", "Take it out")
