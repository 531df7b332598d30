"""What follows from the arguments of a server alone, without asking the cloud."""

import pulumi

from multiport.components import addressing
from multiport.components.arguments import PortArgs
from multiport.components.identity import original_key
from multiport.components.network_ref import NetworkRef, SubnetRef
from multiport.components.topology import FixedIpArgs, FloatingIpArgs


def subnets(port: PortArgs) -> dict[str, SubnetRef]:
    """The subnets of the port's network by key, as far as they are known."""
    return port["network"].get("subnets", {})


def fixed_ips(port: PortArgs) -> dict[str, FixedIpArgs]:
    """The port's addresses by key, in the order of their keys; none are known on a network of another owner."""
    return dict(sorted(addressing.fixed_ips(port, subnets(port)).items()))


def floating_ips(port: PortArgs) -> dict[str, FloatingIpArgs]:
    """The port's floating IPs by the key of the fixed IP that each is on."""
    return addressing.floating_ips(port, {key: subnet["cidr"] for key, subnet in subnets(port).items()})


def floating_ip_key(key: str, port: PortArgs, fixed_ip_key: str, floating_ip: FloatingIpArgs) -> str:
    """The floating IP's key among those of the server: its own if it has one, else by the place where it points."""
    return floating_ip.get("key", f"{original_key(key, port)}.{fixed_ip_key}")


def ready(network: NetworkRef) -> pulumi.Output[str]:
    """The network's id, once its routes and router interfaces exist."""
    return pulumi.Output.from_input(network.get("ready", network["id"]))
