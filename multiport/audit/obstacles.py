"""What would keep a stack from being taken down: `destroy` then waits for a network until its time is over."""

from collections.abc import Iterator

from multiport.audit.cloud import Cloud
from multiport.audit.state import State


def obstacles(state: State, cloud: Cloud) -> Iterator[str]:
    """Ports that are in no state and stand on a network that the state would delete, each in a sentence.

    Neutron takes its own ports away with the network (DHCP, metadata), but no router's interface and nothing of a server's.
    """
    networks = {each.id: each.name for each in state.of("openstack:networking:Network")}
    for port in cloud.ports.values():
        network = networks.get(port["network_id"])
        owner = port.get("device_owner") or ""
        if network is None or port["id"] in state.ids or (owner.startswith("network:") and "interface" not in owner):
            continue
        holder = f"{owner} {port['device_id']}" if port.get("device_id") else "nothing"
        yield (
            f"port {port.get('name') or '(without a name)'} ({port['id']}, attached to {holder}) is on network {network} "
            f"and in no state: the network cannot be deleted while it is there"
        )
