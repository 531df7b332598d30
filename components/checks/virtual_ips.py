"""Rules for virtual addresses."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import addresses, facts, floating_ips, known, names, ports
from multiport.components.checks.facts import NetworkFacts
from multiport.components.config_error import Fault, key_path


def virtual_ip_faults(
    path: str, virtual_ip: Mapping[str, object], network: NetworkFacts, external_network: str | None = None
) -> Iterator[Fault]:
    """What is wrong with a virtual address: its place in the network, its floating IP.

    Args:
        path: Where it stands.
        virtual_ip: A `VirtualIpConfig`, or a component's `VirtualIpArgs`.
        network: What is known of its network.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    name = known.text(virtual_ip, "subnet")
    if name is not None and name not in network.subnets:
        yield names.unknown(key_path(path, "subnet"), "subnet of its network", name, network.subnets)
    subnet = network.subnets.get(name or "")
    address = yield from addresses.address(path, virtual_ip, "ip_address")
    if address is not None and subnet is not None:
        yield from addresses.host_faults(key_path(path, "ip_address"), address, subnet)
    if known.given(virtual_ip, "floating_ip") and known.flag(virtual_ip, "floating_ip") is not False:
        floating_ip = known.mapping(virtual_ip, "floating_ip")
        yield from floating_ips.floating_ip_faults(key_path(path, "floating_ip"), floating_ip, network, subnet, external_network)


def address_pairs_faults(path: str, args: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with an `AddressPairsArgs`."""
    network = facts.of_reference(known.mapping(args, "network"))
    if not network.owned:
        yield Fault(
            key_path(path, "network"),
            "on an external network a tenant may not choose an address; Neutron answers 403",
            "Use a network of the project's own",
        )
        return
    yield from names.key_faults(path, args, "virtual_ips")
    pins: list[ports.Pin] = []
    for key, virtual_ip in known.mappings(args, "virtual_ips").items():
        at = key_path(path, "virtual_ips", key)
        yield from virtual_ip_faults(at, virtual_ip, network)
        pins += pin(at, virtual_ip, network)
    yield from ports.pin_faults(pins)


def pin(path: str, virtual_ip: Mapping[str, object], network: NetworkFacts) -> list[ports.Pin]:
    """The virtual address as an address of the network."""
    address = facts.read_address(known.text(virtual_ip, "ip_address"))
    return [] if address is None else [ports.Pin(key_path(path, "ip_address"), network.identity, address)]
