"""Objects that prevent a stack from being destroyed: `destroy` would wait for a network until its timeout."""

from collections.abc import Iterator

from multiport.audit.cloud import Cloud
from multiport.audit.state import State


def obstacles(state: State, cloud: Cloud) -> Iterator[str]:
    """Yield a sentence for each port that is not in the state but is on a network that would be deleted.

    Neutron deletes its own ports (DHCP, metadata) with the network, but not the interfaces of routers or the ports of servers.
    """
    networks = {resource.id: resource.name for resource in state.of("openstack:networking:Network")}
    for port in cloud.ports.values():
        network = networks.get(port["network_id"])
        owner = port.get("device_owner") or ""
        if network is None or port["id"] in state.ids or (owner.startswith("network:") and "interface" not in owner):
            continue
        holder = f"{owner} {port['device_id']}" if port.get("device_id") else "nothing"
        yield (
            f"port {port.get('name') or '(without a name)'} ({port['id']}, attached to {holder}) is on network {network} "
            f"and not in the state: the network cannot be deleted while the port exists"
        )
