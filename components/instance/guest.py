"""What the guest is told: user data when it is created, metadata while it lives."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any

import pulumi

from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.instance.derived import fixed_ips, subnets
from multiport.components.instance.ports import CreatedPort
from multiport.components.network_ref import NetworkRef
from multiport.components.ordering import unknown
from multiport.guest import plan
from multiport.guest.cloud_config import user_data
from multiport.guest.metadata import PortFacts, Route, RoutingOptions, server_metadata


@dataclass(frozen=True, slots=True)
class GuestTexts:
    """What Nova hands to the guest."""

    user_data: pulumi.Output[str]
    """User data; empty if there is none."""
    metadata: pulumi.Output[dict[str, str]]
    """Metadata, ours and the user's."""

    @property
    def user_data_sha256(self) -> pulumi.Output[str]:
        """SHA-256 of the user data, in hexadecimal digits."""
        return self.user_data.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())

    def update_pending(self, kept: pulumi.Output[str | None]) -> pulumi.Output[bool]:
        """Whether the living server was created with other user data.

        Args:
            kept: The server's user data as the provider keeps it.
        """

        def differs(texts: Mapping[str, Any]) -> bool:
            return _as_kept(texts["rendered"]) != (texts["kept"] or "")

        return pulumi.Output.all(rendered=self.user_data, kept=kept).apply(differs)


def guest_texts(args: MultiPortInstanceArgs, boot: Sequence[CreatedPort], ports: Iterable[CreatedPort]) -> GuestTexts:
    """Render user data and metadata.

    Args:
        args: The server.
        boot: Its boot ports, the primary one first.
        ports: All its ports.
    """
    policy_routing = args.get("return_path", "policy_routing") == "policy_routing"

    def render(values: Mapping[str, Any]) -> str:
        return user_data(_plan(boot, values["macs"]) if policy_routing else None, values["cloud_config"])

    macs = pulumi.Output.all(**{port.key: port.resource.mac_address for port in boot})
    facts = [_facts(port) for port in ports] if policy_routing else []
    return GuestTexts(
        user_data=pulumi.Output.all(macs=macs, cloud_config=args.get("cloud_config")).apply(render),
        metadata=pulumi.Output.all(*facts).apply(lambda found: _metadata(args, found)),
    )


def _plan(boot: Sequence[CreatedPort], macs: Mapping[str, str]) -> plan.RoutingPlan:
    return plan.RoutingPlan(tuple(plan.BootPort(slot=port.slot, mac=macs[port.key], primary=port is boot[0]) for port in boot))


def _metadata(args: MultiPortInstanceArgs, facts: list[PortFacts | None]) -> pulumi.Output[dict[str, str]] | dict[str, str]:
    known = [fact for fact in facts if fact is not None]
    if len(known) < len(facts):
        return unknown()  # a preview of a port whose address Neutron has yet to choose
    return server_metadata(known, RoutingOptions(**args.get("routing", {})), args.get("metadata", {}))


def _facts(port: CreatedPort) -> pulumi.Output[PortFacts | None]:
    """What the guest must know of the port while the server lives; None while an address is still to be chosen."""
    network = port.args["network"]
    wanted = fixed_ips(port.args)
    used = {fixed_ip["subnet"]: subnets(port.args)[fixed_ip["subnet"]] for fixed_ip in wanted.values()}
    pairs = [pair for _, pair in sorted(port.args.get("allowed_address_pairs", {}).items())]
    held = [pair["ip_address"] for pair in pairs if pair.get("holder", False)]
    shared = [pair["ip_address"] for pair in pairs if pair.get("virtual", False) and not pair.get("holder", False)]

    def build(values: Mapping[str, Any]) -> PortFacts | None:
        chosen: Mapping[str, str] = values["addresses"]
        if len(chosen) < len(wanted):
            return None
        addresses = [
            ip_interface(f"{chosen[key]}/{ip_network(used[fixed_ip['subnet']]['cidr']).prefixlen}")
            for key, fixed_ip in wanted.items()
        ]
        routes = [route.split(",") for subnet in used.values() for route in subnet.get("host_routes", [])]
        return PortFacts(
            key=port.key,
            slot=port.slot,
            mac=values["mac"],
            mtu=None if values["mtu"] is None else int(values["mtu"]),
            hot=port.args.get("hot", False),
            v4=tuple(address for address in addresses if isinstance(address, IPv4Interface)),
            v6=tuple(address for address in addresses if isinstance(address, IPv6Interface)),
            gateways=tuple(ip_address(gateway) for gateway in values["gateways"] if gateway),
            routes=tuple(Route(ip_network(destination), ip_address(next_hop)) for destination, next_hop in routes),
            vips=tuple(_with_prefix(address, network) for address in values["held"]),
            pairs=tuple(_with_prefix(address, network) for address in values["shared"]),
        )

    return pulumi.Output.all(
        mac=port.resource.mac_address,
        mtu=network.get("mtu"),
        addresses=port.addresses,
        gateways=pulumi.Output.all(*(subnet.get("gateway_ip") for subnet in used.values())),
        held=pulumi.Output.all(*held),
        shared=pulumi.Output.all(*shared),
    ).apply(build)


def _with_prefix(address: str, network: NetworkRef) -> IPv4Interface | IPv6Interface:
    """The address with the prefix of its subnet; outside the known subnets, as a network of one."""
    host = ip_interface(address).ip  # a pair may come with its mask
    homes = (ip_network(subnet["cidr"]) for subnet in network.get("subnets", {}).values())
    return next((ip_interface(f"{host}/{home.prefixlen}") for home in homes if host in home), ip_interface(host))


def _as_kept(text: str) -> str:
    """User data as the provider keeps it: its SHA-1, or nothing where there is none."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() if text else ""
