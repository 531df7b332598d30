"""Lists what the user `demo` owns and the lab did not create: nothing, if a destroy has removed everything."""

from __future__ import annotations

import os
import sys

import openstack

from lab.services.seed import KEYPAIR
from lab.settings import from_environment


def main() -> int:
    """Print one line for each object; return 1 if there is any."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(from_environment().clouds_yaml)
    found = sorted(_objects(openstack.connect(cloud="local")))
    for kind, name, identifier in found:
        print(f"{kind:20} {name or '-':40} {identifier}")
    return 1 if found else 0


def _objects(demo):
    own = {"project_id": demo.current_project_id}
    listings = {
        "server": demo.compute.servers(),
        "server group": demo.compute.server_groups(),
        "key pair": (keypair for keypair in demo.compute.keypairs() if keypair.name != KEYPAIR),
        "image": demo.image.images(owner=own["project_id"]),
        "network": demo.network.networks(**own),
        "subnet": demo.network.subnets(**own),
        "port": demo.network.ports(**own),
        "router": demo.network.routers(**own),
        "floating IP": demo.network.ips(**own),
        "subnet pool": demo.network.subnet_pools(**own),
        "address group": demo.network.address_groups(**own),
    }
    for kind, objects in listings.items():
        for found in objects:
            yield kind, found.name, found.id
    for group in demo.network.security_groups(**own):
        if group.name != "default":
            yield "security group", group.name, group.id
            continue
        for rule in group.security_group_rules:
            # the default rules of this group: all egress, and all ingress from the group itself
            if rule["protocol"] or rule["remote_ip_prefix"] or rule["remote_group_id"] not in (None, group.id):
                yield "rule of default", rule["description"], rule["id"]


if __name__ == "__main__":
    sys.exit(main())
