"""OpenStack servers that answer on every one of their ports, as Pulumi components.

The names in `__all__` are the interface for programs. Each is imported when it is first used, so that the parts that do not need
Pulumi (the guest's files, the verifier) start without importing it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiport.components.address_pairs import AddressPairs as AddressPairs
    from multiport.components.arguments import AddressPairArgs as AddressPairArgs
    from multiport.components.arguments import AddressPairsArgs as AddressPairsArgs
    from multiport.components.arguments import FloatingIpsArgs as FloatingIpsArgs
    from multiport.components.arguments import FloatingIpTargetArgs as FloatingIpTargetArgs
    from multiport.components.arguments import MultiPortInstanceArgs as MultiPortInstanceArgs
    from multiport.components.arguments import PortArgs as PortArgs
    from multiport.components.arguments import VirtualIpArgs as VirtualIpArgs
    from multiport.components.config_error import ConfigError as ConfigError
    from multiport.components.floating_ips import FloatingIps as FloatingIps
    from multiport.components.instance.outputs import PortState as PortState
    from multiport.components.multi_port_instance import MultiPortInstance as MultiPortInstance
    from multiport.components.network_ref import NetworkRef as NetworkRef
    from multiport.components.network_ref import SubnetRef as SubnetRef
    from multiport.components.network_ref import external_network as external_network
    from multiport.components.private_network import PrivateNetwork as PrivateNetwork
    from multiport.components.security_group import SecurityGroup as SecurityGroup
    from multiport.components.topology import AllocationPoolArgs as AllocationPoolArgs
    from multiport.components.topology import BootVolumeArgs as BootVolumeArgs
    from multiport.components.topology import ExistingNetworkArgs as ExistingNetworkArgs
    from multiport.components.topology import FixedIpArgs as FixedIpArgs
    from multiport.components.topology import FloatingIpArgs as FloatingIpArgs
    from multiport.components.topology import HostRouteArgs as HostRouteArgs
    from multiport.components.topology import PrivateNetworkArgs as PrivateNetworkArgs
    from multiport.components.topology import RouterArgs as RouterArgs
    from multiport.components.topology import RoutingArgs as RoutingArgs
    from multiport.components.topology import SecurityGroupArgs as SecurityGroupArgs
    from multiport.components.topology import SecurityGroupRuleArgs as SecurityGroupRuleArgs
    from multiport.components.topology import SubnetArgs as SubnetArgs
    from multiport.components.topology import Topology as Topology

_HOME = {
    "address_pairs": ("AddressPairs",),
    "arguments": (
        "AddressPairArgs",
        "AddressPairsArgs",
        "FloatingIpsArgs",
        "FloatingIpTargetArgs",
        "MultiPortInstanceArgs",
        "PortArgs",
        "VirtualIpArgs",
    ),
    "config_error": ("ConfigError",),
    "floating_ips": ("FloatingIps",),
    "instance.outputs": ("PortState",),
    "multi_port_instance": ("MultiPortInstance",),
    "network_ref": ("NetworkRef", "SubnetRef", "external_network"),
    "private_network": ("PrivateNetwork",),
    "security_group": ("SecurityGroup",),
    "topology": (
        "AllocationPoolArgs",
        "BootVolumeArgs",
        "ExistingNetworkArgs",
        "FixedIpArgs",
        "FloatingIpArgs",
        "HostRouteArgs",
        "PrivateNetworkArgs",
        "RouterArgs",
        "RoutingArgs",
        "SecurityGroupArgs",
        "SecurityGroupRuleArgs",
        "SubnetArgs",
        "Topology",
    ),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULES)  # noqa: PLE0605 - one list, in _HOME


def __getattr__(name: str) -> object:
    """Import a public name when it is first used.

    Raises:
        AttributeError: The package has no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.components.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
