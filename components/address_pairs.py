"""Virtual addresses that several servers share, and the permission to use them."""

import pulumi
import pulumi_openstack as openstack

from multiport.components import checks, naming, two_steps
from multiport.components.arguments import AddressPairArgs, AddressPairsArgs, FloatingIpTargetArgs
from multiport.components.ordering import after
from multiport.components.topology import FloatingIpArgs


class AddressPairs(pulumi.ComponentResource):
    """Virtual addresses: an unbound port reserves each one, members' ports get a pair for it, a floating IP can point to it.

    The form of a pair decides its meaning on OVN: a bare address makes the port that owns it virtual, which is right for these
    unbound ports and fatal for a server's port; with a mask it is a permission and nothing more (measured).
    """

    port_ids: pulumi.Output[dict[str, str]]
    """Ids of the unbound ports by key. They always show DOWN."""
    addresses: pulumi.Output[dict[str, str]]
    """The addresses by key."""

    def __init__(self, name: str, args: AddressPairsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Reserve the addresses.

        Raises:
            ConfigError: an address is outside its subnet or on a network of somebody else's; raised before any call to the cloud.
        """
        args = checks.read(f"AddressPairs {name}", args, AddressPairsArgs)
        checks.raise_if(checks.check_address_pairs(f"AddressPairs {name}", args))
        network = args["network"]
        declared = {
            key: {
                "cidr": network["subnets"][each["subnet"]]["cidr"],
                "ip_address": each["ip_address"],
                "floating_ip": each.get("floating_ip", False),
            }
            for key, each in args["virtual_ips"].items()
        }
        super().__init__(
            "multiport:index:AddressPairs",
            name,
            {"virtualIps": args["virtual_ips"], "declared": declared},
            two_steps.guarded(name, opts, two_steps.virtual_ip_faults),
        )
        ports = {
            key: openstack.networking.Port(
                f"{name}-{key}",
                name=naming.display_name(name, key),
                network_id=network["id"],
                admin_state_up=True,
                fixed_ips=[
                    openstack.networking.PortFixedIpArgs(
                        subnet_id=network["subnets"][virtual_ip["subnet"]]["id"], ip_address=virtual_ip["ip_address"]
                    )
                ],
                security_group_ids=args.get("security_group_ids"),
                port_security_enabled=True,
                tags=naming.tags(name, key),
                opts=pulumi.ResourceOptions(parent=self, protect=virtual_ip.get("protect")),
            )
            for key, virtual_ip in args["virtual_ips"].items()
        }
        self.port_ids = pulumi.Output.all(**{key: port.id for key, port in ports.items()})
        self.addresses = pulumi.Output.from_input({key: each["ip_address"] for key, each in args["virtual_ips"].items()})
        self._port_id = {key: port.id for key, port in ports.items()}
        self._ready = pulumi.Output.from_input(network.get("ready", network["id"]))
        self._virtual_ips = args["virtual_ips"]
        self.register_outputs({"portIds": self.port_ids, "addresses": self.addresses})

    def pair(self, key: str, *, holder: bool = False) -> AddressPairArgs:
        """What a member's port needs in its `allowed_address_pairs`.

        The pair waits for the unbound port: were the pair first, Neutron could hand the address to somebody else.
        """
        address = self._virtual_ips[key]["ip_address"]
        waiting = pulumi.Output.from_input(address)
        return {"ip_address": after(waiting, self._port_id[key]), "virtual": True, "holder": holder}

    def floating_ip_target(self, key: str, floating_ip: FloatingIpArgs) -> FloatingIpTargetArgs:
        """What FloatingIps needs to put a floating IP on the virtual address, once a router leads there."""
        target: FloatingIpTargetArgs = {
            "port_id": after(self._port_id[key], self._ready),
            "fixed_ip": self._virtual_ips[key]["ip_address"],
            "target": key,
        }
        if "address" in floating_ip:
            target["address"] = floating_ip["address"]
        elif "pool" in floating_ip:
            target["pool"] = floating_ip["pool"]
        if "protect" in floating_ip:
            target["protect"] = floating_ip["protect"]
        return target
