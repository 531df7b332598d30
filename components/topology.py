"""A stack's configuration as plain data: one definition, checked for shape and sense in `checks`.

Every class is a TypedDict, read by `checks.read` (misspelt keys, wrong types, floats that stand for integers) and by Pulumi's
component analyzer for the schema, in which the string below a key is that key's description.
Only an id or an address that a program passes on may be a Pulumi output; everything else is plain, and known in every preview.
"""

from typing import NotRequired

import pulumi
from typing_extensions import TypedDict


class AllocationPoolArgs(TypedDict):
    """A range of addresses that Neutron may hand out."""

    start: str
    """First address of the range."""
    end: str
    """Last address of the range."""


class HostRouteArgs(TypedDict):
    """A route that the subnet hands to its guests (DHCP option 121, config drive)."""

    destination_cidr: str
    """Destination network."""
    next_hop: str
    """Address inside the subnet that forwards to it."""


class SubnetArgs(TypedDict):
    """A subnet of a private network."""

    cidr: str
    """Canonical network address, IPv4 or IPv6, for example 192.168.10.0/24."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<network>-<key>."""
    gateway_ip: NotRequired[str]
    """The gateway's address. Default: the first address of the subnet, unless no_gateway."""
    no_gateway: NotRequired[bool]
    """True: a subnet without a gateway. Default: false. Its pool leaves the first address free for a gateway to come."""
    enable_dhcp: NotRequired[bool]
    """Whether Neutron answers DHCP. Default: true with a gateway, false without one."""
    allocation_pools: NotRequired[list[AllocationPoolArgs]]
    """Addresses that Neutron may choose. Default: all that a host can have, but the first and the gateway."""
    dns_nameservers: NotRequired[list[str]]
    """Resolvers handed to the guests. Default: none."""
    host_routes: NotRequired[dict[str, HostRouteArgs]]
    """Routes handed to the guests, by a key of the user's. Default: none."""
    ipv6_ra_mode: NotRequired[str]
    """slaac, dhcpv6-stateful or dhcpv6-stateless. Default: ipv6_address_mode, else dhcpv6-stateful for IPv6 with DHCP."""
    ipv6_address_mode: NotRequired[str]
    """slaac, dhcpv6-stateful or dhcpv6-stateless. Default: the same as ipv6_ra_mode."""


class RouterArgs(TypedDict):
    """A router between the private network and an external one."""

    external_network: str
    """Exact name of the external network (PUBLICNET on Rackspace Flex)."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<network>."""
    enable_snat: NotRequired[bool]
    """Whether addresses without a floating IP are translated. Default: the cloud's own default."""


class ExistingNetworkArgs(TypedDict):
    """A network that somebody else owns; give its id or its name."""

    id: NotRequired[pulumi.Input[str]]
    """Network id."""
    name: NotRequired[str]
    """Exact network name; it must match one network only."""


class PrivateNetworkArgs(TypedDict):
    """A private network with its subnets and, if it is to be reached from outside, its router."""

    subnets: dict[str, SubnetArgs]
    """Subnets by key. For an existing network: the ones to use, found by their CIDR."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<network>."""
    existing: NotRequired[ExistingNetworkArgs]
    """Adopt this network instead of creating one; nothing of it is changed."""
    router: NotRequired[RouterArgs]
    """Router to an external network. Default: none. On an existing network, its presence says that one routes there already."""
    mtu: NotRequired[int]
    """MTU in bytes. Default: the cloud's."""
    port_security_enabled: NotRequired[bool]
    """Whether ports are filtered unless they say otherwise. Default: true."""


class SecurityGroupRuleArgs(TypedDict):
    """One permission. Its content is its identity: no key, no order."""

    protocol: NotRequired[str]
    """tcp, udp, icmp, ipv6-icmp, vrrp, or another protocol's name or number. Default: any."""
    port_range_min: NotRequired[int]
    """First port, or the type in ICMP. Default: all."""
    port_range_max: NotRequired[int]
    """Last port, or the code in ICMP. Default: port_range_min, in ICMP all."""
    remote_ip_prefix: NotRequired[str]
    """CIDR of the other side. Default: any address of the ethertype."""
    direction: NotRequired[str]
    """ingress or egress. Default: ingress."""
    ethertype: NotRequired[str]
    """IPv4 or IPv6. Default: that of remote_ip_prefix, else IPv4."""


class SecurityGroupArgs(TypedDict):
    """A security group, best shared by all servers of a stack (quotas are small)."""

    rules: list[SecurityGroupRuleArgs]
    """What is allowed, beside Neutron's default: everything out, nothing in."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<group>."""
    stateful: NotRequired[bool]
    """Whether replies are tracked. Default: true."""


class FloatingIpArgs(TypedDict):
    """A floating IP on one fixed IP: allocated from a pool, or adopted by its address."""

    pool: NotRequired[str]
    """External network to allocate from, by exact name. Default: the stack's external_network."""
    address: NotRequired[pulumi.Input[str]]
    """An address that the project holds already: associated, never released. Default: allocate one."""
    key: NotRequired[str]
    """The floating IP's identity: under the same key it keeps its address when it moves to another port of the server.
    Default: <port>.<fixed IP>."""


class FixedIpArgs(TypedDict):
    """One address of a port."""

    subnet: str
    """Key of a subnet of the port's network."""
    ip_address: NotRequired[str]
    """The address. Default: chosen by Neutron. Needed when a port has several on one subnet."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for this address. Default: none."""


class AddressPairConfig(TypedDict):
    """An address that a port may use beside its own, without owning it."""

    ip_address: str
    """Address or CIDR. Sent with its mask (/32, /128), so that OVN never takes another port for a virtual one."""


class BootVolumeArgs(TypedDict):
    """Boot from a volume made of the image instead of from the flavor's disk."""

    size: int
    """Size in GiB."""
    volume_type: NotRequired[str]
    """Cinder volume type. Default: the cloud's."""
    delete_on_termination: NotRequired[bool]
    """Whether the volume goes with the server. Default: true."""


class RoutingArgs(TypedDict):
    """What the guest's policy routing does beside answering on every port. All of it changes without a new server."""

    connmark: NotRequired[bool]
    """Replies of containers leave by the port that the connection came in on. Default: false."""
    forward: NotRequired[bool]
    """Forwarded traffic follows the arriving port's table. Default: false."""
    table_names: NotRequired[bool]
    """Give the tables names in /etc/iproute2/rt_tables.d. Default: false."""
    echo_url: NotRequired[str]
    """http URL that answers with the caller's address, for `policy-routing verify`. Default: none."""


class PortConfig(TypedDict):
    """A port of a server. Its key in the configuration is its identity; its name is display."""

    network: NotRequired[str]
    """Key of a network of this stack."""
    external_network: NotRequired[str]
    """Exact name of an external or provider network to attach to directly, instead of network."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<server>-<key>."""
    formerly: NotRequired[list[str]]
    """Keys that this port had before, oldest first: renaming a key then keeps the port, its slot and the server."""
    hot: NotRequired[bool]
    """Attach to the running server: coming and going never replaces it. Default: false, a boot port."""
    slot: NotRequired[int]
    """Number that fixes the routing table (21000 + slot), 1 to 511. Default: derived from the key."""
    fixed_ips: NotRequired[dict[str, FixedIpArgs]]
    """Addresses by key. Default: one on each subnet of the network, under the subnet's key."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for the port's only IPv4 address. Default: none."""
    security_groups: NotRequired[list[str]]
    """Keys of security groups of this stack. Default: the server's."""
    port_security_enabled: NotRequired[bool]
    """Whether Neutron drops foreign source addresses. Default: true."""
    allowed_address_pairs: NotRequired[dict[str, AddressPairConfig]]
    """Addresses beside its own that the port may use, by key. Default: none."""
    mac_address: NotRequired[str]
    """MAC address. Default: chosen by Neutron."""


class ServerConfig(TypedDict):
    """A server with its ports."""

    flavor: str
    """Flavor name (gp.0.2.4 on Rackspace Flex)."""
    ports: dict[str, PortConfig]
    """Ports by key, at least one of them a boot port."""
    image: NotRequired[str]
    """Image name; or give image_id."""
    image_id: NotRequired[str]
    """Image id; or give image."""
    name: NotRequired[str]
    """Display name and host name. Default: <stack>-<server>."""
    primary_port: NotRequired[str]
    """The boot port that comes first and keeps the main default route. Default: the first boot port by key."""
    security_groups: NotRequired[list[str]]
    """Keys of security groups for ports that name none. Default: the project's default group."""
    key_pair: NotRequired[str]
    """Name of a key pair. Default: none."""
    availability_zone: NotRequired[str]
    """Availability zone. Default: the cloud's."""
    server_group: NotRequired[str]
    """Key of a server group of this stack. Default: none."""
    boot_volume: NotRequired[BootVolumeArgs]
    """Boot from a volume. Default: from the image."""
    config_drive: NotRequired[bool]
    """Whether Nova builds a config drive. Default: true; false only with a single port."""
    metadata: NotRequired[dict[str, str]]
    """Nova metadata of the user's own. Default: none."""
    tags: NotRequired[list[str]]
    """Nova tags beside ours. Default: none."""
    cloud_config: NotRequired[str]
    """The user's own cloud-config text, merged with ours. Default: none."""
    return_path: NotRequired[str]
    """policy_routing: every address answers through its own port. none: nothing is installed. Default: policy_routing."""
    guest_update: NotRequired[str]
    """replace: changed user data replaces the server. keep: it waits for the next replacement. Default: replace."""
    guest_generation: NotRequired[int]
    """Raise it to replace the server now (with guest_update keep). Default: 0."""
    routing: NotRequired[RoutingArgs]
    """Options of the guest's policy routing. Default: all off."""


class ServerGroupConfig(TypedDict):
    """Where the scheduler may put the group's servers."""

    policy: str
    """affinity, anti-affinity, soft-affinity or soft-anti-affinity."""


class VirtualIpConfig(TypedDict):
    """A virtual address shared by several servers: an unbound port, its members' permission, a floating IP on it."""

    network: str
    """Key of a network of this stack."""
    subnet: str
    """Key of a subnet of that network."""
    ip_address: str
    """The address."""
    members: dict[str, str]
    """Member servers' keys, each with the key of the port that may use the address."""
    holder: NotRequired[str]
    """The member whose guest configures and announces the address. Default: none; keepalived or the like does."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for the address. Default: none."""


class Topology(TypedDict):
    """The whole stack."""

    external_network: NotRequired[str]
    """External network for floating IPs that name no pool. Default: PUBLICNET."""
    networks: NotRequired[dict[str, PrivateNetworkArgs]]
    """Private networks by key."""
    security_groups: NotRequired[dict[str, SecurityGroupArgs]]
    """Security groups by key."""
    server_groups: NotRequired[dict[str, ServerGroupConfig]]
    """Server groups by key."""
    servers: NotRequired[dict[str, ServerConfig]]
    """Servers by key."""
    virtual_ips: NotRequired[dict[str, VirtualIpConfig]]
    """Virtual addresses by key."""
