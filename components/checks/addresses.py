"""Addresses as text: readable, canonical, of the right family and in the right place.

Neutron answers with canonical text, and the provider takes anything else for a change at every update.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from ipaddress import IPv4Network, ip_address, ip_network

from multiport.components.addressing import Address, Network
from multiport.components.checks import known
from multiport.components.checks.facts import FEWEST_HOST_BITS, SubnetFacts
from multiport.components.config_error import Fault, key_path, shown

MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
# Ranges of which no subnet can be: this host, loopback, link-local (metadata), multicast, reserved.
UNUSABLE = tuple(
    ip_network(each) for each in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8")
)


def address(path: str, args: Mapping[str, object], key: str) -> Generator[Fault, None, Address | None]:
    """Read the address under a key. Returns None where it is absent, unknown or faulty."""
    value = known.text(args, key)
    if value is None:
        return None
    return (yield from address_of(key_path(path, key), value))


def address_of(path: str, value: str) -> Generator[Fault, None, Address | None]:
    """Read an address. Returns None where it is faulty."""
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


def network_of(path: str, value: str) -> Generator[Fault, None, Network | None]:
    """Read a network in CIDR notation. Returns None where it is faulty."""
    try:
        read = ip_network(value, strict=False)
    except ValueError:
        yield Fault(path, f"{shown(value)} is not a network", "Write one such as 192.168.10.0/24 or 2001:db8:1::/64")
        return None
    if str(read) != value:
        yield Fault(path, f"{shown(value)} is not a canonical network address", f"Write {read}")
        return None
    return read


def subnet_cidr(path: str, subnet: Mapping[str, object]) -> Generator[Fault, None, Network | None]:
    """Read the CIDR of a subnet: one that hosts can live in. Returns None where it is faulty."""
    value = known.text(subnet, "cidr")
    if value is None:
        return None
    at = key_path(path, "cidr")
    if "/" not in value:
        yield Fault(at, f"{shown(value)} has no prefix length", "Write a network such as 192.168.10.0/24 or 2001:db8:1::/64")
        return None
    cidr = yield from network_of(at, value)
    if cidr is None:
        return None
    if cidr.prefixlen == 0 or any(cidr.version == each.version and cidr.overlaps(each) for each in UNUSABLE):
        yield Fault(at, f"{cidr} holds addresses that no host can have", "Use a private range such as 192.168.10.0/24")
        return None
    longest = cidr.max_prefixlen - FEWEST_HOST_BITS
    if cidr.prefixlen > longest:
        yield Fault(at, f"{cidr} has no room for a gateway and a host", f"Use a prefix of at most {longest} bits")
        return None
    return cidr


def host_faults(path: str, host: Address, subnet: SubnetFacts) -> Iterator[Fault]:
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


def mac_faults(path: str, port: Mapping[str, object]) -> Iterator[Fault]:
    """A MAC address that a NIC can have, written as Neutron writes it."""
    value = known.text(port, "mac_address")
    if value is None:
        return
    at = key_path(path, "mac_address")
    plain = value.lower().replace("-", ":")
    if not MAC.fullmatch(plain):
        yield Fault(at, f"{shown(value)} is not a MAC address", "Write six pairs of hexadecimal digits such as fa:16:3e:00:00:01")
    elif plain != value:
        yield Fault(at, f"{shown(value)} is not written as Neutron writes it", f"Write {plain}")
    elif int(value[:2], 16) & 1 or value == "00:00:00:00:00:00":
        yield Fault(at, f"{value} is a group's or nobody's, not one NIC's", "Use one such as fa:16:3e:00:00:01")
