"""Rules for references: each key that a part of the stack names must be there and fit."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import facts, names
from multiport.components.config_error import Fault, key_path, named
from multiport.components.known import known_text
from multiport.components.topology import (
    AddressPairConfig,
    PortConfig,
    SecurityGroupArgs,
    ServerConfig,
    Topology,
    VirtualIpConfig,
)


def check_references(path: str, server: ServerConfig, topology: Topology) -> Iterator[Fault]:
    """The networks and groups that a server and its ports name are there."""
    networks, groups = topology.get("networks", {}), topology.get("security_groups", {})
    if "server_group" in server and server["server_group"] not in topology.get("server_groups", {}):
        yield names.unknown(
            key_path(path, "server_group"),
            "server group of this stack",
            server["server_group"],
            topology.get("server_groups", {}),
        )
    yield from _security_groups(path, server.get("security_groups", []), groups)
    for key, port in server["ports"].items():
        at = key_path(path, "ports", key)
        yield from names.check_names(at, external_network=port.get("external_network"))
        yield from _security_groups(at, port.get("security_groups", []), groups)
        if "network" in port and "external_network" in port:
            yield Fault(at, "network and external_network are two different networks", "Name one of them")
        elif "network" not in port and "external_network" not in port:
            yield Fault(at, "neither network nor external_network says which network it is on", "Name the network")
        elif "network" in port and port["network"] not in networks:
            yield names.unknown(key_path(at, "network"), "network of this stack", port["network"], networks)


def _security_groups(path: str, keys: list[str], groups: Mapping[str, SecurityGroupArgs]) -> Iterator[Fault]:
    at = key_path(path, "security_groups")
    for position, key in enumerate(keys):
        if key not in groups:
            yield names.unknown(key_path(at, position), "security group of this stack", key, groups)
        elif key in keys[:position]:
            yield Fault(key_path(at, position), f"{named(key)} is there already", "Take it out")
    stateful = {groups[key].get("stateful", True) for key in keys if key in groups}
    if len(stateful) > 1:
        yield Fault(
            at, "stateful and stateless groups are mixed; Neutron answers 409 SecurityGroupConflict", "Use groups of one kind"
        )


def check_members(path: str, key: str, virtual_ip: VirtualIpConfig, servers: Mapping[str, ServerConfig]) -> Iterator[Fault]:
    """A virtual address needs member ports on its own network, with port security, to which membership is an exception."""
    at = key_path(path, "members")
    members = virtual_ip["members"]
    if not members:
        yield Fault(at, "it is empty, and no server could use the address", "Name a server and its port")
    for server_key, port_key in members.items():
        where = key_path(at, server_key)
        server = servers.get(server_key)
        if server is None:
            yield names.unknown(where, "server of this stack", server_key, servers)
        elif port_key not in server["ports"]:
            yield names.unknown(where, f"port of the server {named(server_key)}", port_key, server["ports"])
        else:
            yield from _member_port(where, port_key, server["ports"][port_key], key, virtual_ip)
    holder = virtual_ip.get("holder")
    if holder is None:
        return
    if holder not in members:
        yield names.unknown(key_path(path, "holder"), "member", holder, members)
    elif holder in servers and servers[holder].get("return_path") == "none":
        yield Fault(
            key_path(path, "holder"),
            f"return_path of {named(holder)} is none, and nothing in its guest would configure the address",
            "Leave holder out and run keepalived or the like, or take return_path: none out",
        )


def _member_port(path: str, port_key: str, port: PortConfig, key: str, virtual_ip: VirtualIpConfig) -> Iterator[Fault]:
    address = str(facts.read_address(virtual_ip["ip_address"]))
    if port.get("network") != virtual_ip["network"]:
        yield Fault(
            path, f"the port {named(port_key)} is not on the network {named(virtual_ip['network'])}", "Name a port that is"
        )
    elif port.get("port_security_enabled") is False:
        yield Fault(
            path,
            f"port_security_enabled of {named(port_key)} is false; Neutron answers 409 AddressPairAndPortSecurityRequired",
            "Take it out: the pair that membership brings is exception enough",
        )
    elif key in port.get("allowed_address_pairs", {}):
        yield Fault(
            path,
            f"the port {named(port_key)} has a pair of the key {named(key)}, and membership brings one",
            "Rename the pair",
        )
    elif any(address == _host(pair) for pair in port.get("allowed_address_pairs", {}).values()):
        yield Fault(
            path,
            f"the port {named(port_key)} has a pair of its own for {address}",
            "Take the pair out: membership brings one",
        )


def _host(pair: AddressPairConfig) -> str:
    """The pair's address without its mask."""
    return (known_text(pair["ip_address"]) or "").partition("/")[0]
