"""`python -m tools.commands`: write docs/commands.md, every verb of the command `multiport` as its own --help has it."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from multiport.cli.main import DESCRIPTION, parser

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
_WIDTH: Final = 110  # columns

_HEAD: Final = """\
# The command `multiport`

<!-- Written by `python -m tools.commands` from the command's own help texts. -->

{description}
`pip install` of the package installs the command; `python -m multiport` is the same.
"""


def page() -> str:
    """The whole page."""
    sections = [f"## multiport {name}\n\n```\n{help_text}```\n" for name, help_text in help_texts()]
    return "\n".join([_HEAD.format(description=DESCRIPTION), *sections])


def help_texts() -> Iterator[tuple[str, str]]:
    """The help text of each verb, and of each action of a verb that has some."""
    for name, verb in children(parser(_WIDTH)):
        yield name, verb.format_help()
        for action, one in children(verb):
            yield f"{name} {action}", one.format_help()


def children(of: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parsers below a parser, by their word."""
    for action in of._actions:  # noqa: SLF001 - argparse shows them to nobody
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from action.choices.items()


if __name__ == "__main__":
    PAGE.write_text(page())
