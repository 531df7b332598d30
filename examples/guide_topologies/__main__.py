"""The topologies of the multi-port guide, each as the guide introduces it, from one program."""

import pulumi

from multiport.components.address_pairs import AddressPairs
from multiport.components.arguments import MultiPortInstanceArgs, PortArgs
from multiport.components.floating_ips import FloatingIps
from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.network_ref import external_network
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup

reachable = SecurityGroup("reachable", {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]})
front = PrivateNetwork("front", {"subnets": {"v4": {"cidr": "192.168.1.0/24"}}, "router": {"external_network": "PUBLICNET"}})
back = PrivateNetwork("back", {"subnets": {"v4": {"cidr": "192.168.2.0/24", "no_gateway": True}}})
outside = external_network("PUBLICNET")


def server(name: str, ports: dict[str, PortArgs]) -> MultiPortInstance:
    """A server as all of them are here, but for its ports."""
    args: MultiPortInstanceArgs = {
        "image": "Ubuntu-24.04",
        "flavor": "gp.0.2.4",
        "key_pair": "multiport",
        "security_group_ids": [reachable.group_id],
        "ports": ports,
    }
    return MultiPortInstance(name, args)


# Private with gateway, one floating IP.
gateway = server("gateway", {"front": {"network": front.reference, "floating_ip": {}}})

# Directly on the external network, and a network without a gateway to a second server.
edge = server("edge", {"back": {"network": back.reference}, "outside": {"network": outside}})
inner = server("inner", {"back": {"network": back.reference}})

# A virtual address that either of two servers may hold, with a floating IP on it.
shared = AddressPairs(
    "shared", {"network": front.reference, "virtual_ips": {"web": {"subnet": "v4", "ip_address": "192.168.1.200"}}}
)
for name in ("left", "right"):
    pair = shared.pair("web", holder=name == "left")
    server(name, {"front": {"network": front.reference, "allowed_address_pairs": {"web": pair}}})
virtual = FloatingIps("shared", {"addresses": {"web": shared.floating_ip_target("web", {"pool": "PUBLICNET"})}})

# Two ports on one subnet and a third that comes to the running server, a floating IP on each.
policy = server(
    "policy",
    {
        "a": {"network": front.reference, "floating_ip": {}},
        "b": {"network": front.reference, "floating_ip": {}},
        "later": {"network": front.reference, "hot": True, "floating_ip": {}},
    },
)

pulumi.export("gateway", gateway.ports)
pulumi.export("policy", policy.ports)
pulumi.export("virtual", virtual.addresses)
