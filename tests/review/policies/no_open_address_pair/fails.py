"""A port that may use every address."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
port = openstack.networking.Port("port", network_id=network.id, allowed_address_pairs=[{"ip_address": "0.0.0.0/0"}])
