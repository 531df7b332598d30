"""Floating IPs, each on one fixed IP of one port."""

import pulumi
import pulumi_openstack as openstack

from multiport.components import checks, naming, two_steps
from multiport.components.arguments import FloatingIpsArgs


class FloatingIps(pulumi.ComponentResource):
    """Floating IPs, allocated or adopted. Allocation and association are two resources: the provider never undoes a port_id."""

    addresses: pulumi.Output[dict[str, str]]
    """Floating IPs by your keys, known once each is associated."""

    def __init__(self, name: str, args: FloatingIpsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Allocate or adopt, and associate.

        Raises:
            ConfigError: an entry has both or neither of pool and address; raised before any call to the cloud.
        """
        args = checks.read(f"FloatingIps {name}", args, FloatingIpsArgs)
        checks.raise_if(checks.check_floating_ips(f"FloatingIps {name}", args))
        declared = {
            key: {field: entry[field] for field in ("pool", "address", "target") if field in entry}
            for key, entry in args["addresses"].items()
        }
        super().__init__(
            "multiport:index:FloatingIps",
            name,
            {"declared": declared},
            two_steps.guarded(name, opts, two_steps.floating_ip_faults),
        )
        child = pulumi.ResourceOptions(parent=self)
        addresses: dict[str, pulumi.Output[str]] = {}
        for key, entry in args["addresses"].items():
            if "address" in entry:
                address = pulumi.Output.from_input(entry["address"])
            else:
                address = openstack.networking.FloatingIp(
                    f"{name}-{key}",
                    pool=entry["pool"],
                    description=naming.display_name(name, key),
                    tags=naming.tags(name, key),
                    opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=entry.get("protect"))),
                ).address
            addresses[key] = openstack.networking.FloatingIpAssociate(
                f"{name}-{key}",
                floating_ip=address,
                port_id=entry["port_id"],
                fixed_ip=entry["fixed_ip"],
                # a fixed IP takes one floating IP at a time: 409 FloatingIPPortAlreadyAssociated
                opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(delete_before_replace=True)),
            ).floating_ip
        self.addresses = pulumi.Output.all(**addresses)
        self.register_outputs({"addresses": self.addresses})
