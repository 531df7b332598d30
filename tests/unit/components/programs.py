"""Pieces of programs: networks and servers with little said about them."""

from typing import TYPE_CHECKING, Any, cast

import pulumi

from multiport.components.floating_ips import FloatingIps
from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.network_ref import NetworkRef
from multiport.components.private_network import PrivateNetwork

if TYPE_CHECKING:
    from multiport.components.arguments import FloatingIpsArgs, MultiPortInstanceArgs
    from multiport.components.topology import PrivateNetworkArgs

FRONT: NetworkRef = {
    "id": "net-front",
    "subnets": {"v4": {"id": "subnet 10.60.0.0/24", "cidr": "10.60.0.0/24", "gateway_ip": "10.60.0.1"}},
    "mtu": 1400,
    "routed": True,
}
BACK: NetworkRef = {"id": "net-back", "subnets": {"v4": {"id": "subnet 10.61.0.0/24", "cidr": "10.61.0.0/24"}}}
OUTSIDE: NetworkRef = {"id": "net-outside", "external": True}

SUBNET = "10.60.0.0/24"


def network(key: str = "front", opts: pulumi.ResourceOptions | None = None, /, **args: Any) -> PrivateNetwork:
    """A network with one routed IPv4 subnet, unless said otherwise."""
    whole = {"subnets": {"v4": {"cidr": "192.168.0.0/24"}}, "router": {"external_network": "PUBLICNET"}, **args}
    return PrivateNetwork(
        key, cast("PrivateNetworkArgs", {field: each for field, each in whole.items() if each is not None}), opts
    )


def server(key: str = "web", opts: pulumi.ResourceOptions | None = None, /, **args: Any) -> MultiPortInstance:
    """A server with one port on FRONT, unless said otherwise."""
    whole = {"flavor": "small", "image": "Debian-12", "ports": {"a": {"network": FRONT}}, **args}
    whole = {field: each for field, each in whole.items() if each is not None}
    return MultiPortInstance(key, cast("MultiPortInstanceArgs", whole), opts)


def floating(key: str = "web", opts: pulumi.ResourceOptions | None = None, /, **addresses: Any) -> FloatingIps:
    """Floating IPs by key."""
    return FloatingIps(key, cast("FloatingIpsArgs", {"addresses": addresses}), opts)
