"""What is wrong with a configuration, found before any call to the cloud.

Each rule is a function that yields faults. A stack file is held against all of them; a component that a program calls, against
those that concern it. A value that is not known yet, because it is a Pulumi output, is passed over.
"""

from collections.abc import Iterable
from typing import TypeVar

from multiport.components.checks.floating_ips import check_floating_ips
from multiport.components.checks.networks import check_network
from multiport.components.checks.security_groups import check_security_group
from multiport.components.checks.servers import check_instance
from multiport.components.checks.shape import shaped
from multiport.components.checks.stack import check_topology
from multiport.components.checks.virtual_ips import check_address_pairs
from multiport.components.config_error import ConfigError, Fault
from multiport.components.topology import Topology

__all__ = [
    "check_address_pairs",
    "check_floating_ips",
    "check_instance",
    "check_network",
    "check_security_group",
    "check_topology",
    "load",
    "raise_if",
    "read",
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
    raise_if(check_topology(topology))
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
