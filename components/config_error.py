"""What is wrong with a configuration: every fault with its key and its remedy."""

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi

from multiport.guest.errors import LONGEST_SHOWN, shown


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    key: str
    """Where: the path of the key in the configuration, for example servers.web.ports.a.slot."""
    problem: str
    """What: one sentence without its full stop. Where Neutron's or Nova's own refusal is known, it is named."""
    remedy: str
    """What to do: one sentence without its full stop."""

    def __str__(self) -> str:
        """The fault in one line."""
        return f"{self.key}: {self.problem}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"


class ConfigError(pulumi.RunError):
    """A configuration that cannot be deployed. Its text has one line for each fault, and is all that the CLI shows of it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def key_path(parent: str, *keys: str | int) -> str:
    """The path of a key below `parent`: names joined by dots, list positions in brackets, odd names quoted and shortened."""
    path = parent
    for key in keys:
        part = f"[{key}]" if isinstance(key, int) else f".{named(key)}"
        path = f"{path}{part}".removeprefix(".")
    return path


def named(name: str) -> str:
    """A user's name as a message mentions it: as it is if it is plain and short, else as any other value."""
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if plain and len(name) <= LONGEST_SHOWN else shown(name)
