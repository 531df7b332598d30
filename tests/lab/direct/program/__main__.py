"""A program that uses every resource type, look-up and option that the direct driver supports."""

import pulumi
import pulumi_openstack as openstack
from pulumi_openstack import compute, networking

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl sample"

config = pulumi.Config()
prefix = config.require("prefix")
tags = [f"{prefix}-tag", pulumi.get_stack()]


class Site(pulumi.ComponentResource):
    """A network with two subnets and a router."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sample:index:Site", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.network = networking.Network(
            f"{name}-network",
            name=f"{prefix}-network",
            description="a description",
            admin_state_up=True,
            mtu=config.require_int("mtu"),
            port_security_enabled=True,
            tags=tags,
            opts=child,
        )
        self.v4 = networking.Subnet(
            f"{name}-v4",
            name=f"{prefix}-v4",
            network_id=self.network.id,
            cidr="192.168.10.0/24",
            gateway_ip="192.168.10.1",
            dns_nameservers=["192.0.2.53", "192.0.2.54"],
            allocation_pools=[{"start": "192.168.10.100", "end": "192.168.10.150"}],
            tags=tags,
            opts=child,
        )
        self.v6 = networking.Subnet(
            f"{name}-v6",
            network_id=self.network.id,
            ip_version=6,
            cidr="fd00:10::/64",
            enable_dhcp=True,
            ipv6_address_mode="dhcpv6-stateful",
            ipv6_ra_mode="dhcpv6-stateful",
            opts=child,
        )
        self.routes = [
            networking.SubnetRoute(
                f"{name}-route-{index}", subnet_id=self.v4.id, destination_cidr=cidr, next_hop="192.168.10.9", opts=child
            )
            for index, cidr in enumerate(("10.90.0.0/16", "10.91.0.0/16"))
        ]
        external = networking.get_network_output(name="PUBLICNET", external=True, opts=pulumi.InvokeOutputOptions(parent=self))
        self.router = networking.Router(
            f"{name}-router", name=f"{prefix}-router", external_network_id=external.id, tags=tags, opts=child
        )
        self.interface = networking.RouterInterface(f"{name}-if", router_id=self.router.id, subnet_id=self.v4.id, opts=child)
        self.register_outputs({"network_id": self.network.id})


site = Site("site")
isolated = networking.Network("isolated", port_security_enabled=False, tags=tags)  # named by the provider
quiet = networking.Subnet(
    "quiet", network_id=isolated.id, cidr="10.77.0.0/24", no_gateway=True, enable_dhcp=False, name=f"{prefix}-quiet"
)

group = networking.SecGroup("group", name=f"{prefix}-group", description="a group", delete_default_rules=True, tags=tags)
defaults = networking.SecGroup("defaults", name=f"{prefix}-defaults", stateful=True)
networking.SecGroupRule(
    "ssh",
    security_group_id=group.id,
    direction="ingress",
    ethertype="IPv4",
    protocol="tcp",
    port_range_min=22,
    port_range_max=22,
    remote_ip_prefix="0.0.0.0/0",
    description="ssh",
)
networking.SecGroupRule("peers", security_group_id=group.id, direction="ingress", ethertype="IPv6", remote_group_id=group.id)

front = networking.Port(
    "front",
    name=f"{prefix}-front",
    network_id=site.network.id,
    fixed_ips=[
        {"subnet_id": site.v4.id, "ip_address": "192.168.10.20"},
        {"subnet_id": site.v4.id, "ip_address": "192.168.10.10"},
        {"subnet_id": site.v6.id},
    ],
    security_group_ids=[group.id],
    allowed_address_pairs=[{"ip_address": "192.168.10.200"}, {"ip_address": "10.5.0.0/24"}],
    extra_dhcp_options=[{"name": "domain-search", "value": "example.org"}],
    port_security_enabled=True,
    tags=tags,
    opts=pulumi.ResourceOptions(depends_on=[site]),
)
back = networking.Port(
    "back",
    network_id=isolated.id,
    fixed_ips=[{"subnet_id": quiet.id}],
    no_security_groups=True,
    port_security_enabled=False,
    mac_address="fa:16:3e:00:00:77",
)
hot = networking.Port(
    "hot",
    name=f"{prefix}-hot",
    network_id=site.network.id,
    fixed_ips=[{"subnet_id": site.v4.id}],
    security_group_ids=[defaults.id],
)
virtual = networking.Port(
    "virtual",
    name=f"{prefix}-virtual",
    network_id=site.network.id,
    fixed_ips=[{"subnet_id": site.v4.id, "ip_address": "192.168.10.200"}],
)

key = compute.Keypair("key", name=f"{prefix}-key", public_key=PUBLIC_KEY)
apart = compute.ServerGroup("apart", name=f"{prefix}-apart", policies="anti-affinity", rules={"max_server_per_host": 2})
image = openstack.images.get_image(name="Ubuntu-24.04", most_recent=True)
flavor = compute.get_flavor(name="gp.0.1.2")
server = compute.Instance(
    "server",
    name=f"{prefix}-server",
    image_id=image.id,
    flavor_id=flavor.id,
    key_pair=key.name,
    config_drive=True,
    user_data="#!/bin/sh\necho sample\n",
    metadata=config.require_object("metadata"),
    networks=[{"port": front.id}, {"port": back.id}],
    scheduler_hints=[{"group": apart.id}],
    tags=tags,
    opts=pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=["user_data"], replacement_trigger="g1"),
)
plain = compute.Instance(  # the provider names it; image and flavor by name; a network instead of a port; switched off
    "plain",
    image_name="Debian-12",
    flavor_name="gp.0.1.2",
    admin_pass=pulumi.Output.secret("let-me-in"),
    security_groups=[defaults.name],
    networks=[{"uuid": site.network.id}],
    power_state="shutoff",
    stop_before_destroy=True,
    opts=pulumi.ResourceOptions(depends_on=[site.v4, site.v6]),
)
blocky = compute.Instance(
    "blocky",
    name=f"{prefix}-blocky",
    image_id=image.id,
    flavor_id=flavor.id,
    network_mode="none",
    block_devices=[
        {"source_type": "image", "destination_type": "local", "uuid": image.id, "boot_index": 0, "delete_on_termination": True}
    ],
    availability_zone="az1",
)
attached = compute.InterfaceAttach("attached", instance_id=server.id, port_id=hot.id)

address = networking.FloatingIp("address", pool="PUBLICNET", description="first", tags=tags)
networking.FloatingIpAssociate(
    "associated",
    floating_ip=address.address,
    port_id=front.id,
    fixed_ip="192.168.10.10",
    opts=pulumi.ResourceOptions(depends_on=[site.interface, server]),
)
direct = networking.FloatingIp(
    "direct",
    pool="PUBLICNET",
    port_id=virtual.id,
    fixed_ip="192.168.10.200",
    opts=pulumi.ResourceOptions(depends_on=[site.interface]),
)

provider = openstack.Provider("again", cloud="local")
seen = networking.get_port_output(
    port_id=attached.port_id, opts=pulumi.InvokeOutputOptions(provider=provider)
)  # depends on `attached`, so that the result does not depend on the order of creation
seen_subnet = networking.get_subnet_output(
    network_id=site.network.id, cidr="192.168.10.0/24", opts=pulumi.InvokeOutputOptions(depends_on=[site.v4])
)
known = networking.Network.get("known", networking.get_network(name="PUBLICNET-ROUTED").id)

pulumi.export("network", {"id": site.network.id, "mtu": site.network.mtu, "tags": site.network.all_tags})
pulumi.export("gateway", site.v6.gateway_ip)
pulumi.export("front", {"addresses": front.all_fixed_ips, "mac": front.mac_address, "groups": front.all_security_group_ids})
pulumi.export("back_groups", back.all_security_group_ids)
pulumi.export("names", [isolated.name, plain.name, site.v6.name])
pulumi.export(
    "server", {"networks": server.networks, "v4": server.access_ip_v4, "flavor": server.flavor_name, "image": server.image_name}
)
pulumi.export("user_data", server.user_data)
pulumi.export("plain", {"state": plain.power_state, "password": plain.admin_pass})
pulumi.export("attached", attached.port_id)
pulumi.export("floating", [address.address, direct.address, direct.port_id])
pulumi.export("seen", {"name": seen.name, "owner": seen.device_owner, "addresses": seen.all_fixed_ips})
pulumi.export("seen_subnet", {"gateway": seen_subnet.gateway_ip, "dns": seen_subnet.dns_nameservers})
pulumi.export("known", known.name)
pulumi.export(
    "looked_up",
    {
        "subnet_ids": networking.get_subnet_ids_v2_output(
            network_id=isolated.id, opts=pulumi.InvokeOutputOptions(depends_on=[quiet])
        ).ids,
        "port_ids": networking.get_port_ids_output(network_id=isolated.id, fixed_ip=back.all_fixed_ips[0]).ids,
        "router": networking.get_router_output(router_id=site.router.id).external_network_id,
        "group": networking.get_sec_group_output(secgroup_id=group.id).name,
        "floating_ip": networking.get_floating_ip_output(address=address.address).id.apply(bool),
        "image": image.name,
        "vcpus": flavor.vcpus,
    },
)
pulumi.export("secret", pulumi.Output.secret("hidden"))
