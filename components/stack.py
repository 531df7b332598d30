"""A whole stack, built from its topology: the parts of it are declared by key and name each other by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar, cast

import pulumi
import pulumi_openstack as openstack
from typing_extensions import TypedDict

from multiport.components import naming, two_steps
from multiport.components.address_pairs import AddressPairs
from multiport.components.arguments import AddressPairArgs, MultiPortInstanceArgs, PortArgs, VirtualIpArgs
from multiport.components.commands import PortLines, server_lines
from multiport.components.floating_ips import FloatingIps
from multiport.components.instance.outputs import PortState
from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.network_ref import NetworkRef, external_network
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup
from multiport.components.topology import (
    DEFAULT_EXTERNAL_NETWORK,
    PortConfig,
    PortOptions,
    ServerConfig,
    ServerOptions,
    Topology,
    VirtualIpConfig,
)

Args = TypeVar("Args")

ADDRESS = "address"
"""Key of a virtual address among the AddressPairs that are made for it alone."""


class ServerState(TypedDict):
    """What became of a server."""

    id: pulumi.Output[str]
    """The server's id."""
    ports: pulumi.Output[dict[str, PortState]]
    """The server's ports, by your keys."""
    user_data_sha256: pulumi.Output[str]
    """SHA-256 of the user data that is rendered now."""
    guest_update_pending: pulumi.Output[bool]
    """Whether the server runs with older user data than is rendered now."""
    commands: pulumi.Output[dict[str, PortLines]]
    """Commands to try on each port, by your keys."""


class VirtualIpState(TypedDict, total=False):
    """What became of a virtual address."""

    ip_address: str
    """The address that the members share."""
    floating_ip: pulumi.Output[str]
    """The floating IP on it, if there is one."""


class StackState(TypedDict):
    """What became of a stack, for people and for other stacks."""

    servers: dict[str, ServerState]
    """The stack's servers, by your keys."""
    virtual_ips: dict[str, VirtualIpState]
    """The stack's virtual addresses, by your keys."""


@two_steps.in_stack_file()
def build(topology: Topology, opts: pulumi.ResourceOptions | None = None, *, secret_cloud_config: bool = False) -> StackState:
    """Create everything that a topology declares.

    Args:
        topology: The stack, checked by `checks.load`.
        opts: Options of every component and resource at the top, for example the parent or the provider of all of them.
        secret_cloud_config: Whether the servers' cloud-config is kept encrypted in the state.

    Returns:
        What became of it.
    """
    whole = _Stack(topology, opts, secret_cloud_config=secret_cloud_config)
    virtual_ips = {key: whole.virtual_ip(key, virtual_ip) for key, virtual_ip in topology.get("virtual_ips", {}).items()}
    servers = {key: whole.server(key, server) for key, server in topology.get("servers", {}).items()}
    return {"servers": servers, "virtual_ips": virtual_ips}


@dataclass(frozen=True, slots=True)
class _PortOf:
    """A port of a server, by their keys."""

    server: str
    port: str


class _Stack:
    """The parts of a stack that others name by key, and the parts made of them."""

    def __init__(self, topology: Topology, opts: pulumi.ResourceOptions | None, *, secret_cloud_config: bool) -> None:
        self._opts = opts
        self._secret_cloud_config = secret_cloud_config
        self._pool = topology.get("external_network", DEFAULT_EXTERNAL_NETWORK)
        self._networks = {
            key: PrivateNetwork(key, args, self._options()).reference for key, args in topology.get("networks", {}).items()
        }
        self._security_groups = {
            key: SecurityGroup(key, args, self._options()).group_id for key, args in topology.get("security_groups", {}).items()
        }
        self._server_groups = {
            key: openstack.compute.ServerGroup(
                key, name=naming.display_name(key), policies=args["policy"], opts=self._options()
            ).id
            for key, args in topology.get("server_groups", {}).items()
        }
        self._external_network = cache(self._look_up)
        self._virtual_pairs: dict[_PortOf, dict[str, AddressPairArgs]] = {}

    def virtual_ip(self, key: str, virtual_ip: VirtualIpConfig) -> VirtualIpState:
        """Reserve a virtual address, let its members use it, and put its floating IP on it."""
        reserved: VirtualIpArgs = {
            "subnet": virtual_ip["subnet"],
            "ip_address": virtual_ip["ip_address"],
            "floating_ip": "floating_ip" in virtual_ip,
        }
        if "protect" in virtual_ip:
            reserved["protect"] = virtual_ip["protect"]
        pairs = AddressPairs(
            key, {"network": self._networks[virtual_ip["network"]], "virtual_ips": {ADDRESS: reserved}}, self._options()
        )
        for server, port in virtual_ip["members"].items():
            pair = pairs.pair(ADDRESS, holder=virtual_ip.get("holder") == server)
            self._virtual_pairs.setdefault(_PortOf(server, port), {})[key] = pair
        if "floating_ip" not in virtual_ip:
            return {"ip_address": virtual_ip["ip_address"]}
        target = pairs.floating_ip_target(ADDRESS, {"pool": self._pool, **virtual_ip["floating_ip"]})
        floating_ips = FloatingIps(key, {"addresses": {ADDRESS: target}}, self._options())
        return {"ip_address": virtual_ip["ip_address"], "floating_ip": floating_ips.addresses[ADDRESS]}

    def server(self, key: str, server: ServerConfig) -> ServerState:
        """Create a server with its ports; the virtual addresses that it is a member of come first."""
        instance = MultiPortInstance(key, self._instance_args(key, server), self._options())
        return {
            "id": instance.server_id,
            "ports": instance.ports,
            "user_data_sha256": instance.user_data_sha256,
            "guest_update_pending": instance.guest_update_pending,
            "commands": instance.ports.apply(partial(server_lines, server)),
        }

    def _instance_args(self, key: str, server: ServerConfig) -> MultiPortInstanceArgs:
        args = _shared(server, ServerOptions, MultiPortInstanceArgs)
        args["ports"] = {port_key: self._port_args(_PortOf(key, port_key), port) for port_key, port in server["ports"].items()}
        args["external_network"] = self._pool
        if "security_groups" in server:
            args["security_group_ids"] = self._group_ids(server["security_groups"])
        if "server_group" in server:
            args["server_group_id"] = self._server_groups[server["server_group"]]
        if "cloud_config" in server and self._secret_cloud_config:
            args["cloud_config"] = pulumi.Output.secret(server["cloud_config"])  # else the state would hold it in plain text
        return args

    def _port_args(self, port_of: _PortOf, port: PortConfig) -> PortArgs:
        args = _shared(port, PortOptions, PortArgs)
        if "network" in port:
            args["network"] = self._networks[port["network"]]
        else:
            args["network"] = self._external_network(port["external_network"])
        own: dict[str, AddressPairArgs] = {
            key: {"ip_address": pair["ip_address"]} for key, pair in port.get("allowed_address_pairs", {}).items()
        }
        args["allowed_address_pairs"] = {**own, **self._virtual_pairs.get(port_of, {})}
        if "security_groups" in port:
            args["security_group_ids"] = self._group_ids(port["security_groups"])
        return args

    def _group_ids(self, keys: list[str]) -> list[pulumi.Input[str]]:
        return [self._security_groups[key] for key in keys]

    def _look_up(self, name: str) -> NetworkRef:
        given = self._opts
        return external_network(
            name, None if given is None else pulumi.InvokeOptions(parent=given.parent, provider=given.provider)
        )

    def _options(self) -> pulumi.ResourceOptions | None:
        """A copy of the options for one more resource, which may change its own."""
        return None if self._opts is None else pulumi.ResourceOptions.merge(self._opts, None)


def _shared(config: Mapping[str, object], options: type, _args: type[Args]) -> Args:
    """The beginning of a component's arguments: the keys that a stack file and the component share, as the stack file has them.

    Args:
        config: The part of the stack file.
        options: The TypedDict of the keys that are shared.
        _args: The TypedDict of the component's arguments, whose other keys are still to be set.
    """
    return cast("Args", {key: config[key] for key in options.__annotations__ if key in config})
