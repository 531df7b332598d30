"""A server with several ports that answers on every one of them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any, NotRequired

import pulumi
import pulumi_openstack as openstack
from typing_extensions import TypedDict

from multiport.components import addressing, checks, naming, two_steps
from multiport.components.address_pairs import AddressPairArgs
from multiport.components.floating_ips import FloatingIps, FloatingIpTargetArgs
from multiport.components.network_ref import NetworkRef, SubnetRef
from multiport.components.ordering import after
from multiport.components.topology import BootVolumeArgs, FixedIpArgs, FloatingIpArgs, RoutingArgs
from multiport.guest import plan
from multiport.guest.cloud_config import user_data
from multiport.guest.metadata import PortFacts, Route, RoutingOptions, server_metadata
from multiport.guest.slots import assign_slots


class PortArgs(TypedDict):
    """A port of the server. Its key is its identity; its name is display."""

    network: NetworkRef
    """The network: a PrivateNetwork's `reference`, `external_network(...)`, or one written by hand."""
    name: NotRequired[str]
    """Display name. Default: <stack>-<server>-<key>."""
    formerly: NotRequired[list[str]]
    """Keys that this port had before, oldest first: renaming a key then keeps the port, its slot and the server."""
    hot: NotRequired[bool]
    """Attach to the running server: coming and going never replaces it. Default: false, a boot port."""
    slot: NotRequired[int]
    """Number that fixes the routing table (21000 + slot), 1 to 511. Default: derived from the key."""
    fixed_ips: NotRequired[dict[str, FixedIpArgs]]
    """Addresses by key. Default: one on each subnet of the network, under the subnet's key."""
    floating_ip: NotRequired[FloatingIpArgs]
    """A floating IP for the port's only IPv4 address. Default: none."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Security groups. Default: the server's."""
    port_security_enabled: NotRequired[bool]
    """Whether Neutron drops foreign source addresses. Default: true."""
    allowed_address_pairs: NotRequired[dict[str, AddressPairArgs]]
    """Addresses beside its own that the port may use, by key. Default: none."""
    mac_address: NotRequired[str]
    """MAC address. Default: chosen by Neutron."""


class MultiPortInstanceArgs(TypedDict):
    """A server with its ports."""

    flavor: pulumi.Input[str]
    """Flavor name."""
    ports: dict[str, PortArgs]
    """Ports by key, at least one of them a boot port."""
    image: NotRequired[pulumi.Input[str]]
    """Image name; or give image_id."""
    image_id: NotRequired[pulumi.Input[str]]
    """Image id; or give image."""
    name: NotRequired[str]
    """Display name and host name. Default: <stack>-<server>."""
    primary_port: NotRequired[str]
    """The boot port that comes first and keeps the main default route. Default: the first boot port by key."""
    security_group_ids: NotRequired[list[pulumi.Input[str]]]
    """Security groups for ports that name none. Default: the project's default group."""
    external_network: NotRequired[str]
    """External network for floating IPs that name no pool. Default: PUBLICNET."""
    key_pair: NotRequired[pulumi.Input[str]]
    """Name of a key pair. Default: none."""
    availability_zone: NotRequired[str]
    """Availability zone. Default: the cloud's."""
    server_group_id: NotRequired[pulumi.Input[str]]
    """Server group for the scheduler. Default: none."""
    boot_volume: NotRequired[BootVolumeArgs]
    """Boot from a volume. Default: from the image."""
    config_drive: NotRequired[bool]
    """Whether Nova builds a config drive. Default: true; false only with a single port."""
    metadata: NotRequired[dict[str, str]]
    """Nova metadata of the user's own. Default: none."""
    tags: NotRequired[list[str]]
    """Nova tags beside ours. Default: none."""
    cloud_config: NotRequired[pulumi.Input[str]]
    """The user's own cloud-config text, merged with ours. Default: none."""
    return_path: NotRequired[str]
    """policy_routing: every address answers through its own port. none: nothing is installed. Default: policy_routing."""
    guest_update: NotRequired[str]
    """replace: changed user data replaces the server. keep: it waits for the next replacement. Default: replace."""
    guest_generation: NotRequired[int]
    """Raise it to replace the server now (with guest_update keep). Default: 0."""
    routing: NotRequired[RoutingArgs]
    """Options of the guest's policy routing; all of them change without a new server. Default: all off."""


class PortState(TypedDict):
    """What became of a port."""

    port_id: str
    """Port id."""
    mac_address: str
    """MAC address."""
    fixed_ips: dict[str, str]
    """Addresses by key; on a network of somebody else's, by their place in Neutron's answer."""
    floating_ips: dict[str, str]
    """Floating IPs by the fixed IP's key."""
    slot: int
    """The number bound to the port's key."""
    table: int
    """Routing table in the guest."""
    priority: int
    """First priority of the port's rules in the guest."""


class MultiPortInstance(pulumi.ComponentResource):
    """Server, boot ports, hot-attached ports, floating IPs, and the user data that makes every address answer.

    User data replaces a server, so it holds only what Nova fixes at creation: the boot ports' slots and MAC addresses and the
    user's own cloud-config. Everything that may change while the server lives goes into its metadata.
    """

    server_id: pulumi.Output[str]
    """Server id."""
    ports: pulumi.Output[dict[str, PortState]]
    """What became of each port, by the user's keys."""
    user_data: pulumi.Output[str]
    """The user data as rendered now; with guest_update keep, what the next server will get."""
    user_data_sha256: pulumi.Output[str]
    """SHA-256 of user_data."""
    guest_update_pending: pulumi.Output[bool]
    """Whether the living server was born with other user data."""
    metadata: pulumi.Output[dict[str, str]]
    """The server's metadata, ours and the user's."""

    def __init__(self, name: str, args: MultiPortInstanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the server.

        Raises:
            ConfigError: a value makes no sense, the user data is too big, or two ports derive the same slot; raised before any
                call to the cloud.
        """
        args = checks.read(f"MultiPortInstance {name}", args, MultiPortInstanceArgs)
        checks.raise_if(checks.instance_faults(f"MultiPortInstance {name}", args))
        self._name = name
        self._args = args
        ports = dict(sorted(args["ports"].items()))
        declared = {key: _declared(port) for key, port in ports.items()}
        super().__init__(
            "multiport:index:MultiPortInstance",
            name,
            # the user's own part of what the guest gets: a preview knows it even where it knows neither user data nor metadata
            {"declared": declared, "cloudConfig": args.get("cloud_config"), "metadata": args.get("metadata")},
            two_steps.guarded(name, opts, two_steps.port_faults),
        )
        self._slots = _slots(ports)
        boot = boot_order(args)
        resources = {key: self._port(key, port) for key, port in ports.items()}
        addresses = {key: _addresses(ports[key], resources[key]) for key in ports}
        policy_routing = args.get("return_path", "policy_routing") == "policy_routing"

        macs = pulumi.Output.all(**{key: resources[key].mac_address for key in boot})
        self.user_data = pulumi.Output.all(macs, args.get("cloud_config")).apply(
            lambda known: user_data(self._plan(known[0]) if policy_routing else None, known[1])
        )
        self.user_data_sha256 = self.user_data.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())
        facts = [_facts(key, port, self._slots[key], resources[key], addresses[key]) for key, port in ports.items()]
        self.metadata = pulumi.Output.all(*(facts if policy_routing else [])).apply(self._metadata)

        instance = self._instance(boot, resources)
        attachments = {
            key: openstack.compute.InterfaceAttach(
                f"{name}-{key}",
                instance_id=instance.id,
                port_id=resources[key].id,
                opts=self._child(ports[key]),
            )
            for key in ports
            if key not in boot
        }
        self.server_id = instance.id
        self.guest_update_pending = pulumi.Output.all(self.user_data, instance.user_data).apply(
            lambda texts: _as_kept(texts[0]) != (texts[1] or "")
        )
        targets = self._floating_ips(ports, resources, addresses, [instance.id, *(each.id for each in attachments.values())])
        floating: pulumi.Output[dict[str, str]] = pulumi.Output.from_input({})
        if targets:
            floating = FloatingIps(name, {"addresses": targets}, pulumi.ResourceOptions(parent=self)).addresses
        self.ports = pulumi.Output.all(
            **{
                key: pulumi.Output.all(resources[key].id, resources[key].mac_address, addresses[key], floating).apply(
                    self._state(key, ports[key])
                )
                for key in ports
            }
        )
        self.register_outputs(
            {
                "serverId": self.server_id,
                "ports": self.ports,
                "userData": self.user_data,
                "userDataSha256": self.user_data_sha256,
                "guestUpdatePending": self.guest_update_pending,
                "metadata": self.metadata,
            }
        )

    def _child(self, port: PortArgs | None = None, **options: Any) -> pulumi.ResourceOptions:
        former = [] if port is None else port.get("formerly", [])
        aliases = [pulumi.Alias(name=f"{self._name}-{key}") for key in former]
        return pulumi.ResourceOptions(parent=self, aliases=aliases or None, **options)

    def _port(self, key: str, port: PortArgs) -> openstack.networking.Port:
        network = port["network"]
        external = network.get("external", False)
        filtered = port.get("port_security_enabled", True)
        groups = port.get("security_group_ids", self._args.get("security_group_ids"))
        return openstack.networking.Port(
            f"{self._name}-{key}",
            name=port.get("name", naming.display_name(self._name, key)),
            network_id=network["id"],
            mac_address=port.get("mac_address"),
            admin_state_up=True,
            fixed_ips=None
            if external
            else [
                openstack.networking.PortFixedIpArgs(
                    subnet_id=network["subnets"][each["subnet"]]["id"], ip_address=each.get("ip_address")
                )
                for each in sorted(_fixed_ips(port).values(), key=lambda each: (each["subnet"], each.get("ip_address", "")))
            ],
            # always explicit: False -> absent is refused by Neutron, absent -> True is not seen by the provider (measured)
            port_security_enabled=None if external else filtered,
            security_group_ids=groups if filtered else None,
            no_security_groups=None if filtered else True,
            allowed_address_pairs=[
                openstack.networking.PortAllowedAddressPairArgs(ip_address=_pair(pair))
                for _, pair in sorted(port.get("allowed_address_pairs", {}).items())
            ],
            tags=naming.tags(self._name, key),
            # a replaced port holds its address until it is gone
            opts=self._child(port, delete_before_replace=True),
        )

    def _plan(self, macs: Mapping[str, str]) -> plan.RoutingPlan:
        boot = boot_order(self._args)
        return plan.RoutingPlan(
            tuple(plan.BootPort(slot=self._slots[key], mac=macs[key], primary=key == boot[0]) for key in boot)
        )

    def _metadata(self, facts: list[PortFacts | None]) -> pulumi.Output[dict[str, str]] | dict[str, str]:
        known = [each for each in facts if each is not None]
        if len(known) < len(facts):
            return _unknown()  # a preview of a port whose address Neutron has yet to choose
        routing = self._args.get("routing", {})
        options = RoutingOptions(
            connmark=routing.get("connmark", False),
            forward=routing.get("forward", False),
            table_names=routing.get("table_names", False),
            echo_url=routing.get("echo_url"),
        )
        return server_metadata(known, options, self._args.get("metadata", {}))

    def _instance(self, boot: list[str], ports: Mapping[str, openstack.networking.Port]) -> openstack.compute.Instance:
        args = self._args
        keep = args.get("guest_update", "replace") == "keep"
        volume = args.get("boot_volume")
        ready = [pulumi.Output.from_input(port["network"].get("ready", port["network"]["id"])) for port in args["ports"].values()]
        group = args.get("server_group_id")
        return openstack.compute.Instance(
            f"{self._name}-server",
            name=args.get("name", naming.display_name(self._name)),
            flavor_name=args["flavor"],
            image_name=args.get("image") if volume is None else None,
            image_id=args.get("image_id") if volume is None else None,
            block_devices=None if volume is None else [self._boot_volume(volume)],
            networks=[openstack.compute.InstanceNetworkArgs(port=ports[key].id) for key in boot],
            config_drive=args.get("config_drive", True),
            user_data=self.user_data.apply(lambda text: text or None),
            key_pair=args.get("key_pair"),
            availability_zone=args.get("availability_zone"),
            scheduler_hints=None if group is None else [openstack.compute.InstanceSchedulerHintArgs(group=group)],
            # host routes reach a guest at its first boot only if they are there before it
            metadata=after(self.metadata, *ready),
            tags=sorted({*naming.tags(self._name), *args.get("tags", [])}),
            opts=self._child(
                delete_before_replace=True,  # else 409 "Port is still in use" (measured)
                ignore_changes=["user_data"] if keep else None,
                replacement_trigger=args.get("guest_generation", 0) if keep else None,
            ),
        )

    def _boot_volume(self, volume: BootVolumeArgs) -> openstack.compute.InstanceBlockDeviceArgs:
        image = self._args.get("image_id")
        if image is None:
            image = openstack.images.get_image_output(
                name=self._args["image"], most_recent=True, opts=pulumi.InvokeOptions(parent=self)
            ).id
        return openstack.compute.InstanceBlockDeviceArgs(
            uuid=image,
            source_type="image",
            destination_type="volume",
            boot_index=0,
            volume_size=volume["size"],
            volume_type=volume.get("volume_type"),
            delete_on_termination=volume.get("delete_on_termination", True),
        )

    def _floating_ips(
        self,
        ports: Mapping[str, PortArgs],
        resources: Mapping[str, openstack.networking.Port],
        addresses: Mapping[str, pulumi.Output[dict[str, str]]],
        servers: list[pulumi.Output[str]],
    ) -> dict[str, FloatingIpTargetArgs]:
        targets: dict[str, FloatingIpTargetArgs] = {}
        for key, port in ports.items():
            for fixed_key, floating_ip in _floating(port).items():
                ready = pulumi.Output.from_input(port["network"].get("ready", port["network"]["id"]))
                target: FloatingIpTargetArgs = {
                    # a floating IP needs the router's interface (404 without), and on OVN a bound port
                    "port_id": after(resources[key].id, ready, *servers),
                    "fixed_ip": addresses[key].apply(partial(_address_of, fixed_key)),
                    "target": f"{_identity(key, port)}.{fixed_key}",
                }
                if "address" in floating_ip:
                    target["address"] = floating_ip["address"]
                else:
                    target["pool"] = floating_ip.get("pool", self._args.get("external_network", "PUBLICNET"))
                targets[_floating_key(key, port, fixed_key, floating_ip)] = target
        return targets

    def _state(self, key: str, port: PortArgs) -> Callable[[Sequence[Any]], PortState]:
        slot = self._slots[key]
        floating_keys = {fixed_key: _floating_key(key, port, fixed_key, each) for fixed_key, each in _floating(port).items()}

        def state(known: Sequence[Any]) -> PortState:
            port_id, mac, addresses, floating = known
            return {
                "port_id": port_id,
                "mac_address": mac,
                "fixed_ips": addresses,
                "floating_ips": {each: floating[floating_key] for each, floating_key in floating_keys.items()},
                "slot": slot,
                "table": plan.table(slot),
                "priority": plan.priorities(slot)[0],
            }

        return state


def boot_order(args: MultiPortInstanceArgs) -> list[str]:
    """Boot ports in the order in which Nova gets them: the primary first, then by the key that each was born with.

    Neither a port's place in the config nor a new name for its key may change that order: another order is another server.
    """
    boot = sorted(
        (key for key, port in args["ports"].items() if not port.get("hot", False)),
        key=lambda key: _identity(key, args["ports"][key]),
    )
    primary = args.get("primary_port", boot[0])
    return [primary, *(key for key in boot if key != primary)]


def _as_kept(text: str) -> str:
    """User data as the provider keeps it: its SHA-1, or nothing where there is none."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() if text else ""


def _identity(key: str, port: PortArgs) -> str:
    """The key that the port was born with."""
    return port["formerly"][0] if port.get("formerly") else key


def _slots(ports: Mapping[str, PortArgs]) -> dict[str, int]:
    born = {key: _identity(key, port) for key, port in ports.items()}
    assigned = assign_slots({born[key]: port.get("slot") for key, port in ports.items()})
    return {key: assigned[born[key]] for key in ports}


def _declared(port: PortArgs) -> dict[str, Any]:
    """The port's plain part: what the next update is compared with, and what a preview shows of the component."""
    subnets, floating = _subnets(port), _floating(port)
    return {
        **{field: port[field] for field in ("name", "hot", "slot", "formerly") if field in port},
        "fixed_ips": {
            key: {
                "cidr": subnets[each["subnet"]]["cidr"],
                **({"ip_address": each["ip_address"]} if "ip_address" in each else {}),
                **({"floating_ip": True} if key in floating else {}),
            }
            for key, each in _fixed_ips(port).items()
        },
    }


def _floating(port: PortArgs) -> dict[str, FloatingIpArgs]:
    """Floating IPs by the key of the fixed IP that each is on."""
    return addressing.floating_ips(port, {key: each["cidr"] for key, each in _subnets(port).items()})


def _subnets(port: PortArgs) -> dict[str, SubnetRef]:
    return port["network"].get("subnets", {})


def _fixed_ips(port: PortArgs) -> dict[str, FixedIpArgs]:
    """The port's addresses by key, in the order of their keys; none are known on a network of somebody else's."""
    return dict(sorted(addressing.fixed_ips(port, _subnets(port)).items()))


def _floating_key(key: str, port: PortArgs, fixed_key: str, floating_ip: FloatingIpArgs) -> str:
    return floating_ip.get("key", f"{_identity(key, port)}.{fixed_key}")


def _pair(pair: AddressPairArgs) -> pulumi.Output[str]:
    """A virtual address bare, any other with its mask: a bare pair turns the port that owns the address virtual on OVN."""
    address = pulumi.Output.from_input(pair["ip_address"])
    return address if pair.get("virtual", False) else address.apply(addressing.with_mask)


def _addresses(port: PortArgs, resource: openstack.networking.Port) -> pulumi.Output[dict[str, str]]:
    """The port's addresses by key: pinned ones from the config, so that a preview knows them, others as Neutron chose."""
    subnets, fixed_ips = _subnets(port), _fixed_ips(port)

    def choose(known: Sequence[str]) -> dict[str, str]:
        if not fixed_ips:
            return {str(place): address for place, address in enumerate(known)}
        pinned = {key: each["ip_address"] for key, each in fixed_ips.items() if "ip_address" in each}
        chosen = {
            key: pinned.get(key) or addressing.fixed_ip_of(subnets[each["subnet"]]["cidr"], known, pinned.values())
            for key, each in fixed_ips.items()
        }
        return {key: address for key, address in chosen.items() if address is not None}

    if fixed_ips and all("ip_address" in each for each in fixed_ips.values()):
        return after(pulumi.Output.from_input(choose([])), resource.id)
    return resource.all_fixed_ips.apply(choose)


def _address_of(key: str, chosen: Mapping[str, str]) -> str | pulumi.Output[str]:
    return chosen[key] if key in chosen else _unknown()


def _facts(
    key: str, port: PortArgs, slot: int, resource: openstack.networking.Port, addresses: pulumi.Output[dict[str, str]]
) -> pulumi.Output[PortFacts | None]:
    """What the guest must know of the port while the server lives; None while an address is still to be chosen."""
    network = port["network"]
    fixed_ips = _fixed_ips(port)
    used = {each["subnet"]: network["subnets"][each["subnet"]] for each in fixed_ips.values()}
    pairs = [pair for _, pair in sorted(port.get("allowed_address_pairs", {}).items())]
    held = [pair["ip_address"] for pair in pairs if pair.get("holder", False)]
    shared = [pair["ip_address"] for pair in pairs if pair.get("virtual", False) and not pair.get("holder", False)]
    gateways = pulumi.Output.all(*(subnet.get("gateway_ip") for subnet in used.values()))

    def build(known: Sequence[Any]) -> PortFacts | None:
        mac, mtu, chosen, gateway_ips, held_ips, shared_ips = known
        if len(chosen) < len(fixed_ips):
            return None
        addresses = [ip_interface(f"{chosen[each]}/{_prefix(used[fixed_ips[each]['subnet']]['cidr'])}") for each in fixed_ips]
        routes = [route.split(",") for subnet in used.values() for route in subnet.get("host_routes", [])]
        return PortFacts(
            key=key,
            slot=slot,
            mac=mac,
            mtu=None if mtu is None else int(mtu),
            hot=port.get("hot", False),
            v4=tuple(each for each in addresses if isinstance(each, IPv4Interface)),
            v6=tuple(each for each in addresses if isinstance(each, IPv6Interface)),
            gateways=tuple(ip_address(each) for each in gateway_ips if each),
            routes=tuple(Route(ip_network(destination), ip_address(next_hop)) for destination, next_hop in routes),
            vips=tuple(_with_prefix(each, network) for each in held_ips),
            pairs=tuple(_with_prefix(each, network) for each in shared_ips),
        )

    virtual_ips = (pulumi.Output.all(*held), pulumi.Output.all(*shared))
    return pulumi.Output.all(resource.mac_address, network.get("mtu"), addresses, gateways, *virtual_ips).apply(build)


def _prefix(cidr: str) -> int:
    return ip_network(cidr).prefixlen


def _with_prefix(address: str, network: NetworkRef) -> IPv4Interface | IPv6Interface:
    host = ip_interface(address).ip  # a pair may come with its mask
    homes = (ip_network(subnet["cidr"]) for subnet in network.get("subnets", {}).values())
    return next((ip_interface(f"{host}/{home.prefixlen}") for home in homes if host in home), ip_interface(host))


def _unknown() -> pulumi.Output[Any]:
    async def value(given: Any) -> Any:
        return given

    return pulumi.Output(set(), value(None), value(False))
