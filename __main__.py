"""The stack's configuration, composed into components, exported for people to use."""

import json
from functools import cache, partial
from typing import cast

import pulumi
import pulumi_openstack as openstack
from pulumi.runtime.config import CONFIG, is_config_secret

from multiport.components.address_pairs import AddressPairArgs, AddressPairs, VirtualIpArgs
from multiport.components.checks import load
from multiport.components.commands import server_lines
from multiport.components.floating_ips import FloatingIps
from multiport.components.multi_port_instance import MultiPortInstance, MultiPortInstanceArgs, PortArgs
from multiport.components.network_ref import NetworkRef, external_network
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup
from multiport.components.topology import PortConfig, ServerConfig, Topology
from multiport.components.two_steps import in_stack_file

# Keys of the configuration that name something of this stack; the components get the thing itself.
REFERENCES = {"network", "external_network", "ports", "security_groups", "server_group", "allowed_address_pairs"}


def read_config() -> Topology:
    """This project's configuration keys, as the CLI hands them over: objects as JSON, text as it is."""
    prefix = f"{pulumi.get_project()}:"
    raw: dict[str, object] = {}
    for name, text in CONFIG.get().items():
        if name.startswith(prefix):
            key = name.removeprefix(prefix)
            try:
                raw[key] = json.loads(text) if text.startswith(("{", "[")) else text
            except json.JSONDecodeError:
                raw[key] = text
    return load(raw)


def build(topology: Topology) -> None:
    """Create everything and export what people need."""
    pool = topology.get("external_network", "PUBLICNET")
    networks = {key: PrivateNetwork(key, args) for key, args in topology.get("networks", {}).items()}
    groups = {key: SecurityGroup(key, args).group_id for key, args in topology.get("security_groups", {}).items()}
    server_groups = {
        key: openstack.compute.ServerGroup(key, name=f"{pulumi.get_stack()}-{key}", policies=args["policy"]).id
        for key, args in topology.get("server_groups", {}).items()
    }
    external = cache(external_network)

    def network_of(port: PortConfig) -> NetworkRef:
        return networks[port["network"]].reference if "network" in port else external(port["external_network"])

    pairs: dict[str, dict[str, dict[str, AddressPairArgs]]] = {}
    virtual_ips: dict[str, object] = {}
    servers: dict[str, object] = {}
    for key, virtual_ip in topology.get("virtual_ips", {}).items():
        network = networks[virtual_ip["network"]].reference
        address = virtual_ip["ip_address"]
        reserved: VirtualIpArgs = {
            "subnet": virtual_ip["subnet"],
            "ip_address": address,
            "floating_ip": "floating_ip" in virtual_ip,
        }
        shared = AddressPairs(key, {"network": network, "virtual_ips": {"address": reserved}})
        for server_key, port_key in virtual_ip["members"].items():
            pair = shared.pair("address", holder=virtual_ip.get("holder") == server_key)
            pairs.setdefault(server_key, {}).setdefault(port_key, {})[key] = pair
        virtual_ips[key] = {"ip_address": address}
        if "floating_ip" in virtual_ip:
            target = shared.floating_ip_target("address", {"pool": pool, **virtual_ip["floating_ip"]})
            floating = FloatingIps(key, {"addresses": {"address": target}}).addresses
            virtual_ips[key] = {"ip_address": address, "floating_ip": floating["address"]}

    def port_args(server_key: str, key: str, port: PortConfig) -> PortArgs:
        own = port.get("allowed_address_pairs", {})
        resolved: dict[str, object] = {
            "network": network_of(port),
            "allowed_address_pairs": {**own, **pairs.get(server_key, {}).get(key, {})},
        }
        if "security_groups" in port:
            resolved["security_group_ids"] = [groups[each] for each in port["security_groups"]]
        plain = {field: value for field, value in port.items() if field not in REFERENCES}
        return cast("PortArgs", {**plain, **resolved})

    def instance_args(key: str, server: ServerConfig) -> MultiPortInstanceArgs:
        ports = {port_key: port_args(key, port_key, port) for port_key, port in server["ports"].items()}
        resolved: dict[str, object] = {"ports": ports, "external_network": pool}
        if "security_groups" in server:
            resolved["security_group_ids"] = [groups[each] for each in server["security_groups"]]
        if "server_group" in server:
            resolved["server_group_id"] = server_groups[server["server_group"]]
        plain = {field: value for field, value in server.items() if field not in REFERENCES}
        if is_config_secret(f"{pulumi.get_project()}:servers") and "cloud_config" in server:
            resolved["cloud_config"] = pulumi.Output.secret(
                server["cloud_config"]
            )  # else it would stand in the state in plain text
        return cast("MultiPortInstanceArgs", {**plain, **resolved})

    for key, server in topology.get("servers", {}).items():
        instance = MultiPortInstance(key, instance_args(key, server))
        servers[key] = {
            "id": instance.server_id,
            "ports": instance.ports,
            "user_data_sha256": instance.user_data_sha256,
            "guest_update_pending": instance.guest_update_pending,
            "commands": instance.ports.apply(partial(server_lines, server)),
        }
    pulumi.export("servers", servers)
    pulumi.export("virtual_ips", virtual_ips)


with in_stack_file():
    build(read_config())
