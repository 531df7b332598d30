"""Addresses as text: readable, canonical, of the right family and in the right place.

Neutron answers with canonical text, and the provider takes anything else for a change at every update.
"""

from collections.abc import Generator, Iterator
from ipaddress import IPv4Network, ip_address, ip_network

from multiport.components.addressing import Address, Network
from multiport.components.checks.facts import FEWEST_HOST_BITS, SubnetFacts
from multiport.components.config_error import Fault
from multiport.guest.errors import shown
from multiport.guest.plan import MAC

# Ranges of which no subnet can be: this host, loopback, link-local (metadata), multicast, reserved.
UNUSABLE = tuple(
    ip_network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8")
)


def read_address(path: str, value: str | None) -> Generator[Fault, None, Address | None]:
    """Check an address and read it. Returns None where it is absent, not known yet or faulty."""
    if value is None:
        return None
    try:
        read = ip_address(value)
    except ValueError:
        yield Fault(path, f"{shown(value)} is not an IP address", "Write one such as 192.168.10.5 or 2001:db8::5")
        return None
    if "%" in value:
        yield Fault(path, f"{shown(value)} names an interface", f"Write {value.partition('%')[0]}")
        return None
    if str(read) != value:
        yield Fault(path, f"{shown(value)} is not written canonically", f"Write {read}")
        return None
    return read


def read_network(path: str, value: str) -> Generator[Fault, None, Network | None]:
    """Check a network in CIDR notation and read it. Returns None where it is faulty."""
    try:
        read = ip_network(value, strict=False)
    except ValueError:
        yield Fault(path, f"{shown(value)} is not a network", "Write one such as 192.168.10.0/24 or 2001:db8:1::/64")
        return None
    if str(read) != value:
        yield Fault(path, f"{shown(value)} is not a canonical network address", f"Write {read}")
        return None
    return read


def read_subnet_cidr(path: str, value: str) -> Generator[Fault, None, Network | None]:
    """Check the CIDR of a subnet, in which hosts must have room, and read it. Returns None where it is faulty."""
    if "/" not in value:
        yield Fault(path, f"{shown(value)} has no prefix length", "Write a network such as 192.168.10.0/24 or 2001:db8:1::/64")
        return None
    cidr = yield from read_network(path, value)
    if cidr is None:
        return None
    if cidr.prefixlen == 0 or any(cidr.version == unusable.version and cidr.overlaps(unusable) for unusable in UNUSABLE):
        yield Fault(path, f"{cidr} holds addresses that no host can have", "Use a private range such as 192.168.10.0/24")
        return None
    longest = cidr.max_prefixlen - FEWEST_HOST_BITS
    if cidr.prefixlen > longest:
        yield Fault(path, f"{cidr} has no room for a gateway and a host", f"Use a prefix of at most {longest} bits")
        return None
    return cidr


def check_host(path: str, host: Address, subnet: SubnetFacts) -> Iterator[Fault]:
    """A host's address lies in its subnet and is neither the subnet's own, its broadcast address nor its gateway."""
    if host not in subnet.cidr:
        yield Fault(
            path,
            f"{host} is outside its subnet {subnet.cidr}; Neutron answers 400 InvalidIpForSubnet",
            f"Choose an address of {subnet.cidr}",
        )
    elif host == subnet.cidr.network_address:
        yield Fault(
            path,
            f"{host} is {subnet.cidr}'s own address; Neutron answers 400 InvalidIpForSubnet",
            "Choose another address",
        )
    elif is_broadcast(host, subnet.cidr):
        yield Fault(
            path,
            f"{host} is {subnet.cidr}'s broadcast address; Neutron answers 400 InvalidIpForSubnet",
            "Choose another address",
        )
    elif host == subnet.gateway:
        yield Fault(path, f"{host} is the gateway of {subnet.cidr}", "Choose another address")
    elif subnet.automatic:
        yield Fault(
            path,
            f"guests of {subnet.cidr} make their own addresses; Neutron answers 400 AllocationOnAutoAddressSubnet",
            "Leave ip_address out, or use dhcpv6-stateful",
        )


def is_broadcast(host: Address, cidr: Network) -> bool:
    """Whether the address is the subnet's broadcast address, which IPv6 does not have."""
    return isinstance(cidr, IPv4Network) and host == cidr.broadcast_address


def check_mac(path: str, value: str | None) -> Iterator[Fault]:
    """A MAC address that a NIC can have, written as Neutron writes it."""
    if value is None:
        return
    plain = value.lower().replace("-", ":")
    if not MAC.fullmatch(plain):
        yield Fault(
            path, f"{shown(value)} is not a MAC address", "Write six pairs of hexadecimal digits such as fa:16:3e:00:00:01"
        )
    elif plain != value:
        yield Fault(path, f"{shown(value)} is not written as Neutron writes it", f"Write {plain}")
    elif int(value[:2], 16) & 1 or value == "00:00:00:00:00:00":
        yield Fault(path, f"{value} is a multicast or all-zero address, which no NIC has", "Use one such as fa:16:3e:00:00:01")
