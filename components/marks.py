"""The tags that tell what is ours from what is a stranger's: for whoever writes them and whoever looks for them."""

LONGEST = 60
"""Characters of a tag that Nova and older Neutron take."""


def stack_mark(project: str, stack: str) -> str:
    """The tag that everything of a stack has, in whole: a cloud may hold only its first LONGEST characters."""
    return f"multiport.stack={project}.{stack}"


def owner_mark(owner: str) -> str:
    """The tag that names the component, by its resource name."""
    return f"multiport.owner={owner}"


def key_mark(key: str) -> str:
    """The tag that names the part of the component, by the user's key."""
    return f"multiport.key={key}"


def as_tags(marks: list[str]) -> list[str]:
    """Marks as a cloud takes them."""
    return [mark[:LONGEST] for mark in marks]
