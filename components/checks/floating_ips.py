"""Rules for floating IPs."""

from collections.abc import Iterable, Iterator, Mapping

from multiport.components.arguments import FloatingIpsArgs
from multiport.components.checks import addresses, facts, names
from multiport.components.checks.facts import NetworkFacts, SubnetFacts
from multiport.components.config_error import Fault, key_path, named
from multiport.components.known import known_text
from multiport.components.topology import FloatingIpArgs, FloatingIpSource, PortOptions
from multiport.guest.errors import shown

NOT_FOUND = "Neutron answers 404 ExternalGatewayForFloatingIPNotFound"


def check_floating_ip(
    path: str, floating_ip: FloatingIpArgs, network: NetworkFacts, subnet: SubnetFacts | None, external_network: str | None
) -> Iterator[Fault]:
    """What is wrong with a floating IP on an address of a subnet.

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
    elif "address" not in floating_ip:
        pool = floating_ip.get("pool") or external_network
        if pool is not None and network.external_network is not None and pool != network.external_network:
            yield Fault(
                path,
                f"it comes from {named(pool)}, but its router leads to {named(network.external_network)}; {NOT_FOUND}",
                f"Name one network in both: pool: {named(network.external_network)} here, or "
                f"external_network: {named(pool)} at the router",
            )


def check_floating_ips(path: str, args: FloatingIpsArgs) -> Iterator[Fault]:
    """What is wrong with the arguments of a FloatingIps component."""
    claimed: list[tuple[str, str]] = []
    targets: dict[tuple[object, str], str] = {}
    for key, entry in args["addresses"].items():
        at = key_path(path, "addresses", key)
        yield from _source(at, entry)
        if "pool" not in entry and "address" not in entry:
            yield Fault(at, "it names neither pool nor address", "Say where it comes from")
        fixed_ip = yield from addresses.read_address(key_path(at, "fixed_ip"), known_text(entry["fixed_ip"]))
        if fixed_ip is not None and fixed_ip.version != 4:  # noqa: PLR2004 - the number in IPv4
            yield Fault(key_path(at, "fixed_ip"), f"{fixed_ip} is IPv6, and floating IPs are IPv4", "Name an IPv4 address")
        # a port whose id is still unknown is told from others by being the same object
        target = (known_text(entry["port_id"]) or id(entry["port_id"]), str(fixed_ip))
        if fixed_ip is not None and targets.setdefault(target, at) != at:
            yield Fault(
                at,
                f"{fixed_ip} carries {targets[target]} already; Neutron answers 409 FloatingIPPortAlreadyAssociated",
                "Keep one of the two",
            )
        claimed += _adopted(at, entry)
    yield from check_adopted_once(claimed)


def of_port(path: str, port: PortOptions) -> Iterator[tuple[str, FloatingIpArgs]]:
    """The floating IPs of a port, each with its path."""
    if "floating_ip" in port:
        yield key_path(path, "floating_ip"), port["floating_ip"]
    for key, fixed_ip in port.get("fixed_ips", {}).items():
        if "floating_ip" in fixed_ip:
            yield key_path(path, "fixed_ips", key, "floating_ip"), fixed_ip["floating_ip"]


def own_keys(path: str, ports: Mapping[str, PortOptions]) -> list[tuple[str, str]]:
    """The keys that a server's floating IPs have of their own, each with its path."""
    return [
        (floating_ip["key"], key_path(at, "key"))
        for port_key, port in ports.items()
        for at, floating_ip in of_port(key_path(path, "ports", port_key), port)
        if "key" in floating_ip
    ]


def check_own_keys(path: str, ports: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """A server's floating IPs have different keys."""
    owners: dict[str, str] = {}
    for own, at in own_keys(path, ports):
        # <port>.<fixed IP>, the default, is what a floating IP that was declared without a key is moved by
        parts = own.split(".") if own.count(".") == 1 else [own]
        if not all(map(names.KEY.fullmatch, parts)):
            yield from names.check_key(at, own)
        if owners.setdefault(own, at) != at:
            yield Fault(at, f"{shown(own)} is {owners[own]} already", "Give each floating IP its own")


def adopted(floating_ips: Iterable[tuple[str, FloatingIpArgs]]) -> list[tuple[str, str]]:
    """The addresses that floating IPs adopt, each with its path."""
    return [found for path, floating_ip in floating_ips for found in _adopted(path, floating_ip)]


def check_adopted_once(addresses_adopted: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    """A floating IP points to one address."""
    seen: dict[str, str] = {}
    for path, address in addresses_adopted:
        if address in seen:
            yield Fault(path, f"{address} is adopted by {seen[address]} already", "Point it to one address only")
        seen.setdefault(address, path)


def _adopted(path: str, floating_ip: FloatingIpSource) -> list[tuple[str, str]]:
    address = facts.read_address(known_text(floating_ip.get("address")))
    return [] if address is None else [(key_path(path, "address"), str(address))]


def _source(path: str, floating_ip: FloatingIpSource) -> Iterator[Fault]:
    yield from names.check_names(path, pool=floating_ip.get("pool"))
    if "pool" in floating_ip and "address" in floating_ip:
        yield Fault(path, "pool allocates a floating IP, and address adopts one", "Take out one of the two")
    at = key_path(path, "address")
    address = yield from addresses.read_address(at, known_text(floating_ip.get("address")))
    if address is not None and address.version != 4:  # noqa: PLR2004 - the number in IPv4
        yield Fault(at, f"{address} is IPv6, and floating IPs are IPv4", "Name an IPv4 address")
