"""A server whose user data carries a public key."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
one = openstack.networking.Port("one", network_id=network.id)
openstack.compute.Instance(
    "server",
    flavor_name="gp.0.1.2",
    image_name="Debian-12",
    networks=[{"port": one.id}],
    user_data="#cloud-config\nssh_authorized_keys: [ssh-ed25519 AAAA]\nchpasswd: {expire: false}\n",
)
