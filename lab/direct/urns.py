"""URNs as the CLI forms them, and the former URNs of a resource (aliases)."""

from typing import NamedTuple, Self

from pulumi.runtime.proto import alias_pb2

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"
"""Prefix of the types of explicit providers."""


class Urn(NamedTuple):
    """Identifies a resource in a stack: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""

    stack: str
    project: str
    qualified_type: str
    """The types of its parents below the stack and its own, outermost first, joined by `$`."""
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a URN. The name may contain `::`."""
        stack, project, qualified_type, name = text.removeprefix("urn:pulumi:").split("::", 3)
        return cls(stack, project, qualified_type, name)

    @classmethod
    def under(cls, stack: str, project: str, parent: str, resource_type: str, name: str) -> Self:
        """Return the URN of a child. An empty parent, or the stack as parent, does not appear in it."""
        prefix = cls.parse(parent).qualified_type if parent else STACK_TYPE
        return cls(stack, project, resource_type if prefix == STACK_TYPE else f"{prefix}${resource_type}", name)

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def former_urns(urn: Urn, parent: str, former_parent: str, aliases: list[alias_pb2.Alias]) -> list[str]:
    """Return the URNs under which a resource may have been recorded, the most explicit first.

    Args:
        urn: the resource's URN in this run.
        parent: its parent's URN in this run, or empty.
        former_parent: the URN under which its parent is recorded; it differs from `parent` if the parent was renamed.
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
    """Apply the alias of a renamed parent: by convention a child is named `<parent's name>-...`, so its name changes too."""
    new, old = Urn.parse(parent).name, Urn.parse(former_parent)
    name = old.name + urn.name.removeprefix(new) if urn.name.startswith(new) else urn.name
    return Urn.under(old.stack, old.project, former_parent, urn.type, name)
