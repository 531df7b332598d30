"""The Neutron ports of a server, and the addresses that each of them has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_openstack as openstack

from multiport.components import addressing, naming
from multiport.components.arguments import AddressPairArgs, MultiPortInstanceArgs, PortArgs
from multiport.components.identity import slot_of
from multiport.components.instance.derived import fixed_ips, floating_ips, subnets
from multiport.components.ordering import after
from multiport.components.topology import FixedIpArgs


@dataclass(frozen=True, slots=True)
class CreatedPort:
    """A port of the server with the resource that was made of it."""

    key: str
    """The user's key."""
    args: PortArgs
    """What was asked for."""
    slot: int
    """The number that fixes its routing table."""
    resource: openstack.networking.Port
    """The Neutron port."""
    addresses: pulumi.Output[dict[str, str]]
    """Its addresses by key; in a preview without those that Neutron has yet to choose."""


def create_port(parent: pulumi.Resource, name: str, key: str, args: MultiPortInstanceArgs) -> CreatedPort:
    """Create the Neutron port of one key.

    Args:
        parent: The component.
        name: The component's name.
        key: The port's key.
        args: The server that it belongs to.
    """
    port = args["ports"][key]
    external = port["network"].get("external", False)
    filtered = port.get("port_security_enabled", True)
    groups = port.get("security_group_ids", args.get("security_group_ids"))
    resource = openstack.networking.Port(
        f"{name}-{key}",
        name=port.get("name", naming.display_name(name, key)),
        description=port.get("description"),
        network_id=port["network"]["id"],
        mac_address=port.get("mac_address"),
        admin_state_up=True,
        fixed_ips=None if external else _requested_addresses(port),
        # always explicit: False -> absent is refused by Neutron, absent -> True is not seen by the provider (measured)
        port_security_enabled=None if external else filtered,
        security_group_ids=groups if filtered else None,
        no_security_groups=None if filtered else True,
        allowed_address_pairs=[
            openstack.networking.PortAllowedAddressPairArgs(ip_address=_pair_address(pair))
            for _, pair in sorted(port.get("allowed_address_pairs", {}).items())
        ],
        tags=naming.tags(name, key),
        opts=pulumi.ResourceOptions(
            parent=parent,
            aliases=former_names(name, port),
            delete_before_replace=True,  # a replaced port holds its address until it is gone
        ),
    )
    return CreatedPort(key, port, slot_of(key, port), resource, _addresses(port, resource))


def former_names(name: str, port: PortArgs) -> list[pulumi.Alias | str] | None:
    """Aliases for the names that the port's resources had under its former keys."""
    return [pulumi.Alias(name=f"{name}-{key}") for key in port.get("formerly", [])] or None


def declared(port: PortArgs) -> dict[str, Any]:
    """The plain part of the port: what `two_steps` compares with the next update, and what a preview shows of the component."""
    with_floating_ip = floating_ips(port)
    return {
        **{field: port[field] for field in ("name", "hot", "slot", "formerly") if field in port},
        "fixed_ips": {
            key: {
                "cidr": subnets(port)[fixed_ip["subnet"]]["cidr"],
                **({"ip_address": fixed_ip["ip_address"]} if "ip_address" in fixed_ip else {}),
                **({"floating_ip": True} if key in with_floating_ip else {}),
            }
            for key, fixed_ip in fixed_ips(port).items()
        },
    }


def _requested_addresses(port: PortArgs) -> list[openstack.networking.PortFixedIpArgs]:
    """The port's addresses by subnet and address, so that a renamed key of one changes nothing."""

    def place(fixed_ip: FixedIpArgs) -> tuple[str, str]:
        return fixed_ip["subnet"], fixed_ip.get("ip_address", "")

    return [
        openstack.networking.PortFixedIpArgs(
            subnet_id=subnets(port)[fixed_ip["subnet"]]["id"], ip_address=fixed_ip.get("ip_address")
        )
        for fixed_ip in sorted(fixed_ips(port).values(), key=place)
    ]


def _pair_address(pair: AddressPairArgs) -> pulumi.Output[str]:
    """A virtual address bare, any other with its mask: a bare pair turns the port that owns the address virtual on OVN."""
    address = pulumi.Output.from_input(pair["ip_address"])
    return address if pair.get("virtual", False) else address.apply(addressing.with_mask)


def _addresses(port: PortArgs, resource: openstack.networking.Port) -> pulumi.Output[dict[str, str]]:
    """The port's addresses by key: pinned ones from the configuration, so that a preview knows them, others as Neutron chose."""
    wanted = fixed_ips(port)
    pinned = {key: fixed_ip["ip_address"] for key, fixed_ip in wanted.items() if "ip_address" in fixed_ip}

    def choose(all_fixed_ips: Sequence[str]) -> dict[str, str]:
        if not wanted:
            return {str(place): address for place, address in enumerate(all_fixed_ips)}
        chosen = {
            key: pinned.get(key)
            or addressing.fixed_ip_of(subnets(port)[fixed_ip["subnet"]]["cidr"], all_fixed_ips, pinned.values())
            for key, fixed_ip in wanted.items()
        }
        return {key: address for key, address in chosen.items() if address is not None}

    if wanted and pinned.keys() == wanted.keys():
        return after(pulumi.Output.from_input(pinned), resource.id)
    return resource.all_fixed_ips.apply(choose)
