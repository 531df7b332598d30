"""What is wrong with a configuration, found before any call to the cloud.

Each rule is a function that yields faults; the configuration passes through all of them once, and a component that is called
directly through those that concern it. What is not known yet, a Pulumi output, is passed over.
"""

from collections.abc import Iterable
from typing import TypeVar

from multiport.components.checks.floating_ips import floating_ip_faults, floating_ips_faults
from multiport.components.checks.networks import network_faults
from multiport.components.checks.ports import port_faults
from multiport.components.checks.security_groups import security_group_faults, server_group_faults
from multiport.components.checks.servers import instance_faults, server_faults
from multiport.components.checks.shape import shaped
from multiport.components.checks.stack import topology_faults
from multiport.components.checks.virtual_ips import address_pairs_faults, virtual_ip_faults
from multiport.components.config_error import ConfigError, Fault
from multiport.components.topology import Topology

__all__ = [
    "address_pairs_faults",
    "floating_ip_faults",
    "floating_ips_faults",
    "instance_faults",
    "load",
    "network_faults",
    "port_faults",
    "raise_if",
    "read",
    "security_group_faults",
    "server_faults",
    "server_group_faults",
    "topology_faults",
    "virtual_ip_faults",
]

Args = TypeVar("Args")


def load(raw: object) -> Topology:
    """Read a stack's configuration.

    Args:
        raw: The configuration as plain data, by the keys of `Topology`.

    Raises:
        ConfigError: Something is wrong with it. Faults of shape come alone, for sense can be made only of what has one.
    """
    topology = read("", raw, Topology)
    raise_if(topology_faults(topology))
    return topology


def read(path: str, args: object, kind: type[Args]) -> Args:
    """Read arguments as a TypedDict, whole numbers made ints; Pulumi outputs stay as they are.

    Args:
        path: What the arguments are of, for the error; empty for the whole configuration.
        args: The arguments.
        kind: The TypedDict.

    Raises:
        ConfigError: A key is misspelt or missing, or a value of the wrong type.
    """
    faults: list[Fault] = []
    reading = shaped(path, args, kind)
    while True:
        try:
            faults.append(next(reading))
        except StopIteration as end:
            raise_if(faults)
            value: Args = end.value
            return value


def raise_if(faults: Iterable[Fault]) -> None:
    """Refuse to go on if anything is wrong.

    Raises:
        ConfigError: There is a fault.
    """
    found = list(faults)
    if found:
        raise ConfigError(found)
