"""A network that no router leads to, with a gateway."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
subnet = openstack.networking.Subnet("sub", network_id=network.id, cidr="192.168.1.0/24", ip_version=4, gateway_ip="192.168.1.1")
