"""A floating IP on a network that no router leads to."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
subnet = openstack.networking.Subnet("sub", network_id=network.id, cidr="192.168.1.0/24", ip_version=4, no_gateway=True)
one = openstack.networking.Port("one", network_id=network.id, fixed_ips=[{"subnet_id": subnet.id, "ip_address": "192.168.1.11"}])
address = openstack.networking.FloatingIp("address", pool="PUBLICNET").address
openstack.networking.FloatingIpAssociate("association", floating_ip=address, port_id=one.id, fixed_ip="192.168.1.11")
