"""Rules for what can run out: pairs of a port, addresses in a subnet's pools."""

from collections import Counter
from collections.abc import Collection, Iterator
from ipaddress import ip_address

from multiport.components import addressing
from multiport.components.addressing import Address
from multiport.components.checks import facts
from multiport.components.checks.ports import MOST_PAIRS
from multiport.components.config_error import Fault, key_path
from multiport.components.topology import Topology


def check_pairs(topology: Topology) -> Iterator[Fault]:
    """A port has few enough pairs; each virtual address that it is a member of is one more."""
    memberships = Counter(
        member for virtual_ip in topology.get("virtual_ips", {}).values() for member in virtual_ip["members"].items()
    )
    for server_key, server in topology.get("servers", {}).items():
        for key, port in server["ports"].items():
            own, shared = len(port.get("allowed_address_pairs", {})), memberships[server_key, key]
            if own <= MOST_PAIRS < own + shared:
                yield Fault(
                    key_path("servers", server_key, "ports", key, "allowed_address_pairs"),
                    f"{own} pairs and {shared} virtual addresses are too many; Neutron answers 400 AllowedAddressPairExhausted",
                    f"Use at most {MOST_PAIRS} together",
                )


def check_pools(topology: Topology, sound: Collection[str]) -> Iterator[Fault]:
    """A subnet's pools have an address for each port that lets Neutron choose and, with DHCP, one for Neutron itself.

    Args:
        topology: The stack.
        sound: Keys of the networks that have no fault of their own; others are not looked at.
    """
    for key in sound:
        network = topology["networks"][key]
        for subnet_key, subnet in network["subnets"].items():
            if "existing" in network or addressing.ipv6_modes(subnet)[1] in facts.AUTOMATIC:
                continue
            given, wanted = _demand(topology, key, subnet_key)
            pools = [(ip_address(pool["start"]), ip_address(pool["end"])) for pool in addressing.allocation_pools(subnet)]
            size = sum(int(end) - int(start) + 1 for start, end in pools)
            named = sum(any(int(start) <= int(address) <= int(end) for start, end in pools) for address in given)
            free = max(0, size - named - addressing.enable_dhcp(subnet))
            if wanted > free:
                yield Fault(
                    key_path("networks", key, "subnets", subnet_key),
                    f"{wanted} addresses are left to Neutron, and its pools have {free} besides those given and DHCP's own;"
                    " it answers 409 IpAddressGenerationFailure",
                    "Widen the pools or the CIDR",
                )


def _demand(topology: Topology, key: str, subnet_key: str) -> tuple[set[Address], int]:
    """The addresses that the configuration gives on a subnet, and the number of those left to Neutron."""
    subnets = topology["networks"][key]["subnets"]
    on_network = [
        port for server in topology.get("servers", {}).values() for port in server["ports"].values() if port.get("network") == key
    ]
    fixed_ips = [fixed_ip for port in on_network for fixed_ip in addressing.fixed_ips(port, subnets).values()]
    asked = [fixed_ip.get("ip_address") for fixed_ip in fixed_ips if fixed_ip["subnet"] == subnet_key]
    virtual = [
        virtual_ip["ip_address"]
        for virtual_ip in topology.get("virtual_ips", {}).values()
        if (virtual_ip["network"], virtual_ip["subnet"]) == (key, subnet_key)
    ]
    given = {facts.read_address(address) for address in [*asked, *virtual]}
    return {address for address in given if address is not None}, asked.count(None)
