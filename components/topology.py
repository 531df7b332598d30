"""The keys of a stack file and of the components: each is defined here once, with its description.

A class that ends in `Options` holds the keys that the stack file and a component share; its two subclasses add what differs
between them, because a stack file names another part by its key and a program passes the part itself.

Every class is a TypedDict. `checks.read` reads it (misspelt keys, wrong types, floats that stand for integers), and Pulumi's
component analyzer and `multiport.reference` make schemas and tables of it. The string below a key is its description: what the
key means, then `Default: ...` if it can be left out, then `Change: ...`, which says what another value costs a living server.

Only an id, a name or an address that a program passes on may be a Pulumi output (`pulumi.Input`). Everything else is plain, and
known in every preview.
"""

from typing import NotRequired

import pulumi
from typing_extensions import TypedDict

DEFAULT_EXTERNAL_NETWORK = "PUBLICNET"
"""Rackspace Flex's external network, which is also its pool of floating IPs."""


class AllocationPoolArgs(TypedDict):
    """A range of addresses that Neutron may hand out."""

    start: str
    """First address of the range. Change: in place; addresses in use stay."""
    end: str
    """Last address of the range. Change: in place; addresses in use stay."""


class HostRouteArgs(TypedDict):
    """A route that the subnet hands to its guests (DHCP option 121, config drive)."""

    destination_cidr: str
    """Destination network. Change: in place; the guest is told by its metadata."""
    next_hop: str
    """Address inside the subnet that forwards to the destination. Change: in place; the guest is told by its metadata."""


class SubnetArgs(TypedDict):
    """A subnet of a private network."""

    cidr: str
    """Canonical network address, IPv4 or IPv6, for example 192.168.10.0/24.
    Change: replaces the subnet, the network's ports and, for their boot ports, servers."""
    name: NotRequired[str]
    """Display name of the subnet. Default: <stack>-<network>-<key>. Change: in place."""
    gateway_ip: NotRequired[str]
    """The gateway's address. Default: the first address of the subnet, unless no_gateway.
    Change: in place; refused while a router uses the gateway."""
    no_gateway: NotRequired[bool]
    """True makes a subnet without a gateway, whose pool leaves the first address free for a later one. Default: false.
    Change: in place; refused while a router uses the gateway."""
    enable_dhcp: NotRequired[bool]
    """Whether Neutron answers DHCP requests. Default: true with a gateway, false without one. Change: in place."""
    allocation_pools: NotRequired[list[AllocationPoolArgs]]
    """Ranges from which Neutron may choose addresses. Default: every host address except the first and the gateway.
    Change: in place; addresses in use stay."""
    dns_nameservers: NotRequired[list[str]]
    """Resolvers handed to the guests. Default: none. Change: in place; guests learn of it with their next DHCP lease."""
    host_routes: NotRequired[dict[str, HostRouteArgs]]
    """Routes handed to the guests, by a key of your choice. Default: none. Change: in place."""
    ipv6_ra_mode: NotRequired[str]
    """Mode of the router advertisements: slaac, dhcpv6-stateful or dhcpv6-stateless.
    Default: ipv6_address_mode, else dhcpv6-stateful for IPv6 with DHCP.
    Change: replaces the subnet, the network's ports and, for their boot ports, servers."""
    ipv6_address_mode: NotRequired[str]
    """How guests get their IPv6 addresses: slaac, dhcpv6-stateful or dhcpv6-stateless. Default: the same as ipv6_ra_mode.
    Change: replaces the subnet, the network's ports and, for their boot ports, servers."""


class RouterArgs(TypedDict):
    """A router between the private network and an external one."""

    external_network: str
    """Exact name of the external network that the router leads to.
    Change: in place; refused by Neutron while floating IPs use the router."""
    name: NotRequired[str]
    """Display name of the router. Default: <stack>-<network>. Change: in place."""
    enable_snat: NotRequired[bool]
    """Whether the router translates addresses that have no floating IP. Default: the cloud's. Change: in place."""


class ExistingNetworkArgs(TypedDict):
    """A network that somebody else owns; give its id or its name."""

    id: NotRequired[pulumi.Input[str]]
    """Network id. Default: found by name. Change: replaces the ports on the network, and servers for their boot ports."""
    name: NotRequired[str]
    """Exact network name, which only one network may have. Default: found by id.
    Change: replaces the ports on the network, and servers for their boot ports, if it is another network."""


class PrivateNetworkArgs(TypedDict):
    """A private network with its subnets and, if it is to be reached from outside, its router."""

    subnets: dict[str, SubnetArgs]
    """Subnets by key. For an existing network: the ones to use, found by their CIDR.
    Change: in place; a port without fixed_ips of its own gets an address on each."""
    name: NotRequired[str]
    """Display name of the network. Default: <stack>-<network>. Change: in place."""
    existing: NotRequired[ExistingNetworkArgs]
    """Use this network instead of creating one; nothing of it is changed. Default: a network is created.
    Change: replaces the ports on the network, and servers for their boot ports."""
    router: NotRequired[RouterArgs]
    """Router to an external network. On an existing network it says that such a router is there already. Default: none.
    Change: in place; refused while a gateway changes with it."""
    mtu: NotRequired[int]
    """MTU in bytes. Default: the cloud's. Change: in place; a guest follows when it is told, at the latest at its next boot."""
    port_security_enabled: NotRequired[bool]
    """Whether the network's ports are filtered unless they say otherwise. Default: true. Change: in place."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to delete or replace the network, its subnets and its router. Default: false. Change: in place."""


class SecurityGroupRuleArgs(TypedDict):
    """One permission. Its content is its identity: it has no key and no order."""

    protocol: NotRequired[str]
    """Protocol by name or number, for example tcp, udp, icmp, ipv6-icmp or vrrp. Default: any. Change: replaces the rule."""
    port_range_min: NotRequired[int]
    """First port, or the type in ICMP. Default: all. Change: replaces the rule."""
    port_range_max: NotRequired[int]
    """Last port, or the code in ICMP. Default: port_range_min, in ICMP all. Change: replaces the rule."""
    remote_ip_prefix: NotRequired[str]
    """CIDR of the other side. Default: any address of the ethertype. Change: replaces the rule."""
    direction: NotRequired[str]
    """Whose traffic is allowed: ingress or egress. Default: ingress. Change: replaces the rule."""
    ethertype: NotRequired[str]
    """Family of the traffic: IPv4 or IPv6. Default: that of remote_ip_prefix, else IPv4. Change: replaces the rule."""


class SecurityGroupArgs(TypedDict):
    """A security group, best shared by all servers of a stack, because quotas are small."""

    rules: list[SecurityGroupRuleArgs]
    """What is allowed besides Neutron's default, which lets everything out and nothing in. Change: in place."""
    name: NotRequired[str]
    """Display name of the group. Default: <stack>-<group>. Change: in place."""
    stateful: NotRequired[bool]
    """Whether replies are tracked. Default: true. Change: refused while ports use the group."""


class FloatingIpSource(TypedDict):
    """Where a floating IP comes from: allocated from a pool, or adopted by its address."""

    pool: NotRequired[str]
    """External network to allocate from, by exact name. Default: external_network of the server or the stack.
    Change: replaces the floating IP: it gets another address."""
    address: NotRequired[pulumi.Input[str]]
    """An address that the project holds already: it is associated and never released. Default: one is allocated.
    Change: in place; the former address stays with the project."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to release the address; an adopted one is never released. Default: false. Change: in place."""


class FloatingIpArgs(FloatingIpSource):
    """A floating IP on one fixed IP: allocated from a pool, or adopted by its address."""

    key: NotRequired[str]
    """The floating IP's identity: under the same key it keeps its address when it moves to another port of the server.
    Default: <port>.<fixed IP>. Change: replaces the floating IP: it gets another address."""


class FixedIpArgs(TypedDict):
    """One address of a port."""

    subnet: str
    """Key of a subnet of the port's network. Change: in place; refused while the address carries a floating IP."""
    ip_address: NotRequired[str]
    """The address itself, needed when a port has several on one subnet. Default: chosen by Neutron.
    Change: in place; refused while the address carries a floating IP."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for this address. Default: none. Change: in place."""


class AddressPairConfig(TypedDict):
    """An address that a port may use besides its own, without owning it."""

    ip_address: pulumi.Input[str]
    """Address or CIDR. It is sent with its mask (/32, /128), so that OVN never takes another port for a virtual one.
    Change: in place."""


class BootVolumeArgs(TypedDict):
    """Boot from a volume made of the image instead of from the flavor's disk."""

    size: int
    """Size in GiB. Change: replaces the server."""
    volume_type: NotRequired[str]
    """Cinder volume type. Default: the cloud's. Change: replaces the server."""
    delete_on_termination: NotRequired[bool]
    """Whether the volume is deleted with the server. Default: true. Change: replaces the server."""


class RoutingArgs(TypedDict):
    """What the guest's policy routing does besides answering on every port."""

    connmark: NotRequired[bool]
    """Replies of containers leave by the port that the connection came in on. Default: false. Change: in place."""
    forward: NotRequired[bool]
    """Forwarded traffic follows the table of the port that it arrived on. Default: false. Change: in place."""
    table_names: NotRequired[bool]
    """Gives the routing tables names in /etc/iproute2/rt_tables.d. Default: false. Change: in place."""
    echo_url: NotRequired[str]
    """http URL that answers with the caller's address, for `policy-routing verify`. Default: none. Change: in place."""


class PortOptions(TypedDict):
    """What a port has in a stack file and in a program alike. Its key is its identity; its name is for display."""

    name: NotRequired[str]
    """Display name of the port. Default: <stack>-<server>-<key>. Change: in place."""
    description: NotRequired[str]
    """What people are to know of the port: free text on one line, of at most 255 characters. Default: none. Change: in place."""
    formerly: NotRequired[list[str]]
    """Keys that this port had before, oldest first: renaming a key then keeps the port, its slot and the server. Default: none.
    Change: in place."""
    hot: NotRequired[bool]
    """True attaches the port to the running server: it can come and go without replacing it. Default: false, a boot port.
    Change: replaces the server."""
    slot: NotRequired[int]
    """Number that fixes the port's routing table (21000 + slot), 1 to 511. Default: derived from the key.
    Change: replaces the server of a boot port; in place for a hot port."""
    fixed_ips: NotRequired[dict[str, FixedIpArgs]]
    """The port's addresses by key. Default: one on each subnet of the network, under the subnet's key. Change: in place."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for the port's only IPv4 address. Default: none. Change: in place."""
    port_security_enabled: NotRequired[bool]
    """Whether Neutron drops packets from addresses that are not the port's. Default: true. Change: in place."""
    mac_address: NotRequired[str]
    """MAC address of the port. Default: chosen by Neutron. Change: replaces the port, and the server of a boot port."""


class PortConfig(PortOptions):
    """A port of a server in a stack file."""

    network: NotRequired[str]
    """Key of the network of this stack that the port is on. Default: external_network.
    Change: replaces the port, and the server of a boot port."""
    external_network: NotRequired[str]
    """Exact name of an external or provider network that the port is attached to directly. Default: network.
    Change: replaces the port, and the server of a boot port."""
    security_groups: NotRequired[list[str]]
    """Keys of security groups of this stack that filter the port. Default: the server's. Change: in place."""
    allowed_address_pairs: NotRequired[dict[str, AddressPairConfig]]
    """Addresses that the port may use besides its own, by key; members of a virtual address have theirs without this.
    Default: none. Change: in place."""


class ServerOptions(TypedDict):
    """What a server has in a stack file and in a program alike."""

    flavor: pulumi.Input[str]
    """Flavor name (gp.0.2.4 on Rackspace Flex). Change: in place; Nova resizes the server, which reboots it."""
    image: NotRequired[pulumi.Input[str]]
    """Image name; give this or image_id. Default: image_id. Change: replaces the server."""
    image_id: NotRequired[pulumi.Input[str]]
    """Image id; give this or image. Default: image. Change: replaces the server."""
    name: NotRequired[str]
    """Display name and host name of the server. Default: <stack>-<server>.
    Change: in place; the guest keeps the host name that it was born with."""
    primary_port: NotRequired[str]
    """The boot port that comes first and keeps the main default route. Default: the first boot port by key.
    Change: replaces the server."""
    key_pair: NotRequired[pulumi.Input[str]]
    """Name of a key pair. Default: none. Change: replaces the server."""
    availability_zone: NotRequired[str]
    """Availability zone that Nova puts the server in. Default: the cloud's. Change: replaces the server."""
    boot_volume: NotRequired[BootVolumeArgs]
    """Boot from a volume. Default: from the image. Change: replaces the server."""
    config_drive: NotRequired[bool]
    """Whether Nova builds a config drive; false is possible with a single port only. Default: true.
    Change: replaces the server."""
    metadata: NotRequired[dict[str, str]]
    """Nova metadata of your own. Default: none. Change: in place."""
    tags: NotRequired[list[str]]
    """Nova tags besides ours. Default: none. Change: in place."""
    cloud_config: NotRequired[pulumi.Input[str]]
    """Your own cloud-config text, which is merged with ours. Default: none.
    Change: replaces the server; with guest_update keep it waits for the next replacement."""
    return_path: NotRequired[str]
    """policy_routing: every address answers through its own port. none: nothing is installed. Default: policy_routing.
    Change: replaces the server; with guest_update keep it waits for the next replacement."""
    guest_update: NotRequired[str]
    """What changed user data does: replace replaces the server, keep waits for its next replacement. Default: replace.
    Change: in place; from keep to replace it replaces a server for which user data waits."""
    guest_generation: NotRequired[int]
    """With guest_update keep: raise this number to replace the server now. Default: 0. Change: replaces the server."""
    routing: NotRequired[RoutingArgs]
    """Options of the guest's policy routing. Default: all are off. Change: in place."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to delete or replace the server. Default: false. Change: in place."""


class ServerConfig(ServerOptions):
    """A server with its ports in a stack file."""

    ports: dict[str, PortConfig]
    """The server's ports by key; at least one is a boot port.
    Change: replaces the server if a boot port comes or goes; in place for hot ports."""
    security_groups: NotRequired[list[str]]
    """Keys of security groups of this stack for ports that name none. Default: the project's default group. Change: in place."""
    server_group: NotRequired[str]
    """Key of a server group of this stack. Default: none. Change: replaces the server."""


class ServerGroupConfig(TypedDict):
    """Where the scheduler may put the group's servers."""

    policy: str
    """Placement of the group's servers: affinity, anti-affinity, soft-affinity or soft-anti-affinity.
    Change: replaces the group and its servers."""


class VirtualIpOptions(TypedDict):
    """Where a virtual address is, in a stack file and in a program alike."""

    subnet: str
    """Key of the subnet of the network that holds the address.
    Change: in place; refused while the address carries a floating IP."""
    ip_address: str
    """The virtual address. Change: in place; refused while the address carries a floating IP."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to give the address back to its subnet. Default: false. Change: in place."""


class VirtualIpConfig(VirtualIpOptions):
    """A virtual address shared by several servers: an unbound port, its members' permission, a floating IP on it."""

    network: str
    """Key of the network of this stack that the address is on. Change: replaces the unbound port."""
    members: dict[str, str]
    """Keys of the member servers, each with the key of the port that may use the address. Change: in place."""
    holder: NotRequired[str]
    """The member whose guest configures and announces the address. Default: none; keepalived or the like does.
    Change: in place."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for the virtual address. Default: none. Change: in place."""


class FloatingIpPool(TypedDict):
    """Where floating IPs come from that do not say it themselves."""

    external_network: NotRequired[str]
    """External network for floating IPs that name no pool. Default: PUBLICNET.
    Change: replaces the floating IPs that name no pool: they get other addresses."""


class Topology(FloatingIpPool):
    """The whole stack."""

    networks: NotRequired[dict[str, PrivateNetworkArgs]]
    """Private networks by key. Default: none. Change: in place; a renamed key is another network."""
    security_groups: NotRequired[dict[str, SecurityGroupArgs]]
    """Security groups by key. Default: none. Change: in place; a renamed key is another group."""
    server_groups: NotRequired[dict[str, ServerGroupConfig]]
    """Server groups by key. Default: none. Change: in place; a renamed key is another group and replaces its servers."""
    servers: NotRequired[dict[str, ServerConfig]]
    """Servers by key. Default: none. Change: in place; a renamed key is another server."""
    virtual_ips: NotRequired[dict[str, VirtualIpConfig]]
    """Virtual addresses by key. Default: none. Change: in place; a renamed key is another address."""
