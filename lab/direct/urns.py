"""URNs as the CLI forms them, and the older URNs that a resource may be known by (aliases)."""

from typing import NamedTuple, Self

from pulumi.runtime.proto import alias_pb2

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"
"""How the types of explicit providers begin."""


class Urn(NamedTuple):
    """A resource's name in a stack: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""

    stack: str
    project: str
    qualified_type: str
    """The types of its parents below the stack and its own, outermost first, joined by `$`."""
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a URN apart; the name may itself contain `::`."""
        stack, project, qualified_type, name = text.removeprefix("urn:pulumi:").split("::", 3)
        return cls(stack, project, qualified_type, name)

    @classmethod
    def under(cls, stack: str, project: str, parent: str, resource_type: str, name: str) -> Self:
        """Form the URN of a child; an empty parent, or the stack as parent, leaves no trace in it."""
        prefix = cls.parse(parent).qualified_type if parent else STACK_TYPE
        return cls(stack, project, resource_type if prefix == STACK_TYPE else f"{prefix}${resource_type}", name)

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def former_urns(urn: Urn, parent: str, former_parent: str, aliases: list[alias_pb2.Alias]) -> list[str]:
    """List the URNs that a resource may have been recorded under, most explicit first.

    Args:
        urn: the resource's URN in this run.
        parent: its parent's URN in this run, or empty.
        former_parent: the URN that its parent is recorded under; the same, unless the parent was renamed.
        aliases: the aliases that the program declares for the resource itself.
    """
    declared = [_declared(urn, former_parent, alias) for alias in aliases]
    inherited = [_inherited(alias, parent, former_parent) for alias in (urn, *declared)] if former_parent != parent else []
    return [text for text in dict.fromkeys(map(str, (*declared, *inherited))) if text != str(urn)]


def _declared(urn: Urn, parent: str, alias: alias_pb2.Alias) -> Urn:
    if alias.urn:
        return Urn.parse(alias.urn)
    spec = alias.spec
    under = "" if spec.noParent else spec.parentUrn or parent
    return Urn.under(spec.stack or urn.stack, spec.project or urn.project, under, spec.type or urn.type, spec.name or urn.name)


def _inherited(urn: Urn, parent: str, former_parent: str) -> Urn:
    """Follow a renamed parent: children are named `<parent's name>-...` by convention, so their names change with it."""
    new, old = Urn.parse(parent).name, Urn.parse(former_parent)
    name = old.name + urn.name.removeprefix(new) if urn.name.startswith(new) else urn.name
    return Urn.under(old.stack, old.project, former_parent, urn.type, name)
