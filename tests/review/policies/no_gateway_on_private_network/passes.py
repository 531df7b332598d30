"""Three networks: without a gateway, with a router, and with a server for a router."""

import pulumi_openstack as openstack

private = openstack.networking.Network("private")
openstack.networking.Subnet("private", network_id=private.id, cidr="192.168.3.0/24", ip_version=4, no_gateway=True)
network = openstack.networking.Network("net")
subnet = openstack.networking.Subnet("sub", network_id=network.id, cidr="192.168.1.0/24", ip_version=4, gateway_ip="192.168.1.1")
router = openstack.networking.Router("router", external_network_id="11111111-1111-4111-8111-111111111111")
openstack.networking.RouterInterface("interface", router_id=router.id, subnet_id=subnet.id)

appliance = openstack.networking.Network("appliance")
behind = openstack.networking.Subnet(
    "behind", network_id=appliance.id, cidr="192.168.2.0/24", ip_version=4, gateway_ip="192.168.2.9"
)
openstack.networking.Port("gateway", network_id=appliance.id, fixed_ips=[{"subnet_id": behind.id, "ip_address": "192.168.2.9"}])
