"""Display names and tags of the objects in the cloud: names for people, tags that tell our objects from others.

A resource's identity in Pulumi comes from the user's key alone, never from a display name or a tag.
"""

import pulumi

from multiport.components import marks


def display_name(*parts: str) -> str:
    """Name of an object in the cloud: the stack, then the component and the key, joined by dashes."""
    return "-".join((pulumi.get_stack(), *parts))


def tags(owner: str, key: str | None = None) -> list[str]:
    """Tags of an object: the project and stack, the component that owns it and, for a part of the component, its key.

    Nova refuses "/" and "," in a tag. Nova and older versions of Neutron refuse more than 60 characters, so keys are short.
    """
    ours = ["multiport", marks.stack_mark(pulumi.get_project(), pulumi.get_stack()), marks.owner_mark(owner)]
    return marks.as_tags(ours if key is None else [*ours, marks.key_mark(key)])
