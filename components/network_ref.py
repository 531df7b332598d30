"""What a port needs to know of the network it stands in: made by PrivateNetwork, or by hand for any other network."""

from typing import NotRequired

import pulumi
from typing_extensions import TypedDict

from multiport.components import lookups


class SubnetRef(TypedDict):
    """A subnet as its ports see it."""

    id: pulumi.Input[str]
    """Id of the subnet. Change: in place."""
    cidr: str
    """Network address of the subnet, for example 192.168.10.0/24. Change: in place."""
    gateway_ip: NotRequired[pulumi.Input[str]]
    """The subnet's gateway; empty or absent without one. Default: none. Change: in place."""
    host_routes: NotRequired[list[str]]
    """Routes that the subnet hands to the guests, each as <destination>,<next hop>. Default: none. Change: in place."""


class NetworkRef(TypedDict):
    """A network as its ports see it."""

    id: pulumi.Input[str]
    """Id of the network. Change: replaces the ports on it, and servers for their boot ports."""
    subnets: NotRequired[dict[str, SubnetRef]]
    """The network's subnets by key. Default: none are known, and Neutron chooses the addresses. Change: in place."""
    mtu: NotRequired[pulumi.Input[int]]
    """MTU of the network in bytes. Default: hot ports are not told any. Change: in place."""
    routed: NotRequired[bool]
    """Whether a router leads to an external network, so that floating IPs can work. Default: false. Change: in place."""
    ready: NotRequired[pulumi.Input[str]]
    """The network id once routes and router interfaces exist; servers and floating IPs wait for it. Default: id.
    Change: in place."""
    external: NotRequired[bool]
    """True for a network that the project does not own: ports then set only what a tenant may set. Default: false.
    Change: in place."""


def external_network(name: str, opts: pulumi.InvokeOptions | None = None) -> NetworkRef:
    """A network of the cloud's own, by exact name, to attach ports to directly.

    On such a network Neutron's default policy refuses a tenant's choice of address, MAC, pairs and port security (403).
    """
    # any project can share a network of the same name, but only the cloud's operator can make one external
    return {"id": lookups.network_id(name, f"external_network {name}", opts, external=True), "external": True}
