"""The command `multiport`: its parser and its verbs.

Each verb is a module with three parts: its docstring, which is the help text; `add_options`, which declares its options; and
`run`, which does the work and returns the exit status. Modules that are slow to import are imported inside `run`, so that
`multiport --help` answers at once.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from multiport.cli import audit, check, policy, recover, render, review, schema, verify
from multiport.project import ProjectError


class Verb(Protocol):
    """The interface of a verb's module."""

    __doc__: str | None

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options of the verb."""

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        """Do the work; return 0 if nothing is wrong, 1 if a fault was found, 2 if the verb could not do its work."""


VERBS: Final = {
    module.__name__.rpartition(".")[2]: cast("Verb", module)
    for module in (check, render, review, policy, verify, audit, recover, schema)
}
"""Every verb by its name, in the order in which they are used for a change: write, render, review, deploy, verify."""

DESCRIPTION: Final = """\
OpenStack servers that answer on every one of their ports: check, review and verify their stacks.

Every verb works on the Pulumi project in the current folder, or on the one that --project names.
"""


def parser(width: int | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command.

    Args:
        width: Columns of the help text; None for the width of the terminal.
    """

    def formatter(prog: str) -> argparse.HelpFormatter:
        return argparse.RawDescriptionHelpFormatter(prog, width=width)

    command = argparse.ArgumentParser(prog="multiport", description=DESCRIPTION, formatter_class=formatter)
    verbs = command.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        text = verb.__doc__ or ""
        verb_parser = verbs.add_parser(
            name, help=text.partition("\n")[0].rstrip("."), description=text, formatter_class=formatter
        )
        verb.add_options(verb_parser)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb; return the exit status.

    Args:
        arguments: The words after `multiport`; None for those of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(review.with_action(words))
    try:
        return VERBS[options.verb].run(options)
    except ProjectError as error:
        print(f"multiport {options.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has closed the pipe, as `| head` does
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
