"""A private network, with a gateway or without one, created or adopted."""

import pulumi
import pulumi_openstack as openstack

from multiport.components import addressing, checks, lookups, naming, two_steps
from multiport.components.network_ref import NetworkRef, SubnetRef
from multiport.components.ordering import after
from multiport.components.topology import HostRouteArgs, PrivateNetworkArgs, RouterArgs, SubnetArgs

# A port that nobody owns any more keeps a subnet from being deleted (measured). The provider would try for ten minutes.
DELETE_TIMEOUT = pulumi.CustomTimeouts(delete="3m")


class PrivateNetwork(pulumi.ComponentResource):
    """A network with its subnets and, if asked for, a router to an external network; or an existing network in the same form."""

    network_id: pulumi.Output[str]
    """Id of the network, created or adopted."""
    subnet_ids: pulumi.Output[dict[str, str]]
    """Ids of the subnets by your keys."""
    mtu: pulumi.Output[int]
    """The network's MTU in bytes, as Neutron has it."""
    router_id: pulumi.Output[str | None]
    """Id of the router that was created, if any."""

    def __init__(self, name: str, args: PrivateNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create or adopt the network.

        Raises:
            ConfigError: a value makes no sense; raised before any call to the cloud.
        """
        args = checks.read(f"PrivateNetwork {name}", args, PrivateNetworkArgs)
        checks.raise_if(checks.check_network(f"PrivateNetwork {name}", args))
        super().__init__(
            "multiport:index:PrivateNetwork", name, {"declared": args}, two_steps.guarded(name, opts, two_steps.network_faults)
        )
        self._name = name
        # a look-up takes nothing from its parent but the provider, and what is adopted may come from another resource
        self._look_up = pulumi.InvokeOutputOptions(parent=self, depends_on=None if opts is None else opts.depends_on)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=args.get("protect"))
        subnets: dict[str, SubnetRef] = {}
        if "existing" in args:
            existing = args["existing"]
            found = openstack.networking.get_network_output(
                network_id=existing.get("id"), name=existing.get("name"), opts=self._look_up
            )
            self.network_id, self.mtu = found.id, found.mtu
            for key, subnet in args["subnets"].items():
                subnets[key] = self._existing_subnet(subnet)
        else:
            network = openstack.networking.Network(
                name,
                name=args.get("name", naming.display_name(name)),
                admin_state_up=True,
                mtu=args.get("mtu"),
                port_security_enabled=args.get("port_security_enabled", True),
                tags=naming.tags(name),
                opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(custom_timeouts=DELETE_TIMEOUT)),
            )
            self.network_id, self.mtu = network.id, network.mtu
            for key, subnet in args["subnets"].items():
                subnets[key] = self._subnet(key, subnet, kept)
        waits = [wait for key, subnet in args["subnets"].items() for wait in self._routes(key, subnet, subnets[key], child)]
        no_router: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.router_id = no_router
        if "router" in args and "existing" not in args:
            waits += self._router(args["router"], subnets, child, kept)
        self.subnet_ids = pulumi.Output.all(**{key: subnet["id"] for key, subnet in subnets.items()})
        subnet_outputs = [pulumi.Output.from_input(subnet["id"]) for subnet in subnets.values()]
        self._reference: NetworkRef = {
            # a port without a fixed IP of its own choice gets none if the subnet comes after it
            "id": after(self.network_id, *subnet_outputs),
            "subnets": subnets,
            "mtu": self.mtu,
            "routed": "router" in args,
            "ready": after(self.network_id, *subnet_outputs, *waits),
        }
        self.register_outputs(
            {"networkId": self.network_id, "subnetIds": self.subnet_ids, "mtu": self.mtu, "routerId": self.router_id}
        )

    @property
    def reference(self) -> NetworkRef:
        """The network as ports need it: pass it as a port's `network`."""
        return self._reference

    def _subnet(self, key: str, args: SubnetArgs, child: pulumi.ResourceOptions) -> SubnetRef:
        gateway_ip = addressing.gateway_ip(args)
        ra_mode, address_mode = addressing.ipv6_modes(args)
        subnet = openstack.networking.Subnet(
            f"{self._name}-{key}",
            name=args.get("name", naming.display_name(self._name, key)),
            network_id=self.network_id,
            cidr=args["cidr"],
            ip_version=addressing.ip_version(args["cidr"]),
            # one of the two always: with neither, the provider reports an update for ever (measured)
            gateway_ip=gateway_ip,
            no_gateway=True if gateway_ip is None else None,
            enable_dhcp=addressing.enable_dhcp(args),
            # explicit, or a gateway could never be added to a subnet born without one (measured: 409)
            allocation_pools=[
                openstack.networking.SubnetAllocationPoolArgs(start=pool["start"], end=pool["end"])
                for pool in addressing.allocation_pools(args)
            ],
            dns_nameservers=args.get("dns_nameservers", []),
            ipv6_ra_mode=ra_mode,
            ipv6_address_mode=address_mode,
            tags=naming.tags(self._name, key),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(custom_timeouts=DELETE_TIMEOUT)),
        )
        return {
            "id": subnet.id,
            "cidr": args["cidr"],
            "gateway_ip": gateway_ip or "",
            "host_routes": _host_routes(args),
        }

    def _existing_subnet(self, args: SubnetArgs) -> SubnetRef:
        found = openstack.networking.get_subnet_output(network_id=self.network_id, cidr=args["cidr"], opts=self._look_up)
        return {"id": found.id, "cidr": args["cidr"], "gateway_ip": found.gateway_ip, "host_routes": _host_routes(args)}

    def _routes(self, key: str, args: SubnetArgs, subnet: SubnetRef, child: pulumi.ResourceOptions) -> list[pulumi.Output[str]]:
        routes: dict[str, HostRouteArgs] = args.get("host_routes", {})
        return [
            openstack.networking.SubnetRoute(
                f"{self._name}-{key}.{route_key}",
                subnet_id=subnet["id"],
                destination_cidr=route["destination_cidr"],
                next_hop=route["next_hop"],
                opts=child,
            ).id
            for route_key, route in routes.items()
        ]

    def _router(
        self, args: RouterArgs, subnets: dict[str, SubnetRef], child: pulumi.ResourceOptions, kept: pulumi.ResourceOptions
    ) -> list[pulumi.Output[str]]:
        external_id = lookups.network_id(
            args["external_network"],
            f"{two_steps.declared_at(self._name, two_steps.network_faults)}.router.external_network",
            pulumi.InvokeOptions(parent=self),
            external=True,
        )
        router = openstack.networking.Router(
            f"{self._name}-router",
            name=args.get("name", naming.display_name(self._name)),
            admin_state_up=True,
            external_network_id=external_id,
            enable_snat=args.get("enable_snat"),
            tags=naming.tags(self._name, "router"),
            opts=kept,
        )
        self.router_id = router.id
        return [
            openstack.networking.RouterInterface(
                f"{self._name}-{key}", router_id=router.id, subnet_id=subnet["id"], opts=child
            ).id
            for key, subnet in subnets.items()
            if subnet.get("gateway_ip")  # Neutron answers 400 for a subnet without a gateway
        ]


def _host_routes(args: SubnetArgs) -> list[str]:
    return [f"{route['destination_cidr']},{route['next_hop']}" for route in args.get("host_routes", {}).values()]
