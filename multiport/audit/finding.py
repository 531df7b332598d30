"""What an audit finds: one thing that is not as declared, with the object that it is about and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What can be wrong, the worst first."""

    GONE = "gone"
    """The state has it, the cloud has not."""
    BROKEN = "broken"
    """It is there and does not work: a server in ERROR."""
    DOUBLE = "double"
    """It carries our tags, is in no state, and the state has another one for the same key."""
    ORPHAN = "orphan"
    """It carries our tags and is in no state."""
    UNTAGGED = "untagged"
    """It is called and placed as the stack's own, is in no state, and was never tagged."""
    PENDING = "pending"
    """The CLI ended in the middle of an operation on it."""
    LOCKED = "locked"
    """A lock is on the stack."""
    DIFFERS = "differs"
    """A property is not what is declared."""
    UNDECLARED = "undeclared"
    """Something was added to one of our objects that the state does not know."""
    DOUBTFUL = "doubtful"
    """It carries our tags but does not look like ours: the tags may have been copied."""


SEVERITY: Final = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        kind: What is wrong.
        what: What kind of object it is about, in a word or two: `port`, `floating IP`.
        name: The object's name: the resource's where the state knows it, else the one in the cloud.
        id: The object's id in the cloud; empty where there is none.
        problem: What is wrong, in a sentence.
        remedy: What to do, in a sentence.
        urn: The resource; empty where the state knows none.
        attribute: The API's name of the property that differs; empty otherwise.
        repair: What to send to the API so that the object is as declared; empty where nothing can be sent.
    """

    kind: Kind
    what: str
    name: str
    id: str
    problem: str
    remedy: str
    urn: str = ""
    attribute: str = ""
    repair: Mapping[str, Any] = field(default_factory=dict)


def ordered(findings: list[Finding]) -> list[Finding]:
    """The worst first, then by object."""
    return sorted(findings, key=lambda each: (SEVERITY[each.kind], each.what, each.name, each.id, each.attribute, each.problem))
