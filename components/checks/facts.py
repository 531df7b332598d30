"""What the rules for ports need to know about a network: from its configuration, or from the reference that a port is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from multiport.components import addressing
from multiport.components.addressing import Address, Network
from multiport.components.known import known_text
from multiport.components.network_ref import NetworkRef, SubnetRef
from multiport.components.topology import PrivateNetworkArgs, SubnetArgs

# Bits that hosts need at least: two leave a network address, a gateway, a host and a broadcast address.
FEWEST_HOST_BITS = 2
# Modes in which the guest makes its own address from the router's announcement.
AUTOMATIC = ("slaac", "dhcpv6-stateless")


@dataclass(frozen=True, slots=True)
class SubnetFacts:
    """What is known of a subnet."""

    cidr: Network
    """Network address."""
    gateway: Address | None = None
    """The gateway's address; None without one, and where it is not known."""
    no_gateway: bool = False
    """Whether it is known to have no gateway."""
    dhcp: bool | None = None
    """Whether Neutron answers DHCP; None: not known."""
    automatic: bool = False
    """Whether guests make their own addresses (SLAAC)."""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What is known of a network."""

    identity: object
    """Which network it is: facts with equal identities are of the same one."""
    subnets: Mapping[str, SubnetFacts | None]
    """Subnets by key; None for one whose CIDR cannot be read or holds no hosts."""
    routed: bool = False
    """Whether a router leads to an external network."""
    external_network: str | None = None
    """That network's name; None: not known."""
    owned: bool = True
    """False on an external or provider network, where a tenant may set little (measured: 403)."""


def of_network(network: PrivateNetworkArgs, identity: object = None) -> NetworkFacts:
    """Facts of a network of the stack."""
    read = _existing_subnet if "existing" in network else _subnet
    return NetworkFacts(
        identity,
        {key: read(subnet) for key, subnet in network["subnets"].items()},
        routed="router" in network,
        external_network=network["router"]["external_network"] if "router" in network else None,
    )


def external(identity: object) -> NetworkFacts:
    """Facts of an external or provider network that a port is attached to directly."""
    return NetworkFacts(identity, {}, owned=False)


def of_reference(reference: NetworkRef) -> NetworkFacts:
    """Facts of the reference to a network that a component's port is given."""
    # an id that is still unknown identifies by being the same object: references are passed on, not copied
    identity = known_text(reference["id"]) or id(reference["id"])
    if reference.get("external", False):
        return external(identity)
    return NetworkFacts(
        identity,
        {key: _referenced(subnet) for key, subnet in reference.get("subnets", {}).items()},
        routed=reference.get("routed", False),
    )


def cidr_of(subnet: SubnetArgs | SubnetRef) -> Network | None:
    """The subnet's network address, canonical or not; None where it cannot be read or has no room for hosts."""
    network = read_network(subnet["cidr"])
    return None if network is None or network.max_prefixlen - network.prefixlen < FEWEST_HOST_BITS else network


def read_network(value: str | None) -> Network | None:
    """A network address, canonical or not; None where it cannot be read."""
    try:
        return None if value is None else ip_network(value, strict=False)
    except ValueError:
        return None


def read_address(value: str | None) -> Address | None:
    """An address; None where it cannot be read."""
    try:
        return None if value is None else ip_address(value)
    except ValueError:
        return None


def _existing_subnet(subnet: SubnetArgs) -> SubnetFacts | None:
    cidr = cidr_of(subnet)
    return None if cidr is None else SubnetFacts(cidr)


def _referenced(subnet: SubnetRef) -> SubnetFacts | None:
    cidr = cidr_of(subnet)
    if cidr is None:
        return None
    gateway = known_text(subnet.get("gateway_ip"))
    return SubnetFacts(cidr, read_address(gateway), no_gateway="gateway_ip" not in subnet or gateway == "")


def _subnet(subnet: SubnetArgs) -> SubnetFacts | None:
    cidr = cidr_of(subnet)
    if cidr is None:
        return None
    no_gateway, given = subnet.get("no_gateway", False), subnet.get("gateway_ip")
    gateway = None if no_gateway else read_address(given) if given else addressing.first_address(cidr)
    mode = subnet.get("ipv6_address_mode") or subnet.get("ipv6_ra_mode")
    return SubnetFacts(
        cidr,
        gateway,
        no_gateway=no_gateway,
        dhcp=addressing.enable_dhcp(subnet),
        automatic=mode in AUTOMATIC,
    )
