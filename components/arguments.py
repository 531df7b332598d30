"""The keys of the components' arguments that only a program has, because it passes the part itself where a stack file names it.

What a stack file has as well is in `topology`, which also says how these classes are read.
"""

from typing import NotRequired

import pulumi
from typing_extensions import TypedDict

from multiport.components.network_ref import NetworkRef
from multiport.components.topology import (
    AddressPairConfig,
    FloatingIpPool,
    FloatingIpSource,
    PortOptions,
    ServerOptions,
    VirtualIpOptions,
)


class AddressPairArgs(AddressPairConfig):
    """An address that a port may use besides its own, in a program; `AddressPairs.pair` makes that of a virtual address."""

    virtual: NotRequired[bool]
    """True for a virtual address that an unbound port reserves: it is sent bare, which makes the unbound port virtual on OVN.
    Default: false, a permission that is sent with its mask. Change: in place."""
    holder: NotRequired[bool]
    """Whether this server's guest configures and announces the virtual address. Default: false. Change: in place."""


class VirtualIpArgs(VirtualIpOptions):
    """A virtual address in a program: an address that no server owns."""

    floating_ip: NotRequired[bool]
    """Whether a floating IP is on the address, which can then change only in two updates. Default: false. Change: in place."""


class AddressPairsArgs(TypedDict):
    """Virtual addresses on one network."""

    network: NetworkRef
    """The network of the member ports. Change: replaces the unbound ports."""
    virtual_ips: dict[str, VirtualIpArgs]
    """Virtual addresses of the network by key. Change: in place; a renamed key is another address."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Security groups of the unbound ports that reserve the addresses. Default: the project's default group. Change: in place."""


class FloatingIpTargetArgs(FloatingIpSource):
    """A floating IP and where it points. One of `pool` and `address` says where it comes from."""

    port_id: pulumi.Input[str]
    """Id of the port to answer on, whose network a router connects to the pool. Change: in place."""
    fixed_ip: pulumi.Input[str]
    """The port's IPv4 address to translate to; Neutron does not choose on a port that has several. Change: in place."""
    target: NotRequired[str]
    """The same place in words of your own (server, port, fixed IP), which tell a move from a replaced port. Default: none.
    Change: in place."""


class FloatingIpsArgs(TypedDict):
    """Floating IPs by key."""

    addresses: dict[str, FloatingIpTargetArgs]
    """Where each floating IP points, by key. A key keeps its address wherever it is pointed.
    Change: in place; a key that is taken out disassociates its address and releases it if it was allocated."""


class PortArgs(PortOptions):
    """A port of a server in a program."""

    network: NetworkRef
    """The network that the port is on: a PrivateNetwork's `reference`, `external_network(...)`, or one written by hand.
    Change: replaces the port, and the server of a boot port."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Ids of the security groups that filter the port. Default: the server's. Change: in place."""
    allowed_address_pairs: NotRequired[dict[str, AddressPairArgs]]
    """Addresses that the port may use besides its own, by key; `AddressPairs.pair` makes the one for a virtual address.
    Default: none. Change: in place."""


class MultiPortInstanceArgs(ServerOptions, FloatingIpPool):
    """A server with its ports in a program."""

    ports: dict[str, PortArgs]
    """The ports of the server by key, of which at least one is a boot port.
    Change: replaces the server if a boot port comes or goes; in place for hot ports."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Ids of security groups for ports that name none. Default: the project's default group. Change: in place."""
    server_group_id: NotRequired[pulumi.Input[str]]
    """Id of the server group that the scheduler looks at. Default: none. Change: replaces the server."""
