"""The one error of this package, and how its messages show a value."""

from collections.abc import Mapping
from typing import Final

LONGEST_SHOWN: Final = 60
"""Characters of a text that a message shows: enough to recognise it, too few to flood a terminal with a hostile one."""

LARGEST_SHOWN: Final = 10**18
"""Numbers of this size and more are not written out."""


class GuestError(ValueError):
    """What the guest is to be told is not possible.

    Attributes:
        key: Where in the server's description the fault lies, for example ``ports.a.mac``.
        problem: What is wrong, without a full stop.
        remedy: What to do about it, without a full stop.
    """

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}. {remedy}.")
        self.key = key
        self.problem = problem
        self.remedy = remedy


def shown(value: object) -> str:
    """A value as a message shows it: escaped and shortened, and never what a mapping, a list or an object holds."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < LARGEST_SHOWN else "a huge number"
        case float():
            return repr(value)
        case str():
            return repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}...")
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return "a value of a foreign kind"
