"""`python -m tools.commands`: write docs/commands.md, which shows the --help text of every verb of the command `multiport`."""

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
Installing the package with `pip install` installs this command; `python -m multiport` does the same.
"""


def page() -> str:
    """Return the whole page."""
    sections = [f"## multiport {name}\n\n```\n{help_text}```\n" for name, help_text in help_texts()]
    return "\n".join([_HEAD.format(description=DESCRIPTION), *sections])


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the help text of each verb, and of each action of a verb that has actions."""
    for name, verb in subparsers(parser(_WIDTH)):
        yield name, verb.format_help()
        for action_name, action in subparsers(verb):
            yield f"{name} {action_name}", action.format_help()


def subparsers(command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the name and the parser of each subcommand of a command."""
    for action in command._actions:  # noqa: SLF001 - argparse has no public interface to the subcommands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from action.choices.items()


if __name__ == "__main__":
    PAGE.write_text(page())
