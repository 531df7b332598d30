"""What a server's ports became, as the component's outputs say it."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from typing_extensions import TypedDict

from multiport.components.instance.derived import floating_ip_key, floating_ips
from multiport.components.instance.ports import CreatedPort
from multiport.guest import plan


class PortState(TypedDict):
    """What became of a port."""

    port_id: str
    """Neutron's id of the port."""
    mac_address: str
    """The MAC address that the port has."""
    fixed_ips: dict[str, str]
    """Addresses of the port by key; on a network of another owner, by their place in Neutron's answer."""
    floating_ips: dict[str, str]
    """Floating IPs of the port by the fixed IP's key."""
    slot: int
    """The number bound to the port's key."""
    table: int
    """Routing table of the port in the guest."""
    priority: int
    """First priority of the port's rules in the guest."""


def port_states(ports: Iterable[CreatedPort], floating: pulumi.Output[dict[str, str]]) -> pulumi.Output[dict[str, PortState]]:
    """What became of each port, by the user's keys.

    Args:
        ports: The server's ports.
        floating: The server's floating IPs by key.
    """
    return pulumi.Output.all(**{port.key: _state(port, floating) for port in ports})


def _state(port: CreatedPort, floating: pulumi.Output[dict[str, str]]) -> pulumi.Output[PortState]:
    keys = {
        fixed_ip_key: floating_ip_key(port.key, port.args, fixed_ip_key, floating_ip)
        for fixed_ip_key, floating_ip in floating_ips(port.args).items()
    }

    def state(values: Mapping[str, Any]) -> PortState:
        return {
            "port_id": values["port_id"],
            "mac_address": values["mac_address"],
            "fixed_ips": values["addresses"],
            "floating_ips": {fixed_ip_key: values["floating"][key] for fixed_ip_key, key in keys.items()},
            "slot": port.slot,
            "table": plan.table(port.slot),
            "priority": plan.priorities(port.slot)[0],
        }

    return pulumi.Output.all(
        port_id=port.resource.id, mac_address=port.resource.mac_address, addresses=port.addresses, floating=floating
    ).apply(state)
