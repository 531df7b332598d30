"""Rules for a private network, its subnets and its router."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from itertools import combinations

from multiport.components import addressing
from multiport.components.addressing import Address, Network
from multiport.components.checks import addresses, facts, names
from multiport.components.checks.facts import AUTOMATIC
from multiport.components.config_error import Fault, key_path
from multiport.components.known import known_text
from multiport.components.topology import AllocationPoolArgs, HostRouteArgs, PrivateNetworkArgs, RouterArgs, SubnetArgs
from multiport.guest.errors import shown
from multiport.guest.program.numbers import MTU_MAX, MTU_MIN

# IPv6's least MTU (RFC 8200).
LEAST_IPV6_MTU = 1280
IPV6_MODES = (*AUTOMATIC, "dhcpv6-stateful")
MODE_KEYS = ("ipv6_ra_mode", "ipv6_address_mode")
# SLAAC builds an address of 64 bits of prefix and 64 of its own.
SLAAC_PREFIX = 64
# What makes sense for a network that is created here, and not for one of another owner, nothing of which is changed.
CREATION_ONLY = ("name", "mtu", "port_security_enabled", "protect")
SUBNET_CREATION_ONLY = tuple(key for key in SubnetArgs.__annotations__ if key != "cidr")
ROUTER_CREATION_ONLY = ("name", "enable_snat")


def check_network(path: str, network: PrivateNetworkArgs) -> Iterator[Fault]:
    """What is wrong with a private network."""
    subnets_at = key_path(path, "subnets")
    if not network["subnets"]:
        yield Fault(subnets_at, "it is empty, and a port would get no address", "Give the network a subnet")
    yield from names.check_keys(subnets_at, network["subnets"])
    yield from names.check_names(path, name=network.get("name"))
    yield from _mtu(path, network)
    for key, subnet in network["subnets"].items():
        at = key_path(subnets_at, key)
        if "existing" in network:
            yield from addresses.read_subnet_cidr(key_path(at, "cidr"), subnet["cidr"])
        else:
            yield from _subnet(at, subnet)
    yield from _overlaps(path, network["subnets"])
    if "router" in network:
        yield from _router(key_path(path, "router"), network["router"], network)
    if "existing" in network:
        yield from _existing(path, network)


def _mtu(path: str, network: PrivateNetworkArgs) -> Iterator[Fault]:
    mtu = network.get("mtu")
    if mtu is None:
        return
    at = key_path(path, "mtu")
    subnets = facts.of_network(network).subnets.values()
    ipv6 = any(subnet is not None and subnet.cidr.version == 6 for subnet in subnets)  # noqa: PLR2004 - the number in IPv6
    if not MTU_MIN <= mtu <= MTU_MAX:
        yield Fault(
            at,
            f"{shown(mtu)} is outside {MTU_MIN} to {MTU_MAX}",
            "Leave mtu out for the cloud's own, which is never too big",
        )
    elif ipv6 and mtu < LEAST_IPV6_MTU:
        yield Fault(at, f"{mtu} is less than IPv6 needs", f"Use at least {LEAST_IPV6_MTU}, or leave mtu out")


def _subnet(path: str, subnet: SubnetArgs) -> Iterator[Fault]:
    yield from names.check_names(path, name=subnet.get("name"))
    cidr = yield from addresses.read_subnet_cidr(key_path(path, "cidr"), subnet["cidr"])
    yield from _nameservers(key_path(path, "dns_nameservers"), subnet.get("dns_nameservers", []))
    yield from names.check_keys(key_path(path, "host_routes"), subnet.get("host_routes", {}))
    if cidr is None:
        return
    gateway = yield from _gateway(path, subnet, cidr)
    if "allocation_pools" in subnet:
        yield from _pools(key_path(path, "allocation_pools"), subnet["allocation_pools"], cidr, gateway)
    yield from _host_routes(key_path(path, "host_routes"), subnet.get("host_routes", {}), cidr)
    yield from _ipv6_modes(path, subnet, cidr)


def _gateway(path: str, subnet: SubnetArgs, cidr: Network) -> Generator[Fault, None, Address | None]:
    """Check the gateway. Returns the address that it will have, None without one."""
    at = key_path(path, "gateway_ip")
    no_gateway = subnet.get("no_gateway", False)
    if no_gateway and "gateway_ip" in subnet:
        yield Fault(at, "no_gateway is true as well", "Take out one of the two")
        return None
    gateway = yield from addresses.read_address(at, subnet.get("gateway_ip"))
    if gateway is None:
        return None if no_gateway or "gateway_ip" in subnet else addressing.first_address(cidr)
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


def _pools(path: str, given: Sequence[AllocationPoolArgs], cidr: Network, gateway: Address | None) -> Iterator[Fault]:
    pools: list[tuple[str, Address, Address]] = []
    if not given:
        yield Fault(path, "the list is empty", "Leave it out for the default")
    for position, pool in enumerate(given):
        at = key_path(path, position)
        start = yield from addresses.read_address(key_path(at, "start"), pool["start"])
        end = yield from addresses.read_address(key_path(at, "end"), pool["end"])
        if start is None or end is None:
            continue
        outside = next((address for address in (start, end) if not _is_host(address, cidr)), None)
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


def _is_host(address: Address, cidr: Network) -> bool:
    return address in cidr and address != cidr.network_address and not addresses.is_broadcast(address, cidr)


def _nameservers(path: str, nameservers: Sequence[str]) -> Iterator[Fault]:
    seen: set[Address] = set()
    for position, value in enumerate(nameservers):
        at = key_path(path, position)
        server = yield from addresses.read_address(at, value)
        if server in seen:
            yield Fault(at, f"{server} is there already; Neutron answers 400", "Take it out")
        if server is not None:
            seen.add(server)


def _host_routes(path: str, routes: Mapping[str, HostRouteArgs], cidr: Network) -> Iterator[Fault]:
    seen: dict[Network, str] = {}
    for key, route in routes.items():
        at = key_path(path, key)
        next_hop = yield from addresses.read_address(key_path(at, "next_hop"), route["next_hop"])
        if next_hop is not None and next_hop not in cidr:
            yield Fault(
                key_path(at, "next_hop"),
                f"{next_hop} is outside the subnet {cidr}, and guests could not reach it",
                f"Choose an address of {cidr}",
            )
        destination = yield from addresses.read_network(key_path(at, "destination_cidr"), route["destination_cidr"])
        if destination is None:
            continue
        if destination.version != cidr.version:
            yield Fault(
                key_path(at, "destination_cidr"),
                f"{destination} is not of the same family as {cidr}",
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
        seen.setdefault(destination, at)


def _ipv6_modes(path: str, subnet: SubnetArgs, cidr: Network) -> Iterator[Fault]:
    modes = dict(zip(MODE_KEYS, (subnet.get("ipv6_ra_mode"), subnet.get("ipv6_address_mode")), strict=True))
    given = {key: mode for key, mode in modes.items() if mode is not None}
    if not given:
        return
    at = key_path(path, next(iter(given)))
    if cidr.version != 6:  # noqa: PLR2004 - the number in IPv6
        yield Fault(at, f"{cidr} is not an IPv6 subnet; Neutron answers 400", "Take the mode out")
        return
    wrong = [fault for key, mode in given.items() for fault in names.check_word(key_path(path, key), mode, IPV6_MODES)]
    if wrong:
        yield from wrong
    elif len({*given.values()}) > 1:
        yield Fault(at, "it differs from ipv6_address_mode; Neutron answers 400", "Give one of the two; the other follows")
    elif not addressing.enable_dhcp(subnet):
        yield Fault(at, "DHCP is off; Neutron answers 400", "Say enable_dhcp: true, or take the mode out")
    elif cidr.prefixlen != SLAAC_PREFIX and {*given.values()} & {*AUTOMATIC}:
        yield Fault(
            at,
            f"guests make their own addresses in a /{SLAAC_PREFIX} only, and {cidr} is not one; Neutron answers 400",
            f"Use a /{SLAAC_PREFIX}, or dhcpv6-stateful",
        )


def _overlaps(path: str, subnets: Mapping[str, SubnetArgs]) -> Iterator[Fault]:
    cidrs = [(key, cidr) for key, subnet in subnets.items() if (cidr := facts.cidr_of(subnet)) is not None]
    for (first_key, first), (key, cidr) in combinations(cidrs, 2):
        if first.version == cidr.version and first.overlaps(cidr):
            yield Fault(
                key_path(path, "subnets", key, "cidr"),
                f"{cidr} overlaps {first} of {key_path(path, 'subnets', first_key)}; Neutron answers 400",
                "Choose ranges apart from each other",
            )


def _router(path: str, router: RouterArgs, network: PrivateNetworkArgs) -> Iterator[Fault]:
    yield from names.check_names(path, name=router.get("name"), external_network=router["external_network"])
    subnets = network["subnets"].values()
    if subnets and "existing" not in network and all(subnet.get("no_gateway", False) for subnet in subnets):
        yield Fault(
            path,
            "the router needs a subnet with a gateway; Neutron answers 400",
            "Give a subnet a gateway, or take the router out",
        )


def _existing(path: str, network: PrivateNetworkArgs) -> Iterator[Fault]:
    at = key_path(path, "existing")
    existing = network["existing"]
    if ("id" in existing) == ("name" in existing):
        yield Fault(at, "one of id and name says which network it is, and not both", "Give the id, or the name")
    yield from names.check_id(key_path(at, "id"), known_text(existing.get("id")))
    yield from names.check_names(at, name=existing.get("name"))
    yield from _creation_only(path, network, CREATION_ONLY)
    yield from _creation_only(key_path(path, "router"), network.get("router", {}), ROUTER_CREATION_ONLY)
    for key, subnet in network["subnets"].items():
        yield from _creation_only(key_path(path, "subnets", key), subnet, SUBNET_CREATION_ONLY)


def _creation_only(path: str, given: Collection[str], keys: Sequence[str]) -> Iterator[Fault]:
    for key in keys:
        if key in given:
            yield Fault(
                key_path(path, key),
                "an existing network is used as it is",
                "Take it out",
            )
