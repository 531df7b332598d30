"""Defaults and selection of addresses: what a subnet has where its configuration says nothing, and which address is which.

Plain data in, plain data out. The configuration is taken to have passed `checks`.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from multiport.components.topology import AllocationPoolArgs, FixedIpArgs, FloatingIpArgs, PortOptions, SubnetArgs

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_IPV6_MODE = "dhcpv6-stateful"


def ip_version(cidr: str) -> int:
    """4 or 6, of a network or an address."""
    return 6 if ":" in cidr else 4


def gateway_ip(subnet: SubnetArgs) -> str | None:
    """The gateway's address: the one given, else the subnet's first; None with no_gateway."""
    if subnet.get("no_gateway", False):
        return None
    return subnet.get("gateway_ip") or str(first_address(ip_network(subnet["cidr"])))


def enable_dhcp(subnet: SubnetArgs) -> bool:
    """Whether Neutron answers DHCP: as given, else with a gateway and not without one."""
    return subnet.get("enable_dhcp", not subnet.get("no_gateway", False))


def ipv6_modes(subnet: SubnetArgs) -> tuple[str | None, str | None]:
    """ipv6_ra_mode and ipv6_address_mode: as given, each defaulting to the other; None for IPv4 and without DHCP.

    Neutron refuses two different modes, so one that is given decides both.
    """
    if ip_version(subnet["cidr"]) == 4 or not enable_dhcp(subnet):  # noqa: PLR2004 - the number in IPv4
        return None, None
    ra_mode, address_mode = subnet.get("ipv6_ra_mode"), subnet.get("ipv6_address_mode")
    return ra_mode or address_mode or DEFAULT_IPV6_MODE, address_mode or ra_mode or DEFAULT_IPV6_MODE


def allocation_pools(subnet: SubnetArgs) -> list[AllocationPoolArgs]:
    """The ranges that Neutron may choose from: as given, else every host address but the first and the gateway.

    Neutron's own default for a subnet without a gateway begins with the first address, and a gateway can then never be
    added (measured: 409 GatewayConflictWithAllocationPools).
    """
    given = subnet.get("allocation_pools")
    if given is not None:
        return given
    network = ip_network(subnet["cidr"])
    gateway = gateway_ip(subnet)
    free = _ranges_without(
        int(first_address(network)) + 1, int(last_address(network)), None if gateway is None else int(ip_address(gateway))
    )
    kind = type(network.network_address)
    return [{"start": str(kind(start)), "end": str(kind(end))} for start, end in free]


def first_address(network: Network) -> Address:
    """The first address that a host can have: the one after the network's own."""
    return network.network_address + 1


def last_address(network: Network) -> Address:
    """The last address that a host can have: in IPv4 the one before the broadcast address."""
    return network.broadcast_address - 1 if isinstance(network, IPv4Network) else network.broadcast_address


def fixed_ips(port: PortOptions, subnets: Iterable[str]) -> dict[str, FixedIpArgs]:
    """The port's addresses by key: as given, else one that Neutron chooses on each of the network's `subnets`."""
    given = port.get("fixed_ips")
    return {key: {"subnet": key} for key in subnets} if given is None else given


def floating_ips(port: PortOptions, cidrs: Mapping[str, str]) -> dict[str, FloatingIpArgs]:
    """The port's floating IPs by the key of their fixed IP; one given on the port belongs to its only IPv4 address.

    Args:
        port: The port.
        cidrs: The subnets of its network, key to network address.
    """
    addresses = fixed_ips(port, cidrs)
    found = {key: each["floating_ip"] for key, each in addresses.items() if "floating_ip" in each}
    if "floating_ip" in port:
        [only] = (key for key, each in addresses.items() if ip_version(cidrs[each["subnet"]]) == 4)  # noqa: PLR2004
        found[only] = port["floating_ip"]
    return found


def fixed_ip_of(subnet_cidr: str, all_fixed_ips: Iterable[str], pinned: Iterable[str] = ()) -> str | None:
    """The address that Neutron chose on a subnet, or None: not by position, for the API's order is its own (provider fact).

    Args:
        subnet_cidr: The subnet's network address.
        all_fixed_ips: The port's addresses as the API lists them.
        pinned: The port's addresses that the configuration names; none of them was chosen by Neutron.
    """
    network = ip_network(subnet_cidr)
    named = {ip_address(each) for each in pinned}
    chosen = (each for each in map(ip_address, all_fixed_ips) if each in network and each not in named)
    found = next(chosen, None)
    return None if found is None else str(found)


def with_mask(address: str) -> str:
    """The address as a network of one, a CIDR as it is: the form of a pair that OVN takes for permission only (measured)."""
    return address if "/" in address else str(ip_network(address))


def _ranges_without(first: int, last: int, hole: int | None) -> Iterator[tuple[int, int]]:
    """The range without one number: what is left of it on both sides."""
    parts = [(first, last)] if hole is None or not first <= hole <= last else [(first, hole - 1), (hole + 1, last)]
    return ((start, end) for start, end in parts if start <= end)
