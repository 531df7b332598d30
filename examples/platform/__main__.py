"""A platform of several teams: our components among resources of the program's own.

The storage team owns its network; this program adopts it. Workers come from a loop, spread by a server group. The
load balancer's floating IP goes on to a resource of this program's own.
"""

import pulumi
import pulumi_openstack as openstack

from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup

WORKERS = {"red": "10.50.0.11", "green": "10.50.0.12", "blue": "10.50.0.13"}

# Stands for the storage team's own stack, whose network would be found by its name or id.
storage_network = openstack.networking.Network("storage-team")
storage_subnet = openstack.networking.Subnet(
    "storage-team", network_id=storage_network.id, cidr="10.60.0.0/24", no_gateway=True, enable_dhcp=True
)

front = PrivateNetwork("front", {"subnets": {"v4": {"cidr": "10.50.0.0/24"}}, "router": {"external_network": "PUBLICNET"}})
storage = PrivateNetwork(
    "storage",
    {"existing": {"id": storage_subnet.network_id}, "subnets": {"v4": {"cidr": "10.60.0.0/24"}}},
)
inside = SecurityGroup("inside", {"rules": [{"protocol": "tcp", "remote_ip_prefix": "10.50.0.0/24"}, {"protocol": "icmp"}]})
spread = openstack.compute.ServerGroup("spread", policies="soft-anti-affinity")

workers = {
    color: MultiPortInstance(
        f"worker-{color}",
        {
            "image": "Debian-12",
            "flavor": "gp.0.1.2",
            "key_pair": "multiport",
            "server_group_id": spread.id,
            "security_group_ids": [inside.group_id],
            "guest_update": "keep",
            "cloud_config": f"#cloud-config\nfinal_message: worker {color} is up\n",
            "primary_port": "front",
            "ports": {
                "front": {"network": front.reference, "fixed_ips": {"main": {"subnet": "v4", "ip_address": address}}},
                "data": {"network": storage.reference},
            },
        },
    )
    for color, address in WORKERS.items()
}
balancer = MultiPortInstance(
    "balancer",
    {
        "image": "Ubuntu-24.04",
        "flavor": "gp.0.2.4",
        "key_pair": "multiport",
        "security_group_ids": [inside.group_id],
        "ports": {
            "public": {"network": front.reference, "floating_ip": {}},
            "admin": {"network": front.reference, "floating_ip": {}},
        },
    },
)

# A resource of the program's own that needs a floating IP: only the balancer's public address may reach the workers' port 8080.
address = balancer.ports.apply(lambda ports: next(iter(ports["public"]["floating_ips"].values())))
openstack.networking.SecGroupRule(
    "balancer-to-workers",
    direction="ingress",
    ethertype="IPv4",
    protocol="tcp",
    port_range_min=8080,
    port_range_max=8080,
    remote_ip_prefix=pulumi.Output.concat(address, "/32"),
    security_group_id=inside.group_id,
)

pulumi.export("workers", {color: worker.ports for color, worker in workers.items()})
pulumi.export("balancer", address)
