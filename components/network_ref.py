"""What a port needs to know of the network it stands in: made by PrivateNetwork, or by hand for any other network."""

from typing import NotRequired

import pulumi
import pulumi_openstack as openstack
from typing_extensions import TypedDict


class SubnetRef(TypedDict):
    """A subnet as its ports see it."""

    id: pulumi.Input[str]
    """Subnet id."""
    cidr: str
    """Network address, for example 192.168.10.0/24."""
    gateway_ip: NotRequired[pulumi.Input[str]]
    """The gateway's address; empty or absent without one."""
    host_routes: NotRequired[list[str]]
    """Routes handed to the guests, each as <destination>,<next hop>."""


class NetworkRef(TypedDict):
    """A network as its ports see it."""

    id: pulumi.Input[str]
    """Network id."""
    subnets: NotRequired[dict[str, SubnetRef]]
    """Subnets by key. Default: none known; Neutron then chooses the addresses."""
    mtu: NotRequired[pulumi.Input[int]]
    """MTU in bytes. Default: not told to hot-attached NICs."""
    routed: NotRequired[bool]
    """Whether a router leads to an external network, so that floating IPs can work. Default: false."""
    ready: NotRequired[pulumi.Input[str]]
    """The network id once routes and router interfaces exist; servers and floating IPs wait for it. Default: id."""
    external: NotRequired[bool]
    """True for a network that the project does not own: ports then set only what a tenant may set. Default: false."""


def external_network(name: str, opts: pulumi.InvokeOptions | None = None) -> NetworkRef:
    """A network of the cloud's own, by exact name, to attach ports to directly.

    On such a network Neutron's default policy refuses a tenant's choice of address, MAC, pairs and port security (403).
    """
    found = openstack.networking.get_network_output(name=name, opts=opts)
    return {"id": found.id, "external": True}
