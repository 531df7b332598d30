"""One server, two ports on one subnet, a floating IP on each: both answer."""

import pulumi

from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup

network = PrivateNetwork("front", {"subnets": {"v4": {"cidr": "192.168.0.0/24"}}, "router": {"external_network": "PUBLICNET"}})
reachable = SecurityGroup("reachable", {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]})
web = MultiPortInstance(
    "web",
    {
        "image": "Ubuntu-24.04",
        "flavor": "gp.0.2.4",
        "key_pair": "multiport",
        "security_group_ids": [reachable.group_id],
        "ports": {
            "a": {"network": network.reference, "floating_ip": {}},
            "b": {"network": network.reference, "floating_ip": {}},
        },
    },
)
pulumi.export("ports", web.ports)
