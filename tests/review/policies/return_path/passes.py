"""A server with two ports, both with a return path."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
one = openstack.networking.Port("one", network_id=network.id)
two = openstack.networking.Port("two", network_id=network.id)
openstack.compute.Instance(
    "server",
    flavor_name="gp.0.1.2",
    image_name="Debian-12",
    networks=[{"port": one.id}, {"port": two.id}],
    config_drive=True,
    metadata={"multiport.port.one": "slot=1 mac=fa:16:3e:00:00:01", "multiport.port.two": "slot=2 mac=fa:16:3e:00:00:02"},
)
