"""A pair for the address of a server's port, with its mask."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
subnet = openstack.networking.Subnet("sub", network_id=network.id, cidr="192.168.1.0/24", ip_version=4, no_gateway=True)
owner = openstack.networking.Port(
    "owner", network_id=network.id, fixed_ips=[{"subnet_id": subnet.id, "ip_address": "192.168.1.11"}]
)
other = openstack.networking.Port(
    "other",
    network_id=network.id,
    fixed_ips=[{"subnet_id": subnet.id, "ip_address": "192.168.1.12"}],
    allowed_address_pairs=[{"ip_address": "192.168.1.11/32"}],
)
openstack.compute.Instance(
    "server",
    flavor_name="gp.0.1.2",
    image_name="Debian-12",
    networks=[{"port": owner.id}],
)
