"""Rules for a whole stack: its parts one by one, then what they say together."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import capacity, facts, floating_ips, names, ports, references, resource_names, virtual_ips
from multiport.components.checks.facts import NetworkFacts
from multiport.components.checks.networks import check_network
from multiport.components.checks.security_groups import check_security_group, check_server_group
from multiport.components.checks.servers import check_server
from multiport.components.config_error import Fault, key_path, named
from multiport.components.topology import (
    DEFAULT_EXTERNAL_NETWORK,
    PortConfig,
    PrivateNetworkArgs,
    ServerConfig,
    Topology,
)
from multiport.guest.errors import shown


def check_topology(topology: Topology) -> Iterator[Fault]:
    """What is wrong with a configuration whose shape is right."""
    networks = topology.get("networks", {})
    servers = topology.get("servers", {})
    external_network = topology.get("external_network", DEFAULT_EXTERNAL_NETWORK)
    known_networks = {key: facts.of_network(network, key) for key, network in networks.items()}
    yield from names.check_names("", external_network=topology.get("external_network"))
    yield from names.check_keys("networks", networks)
    yield from names.check_keys("security_groups", topology.get("security_groups", {}))
    yield from names.check_keys("server_groups", topology.get("server_groups", {}))
    yield from names.check_keys("servers", servers)
    yield from names.check_keys("virtual_ips", topology.get("virtual_ips", {}))
    sound = []
    for key, network in networks.items():
        faults = list(check_network(key_path("networks", key), network))
        yield from faults
        if not faults:
            sound.append(key)
    for key, group in topology.get("security_groups", {}).items():
        yield from check_security_group(key_path("security_groups", key), group)
    for key, server_group in topology.get("server_groups", {}).items():
        yield from check_server_group(key_path("server_groups", key), server_group)
    for key, server in servers.items():
        at = key_path("servers", key)
        yield from references.check_references(at, server, topology)
        yield from check_server(at, server, _networks_of(server, known_networks), external_network)
    for key, virtual_ip in topology.get("virtual_ips", {}).items():
        at = key_path("virtual_ips", key)
        if virtual_ip["network"] in known_networks:
            yield from references.check_members(at, key, virtual_ip, servers)
            yield from virtual_ips.check_virtual_ip(at, virtual_ip, known_networks[virtual_ip["network"]], external_network)
        else:
            yield names.unknown(key_path(at, "network"), "network of this stack", virtual_ip["network"], networks)
    yield from _adopted_twice(networks)
    yield from ports.check_pins(_pins(topology, known_networks))
    yield from floating_ips.check_adopted_once(_adopted(topology))
    yield from _macs(servers)
    yield from capacity.check_pairs(topology)
    yield from capacity.check_pools(topology, sound)
    yield from resource_names.check_resource_names(topology)


def _ports(servers: Mapping[str, ServerConfig]) -> Iterator[tuple[str, PortConfig]]:
    """All ports, each with its path."""
    for server_key, server in servers.items():
        for key, port in server["ports"].items():
            yield key_path("servers", server_key, "ports", key), port


def _networks_of(server: ServerConfig, networks: Mapping[str, NetworkFacts]) -> dict[str, NetworkFacts]:
    """What is known of each port's network, by the port's key; ports that do not name a network of the stack are left out."""
    found = {key: networks[port["network"]] for key, port in server["ports"].items() if port.get("network") in networks}
    for key, port in server["ports"].items():
        if "network" not in port and "external_network" in port:
            found[key] = facts.external(("external", port["external_network"]))
    return found


def _adopted_twice(networks: Mapping[str, PrivateNetworkArgs]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], str] = {}
    for key, network in networks.items():
        existing = network.get("existing", {})
        for by, name in (("id", existing.get("id")), ("name", existing.get("name"))):
            if isinstance(name, str) and seen.setdefault((by, name), key) != key:
                yield Fault(
                    key_path("networks", key, "existing"),
                    f"{shown(name)} is used already, as the network {named(seen[by, name])}",
                    "Use that key for both, with the subnets of both",
                )


def _pins(topology: Topology, networks: Mapping[str, NetworkFacts]) -> list[ports.Pin]:
    """All addresses that the configuration gives, in its order: ports' own, then virtual ones."""
    pins: list[ports.Pin] = []
    for path, port in _ports(topology.get("servers", {})):
        if port.get("network") in networks:
            pins += ports.pins_of(path, port, networks[port["network"]])
    for key, virtual_ip in topology.get("virtual_ips", {}).items():
        if virtual_ip["network"] in networks:
            pins += virtual_ips.pins_of(key_path("virtual_ips", key), virtual_ip, networks[virtual_ip["network"]])
    return pins


def _adopted(topology: Topology) -> Iterator[tuple[str, str]]:
    for path, port in _ports(topology.get("servers", {})):
        yield from floating_ips.adopted(floating_ips.of_port(path, port))
    for key, virtual_ip in topology.get("virtual_ips", {}).items():
        if "floating_ip" in virtual_ip:
            yield from floating_ips.adopted([(key_path("virtual_ips", key, "floating_ip"), virtual_ip["floating_ip"])])


def _macs(servers: Mapping[str, ServerConfig]) -> Iterator[Fault]:
    """No two servers have the same MAC address on one network; ports of one server have a rule of their own."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for server_key, server in servers.items():
        for key, port in server["ports"].items():
            if "mac_address" not in port or "network" not in port:
                continue
            path = key_path("servers", server_key, "ports", key)
            owner, where = seen.setdefault((port["network"], port["mac_address"]), (server_key, path))
            if owner != server_key:
                yield Fault(
                    key_path(path, "mac_address"),
                    f"{shown(port['mac_address'])} is the MAC address of {where} already; Neutron answers 409 MacAddressInUse",
                    "Give each port its own, or leave it to Neutron",
                )
