"""A finding of an audit: one thing that is not as declared, with its object and the remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """The kinds of findings, the worst first."""

    GONE = "gone"
    """The object is in the state but not in the cloud."""
    BROKEN = "broken"
    """The object exists but does not work: a server in status ERROR."""
    DOUBLE = "double"
    """The object has the stack's tags and is not in the state, which has another object for the same key."""
    ORPHAN = "orphan"
    """The object has the stack's tags and is not in the state."""
    UNTAGGED = "untagged"
    """The object has no tags and is not in the state, but has a name and a network that the stack would give it."""
    PENDING = "pending"
    """The CLI ended during an operation on the object."""
    LOCKED = "locked"
    """The stack is locked."""
    DIFFERS = "differs"
    """A property of the object differs from its declaration."""
    UNDECLARED = "undeclared"
    """Something that the state does not declare was added to an object of the stack."""
    DOUBTFUL = "doubtful"
    """The object has the stack's tags but does not look like the stack's own: the tags may have been copied."""


SEVERITY: Final = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        kind: What is wrong.
        what: The kind of object, in a word or two: `port`, `floating IP`.
        name: The object's name: that of its resource if the state has one, otherwise the name in the cloud.
        id: The object's id in the cloud; empty if it has none.
        problem: What is wrong, in a sentence.
        remedy: What to do, in a sentence.
        urn: The URN of the resource; empty if the state has none.
        attribute: The API's name of the property that differs; empty otherwise.
        repair: What to send to the API so that the object is as declared; empty if nothing can be sent.
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
    """Sort findings: the worst first, then by object."""
    return sorted(
        findings,
        key=lambda finding: (SEVERITY[finding.kind], finding.what, finding.name, finding.id, finding.attribute, finding.problem),
    )
