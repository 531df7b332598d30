"""A port that may use one network of others."""

import pulumi_openstack as openstack

network = openstack.networking.Network("net")
port = openstack.networking.Port("port", network_id=network.id, allowed_address_pairs=[{"ip_address": "10.8.0.0/24"}])
