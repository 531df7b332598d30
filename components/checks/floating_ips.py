"""Rules for floating IPs."""

from collections.abc import Iterable, Iterator, Mapping

from multiport.components.checks import addresses, facts, known, names
from multiport.components.checks.facts import NetworkFacts, SubnetFacts
from multiport.components.config_error import Fault, key_path, named, shown

NOT_FOUND = "Neutron answers 404 ExternalGatewayForFloatingIPNotFound"


def floating_ip_faults(
    path: str, floating_ip: Mapping[str, object], network: NetworkFacts, subnet: SubnetFacts | None, external_network: str | None
) -> Iterator[Fault]:
    """What is wrong with a `FloatingIpArgs` on an address of a subnet.

    Args:
        path: Where it stands.
        floating_ip: The floating IP.
        network: The address's network.
        subnet: The address's subnet; None: not known.
        external_network: The pool that it comes from if it names none; None: not known.
    """
    yield from _source(path, floating_ip)
    if not network.routed:
        yield Fault(path, f"its network has no router to an external network; {NOT_FOUND}", "Give the network a router")
    elif subnet is not None and subnet.cidr.version != 4:  # noqa: PLR2004 - the number in IPv4
        yield Fault(path, f"{subnet.cidr} is IPv6, and floating IPs are IPv4; Neutron answers 400", "Put it on an IPv4 address")
    elif subnet is not None and subnet.no_gateway:
        yield Fault(path, f"{subnet.cidr} has no gateway, so no router leads to it; {NOT_FOUND}", "Use a subnet with a gateway")
    elif not known.given(floating_ip, "address"):
        pool = known.text(floating_ip, "pool") or external_network
        if pool is not None and network.external_network is not None and pool != network.external_network:
            yield Fault(
                path,
                f"it comes from {named(pool)}, but its router leads to {named(network.external_network)}; {NOT_FOUND}",
                f"Name one network in both: pool: {named(network.external_network)} here, or "
                f"external_network: {named(pool)} at the router",
            )


def floating_ips_faults(path: str, args: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with a `FloatingIpsArgs`."""
    claimed: list[tuple[str, str]] = []
    targets: dict[tuple[object, str], str] = {}
    for key, entry in known.mappings(args, "addresses").items():
        at = key_path(path, "addresses", key)
        yield from _source(at, entry)
        if not known.given(entry, "pool") and not known.given(entry, "address"):
            yield Fault(at, "it names neither pool nor address", "Say where it comes from")
        fixed_ip = yield from addresses.address(at, entry, "fixed_ip")
        if fixed_ip is not None and fixed_ip.version != 4:  # noqa: PLR2004 - the number in IPv4
            yield Fault(key_path(at, "fixed_ip"), f"{fixed_ip} is IPv6, and floating IPs are IPv4", "Name an IPv4 address")
        target = (known.text(entry, "port_id") or id(entry.get("port_id")), str(fixed_ip))
        if fixed_ip is not None and targets.setdefault(target, at) != at:
            yield Fault(
                at,
                f"{fixed_ip} has that of {targets[target]} already; Neutron answers 409 FloatingIPPortAlreadyAssociated",
                "Keep one of the two",
            )
        claimed += _adopted(at, entry)
    yield from adopted_faults(claimed)


def own_keys(path: str, server: Mapping[str, object]) -> list[tuple[str, str]]:
    """The keys that a server's floating IPs have of their own, each with its path."""
    holders = []
    for key, port in known.mappings(server, "ports").items():
        at = key_path(path, "ports", key)
        holders.append((at, port))
        holders += [(key_path(at, "fixed_ips", each), one) for each, one in known.mappings(port, "fixed_ips").items()]
    return [
        (own, key_path(at, "floating_ip", "key"))
        for at, holder in holders
        if (own := known.text(known.mapping(holder, "floating_ip"), "key")) is not None
    ]


def own_key_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """A server's floating IPs have different keys."""
    owners: dict[str, str] = {}
    for own, at in own_keys(path, server):
        # the default key of a floating IP, <port>.<fixed IP>, moves it from where it was declared without a key
        parts = own.split(".") if own.count(".") == 1 else [own]
        if not all(map(names.KEY.fullmatch, parts)):
            yield from names.one_key_faults(at, own)
        if owners.setdefault(own, at) != at:
            yield Fault(at, f"{shown(own)} is {owners[own]} already", "Give each floating IP its own")


def adopted(path: str, args: Mapping[str, object]) -> list[tuple[str, str]]:
    """Adopted addresses of a port's or virtual address's floating IPs, each with its path."""
    own = known.mapping(args, "floating_ip")
    found = _adopted(key_path(path, "floating_ip"), own)
    for key, fixed_ip in known.mappings(args, "fixed_ips").items():
        found += _adopted(key_path(path, "fixed_ips", key, "floating_ip"), known.mapping(fixed_ip, "floating_ip"))
    return found


def adopted_faults(addresses_adopted: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    """A floating IP points to one address."""
    seen: dict[str, str] = {}
    for path, address in addresses_adopted:
        if address in seen:
            yield Fault(path, f"{address} is adopted by {seen[address]} already", "Point it to one address only")
        seen.setdefault(address, path)


def _adopted(path: str, floating_ip: Mapping[str, object]) -> list[tuple[str, str]]:
    address = facts.read_address(known.text(floating_ip, "address"))
    return [] if address is None else [(key_path(path, "address"), str(address))]


def _source(path: str, floating_ip: Mapping[str, object]) -> Iterator[Fault]:
    yield from names.text_faults(path, floating_ip, "pool")
    if known.given(floating_ip, "pool") and known.given(floating_ip, "address"):
        yield Fault(path, "pool allocates a floating IP, and address adopts one", "Take out one of the two")
    address = yield from addresses.address(path, floating_ip, "address")
    if address is not None and address.version != 4:  # noqa: PLR2004 - the number in IPv4
        yield Fault(key_path(path, "address"), f"{address} is IPv6, and floating IPs are IPv4", "Name an IPv4 address")
