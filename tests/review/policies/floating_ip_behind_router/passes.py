"""A floating IP on a network behind a router."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
subnet = openstack.networking.Subnet("sub", network_id=network.id, cidr="192.168.1.0/24", ip_version=4, gateway_ip="192.168.1.1")
router = openstack.networking.Router("router", external_network_id="11111111-1111-4111-8111-111111111111")
openstack.networking.RouterInterface("interface", router_id=router.id, subnet_id=subnet.id)
one = openstack.networking.Port("one", network_id=network.id, fixed_ips=[{"subnet_id": subnet.id, "ip_address": "192.168.1.11"}])
address = openstack.networking.FloatingIp("address", pool="PUBLICNET").address
openstack.networking.FloatingIpAssociate("association", floating_ip=address, port_id=one.id, fixed_ip="192.168.1.11")
