"""Rules for virtual addresses."""

from collections.abc import Iterator

from multiport.components.arguments import AddressPairsArgs
from multiport.components.checks import addresses, facts, floating_ips, names, ports
from multiport.components.checks.facts import NetworkFacts
from multiport.components.config_error import Fault, key_path
from multiport.components.topology import VirtualIpConfig, VirtualIpOptions


def check_virtual_ip(
    path: str, virtual_ip: VirtualIpConfig, network: NetworkFacts, external_network: str | None = None
) -> Iterator[Fault]:
    """What is wrong with a virtual address of a stack: its place in the network, its floating IP.

    Args:
        path: Where it stands.
        virtual_ip: The virtual address.
        network: What is known of its network.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    yield from _place(path, virtual_ip, network)
    if "floating_ip" in virtual_ip:
        subnet = network.subnets.get(virtual_ip["subnet"])
        at = key_path(path, "floating_ip")
        yield from floating_ips.check_floating_ip(at, virtual_ip["floating_ip"], network, subnet, external_network)


def check_address_pairs(path: str, args: AddressPairsArgs) -> Iterator[Fault]:
    """What is wrong with the arguments of an AddressPairs component."""
    network = facts.of_reference(args["network"])
    if not network.owned:
        yield Fault(
            key_path(path, "network"),
            "on an external network a tenant may not choose an address; Neutron answers 403",
            "Use a network of the project's own",
        )
        return
    at = key_path(path, "virtual_ips")
    yield from names.check_keys(at, args["virtual_ips"])
    for key, virtual_ip in args["virtual_ips"].items():
        yield from _place(key_path(at, key), virtual_ip, network)
        if virtual_ip.get("floating_ip", False):
            subnet = network.subnets.get(virtual_ip["subnet"])
            yield from floating_ips.check_floating_ip(key_path(at, key, "floating_ip"), {}, network, subnet, None)
    yield from ports.check_pins(
        pin for key, virtual_ip in args["virtual_ips"].items() for pin in pins_of(key_path(at, key), virtual_ip, network)
    )


def pins_of(path: str, virtual_ip: VirtualIpOptions, network: NetworkFacts) -> list[ports.Pin]:
    """The virtual address as an address of the network."""
    address = facts.read_address(virtual_ip["ip_address"])
    return [] if address is None else [ports.Pin(key_path(path, "ip_address"), network.identity, address)]


def _place(path: str, virtual_ip: VirtualIpOptions, network: NetworkFacts) -> Iterator[Fault]:
    name = virtual_ip["subnet"]
    if name not in network.subnets:
        yield names.unknown(key_path(path, "subnet"), "subnet of its network", name, network.subnets)
    subnet = network.subnets.get(name)
    address = yield from addresses.read_address(key_path(path, "ip_address"), virtual_ip["ip_address"])
    if address is not None and subnet is not None:
        yield from addresses.check_host(key_path(path, "ip_address"), address, subnet)
