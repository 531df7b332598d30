"""The command's verbs and how they are found.

A verb is a module with three things: its docstring, which is the help text; `add_options`, which says what it takes; and `run`,
which does the work and returns the exit status. A verb's module imports what is slow to import only when it runs, so that
`multiport --help` answers at once.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from multiport.cli import audit, check, policy, recover, render, review, schema, verify
from multiport.project import ProjectError


class Verb(Protocol):
    """What a verb's module has."""

    __doc__: str | None

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Say what the verb takes."""

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        """Do it; the exit status is 0 if all is well, 1 if something was found wrong, 2 if the question could not be answered."""


VERBS: Final = {
    module.__name__.rpartition(".")[2]: cast("Verb", module)
    for module in (check, render, review, policy, verify, audit, recover, schema)
}
"""Every verb by its name, in the order of a change's life: written, looked at, reviewed, deployed, verified."""

DESCRIPTION: Final = """\
OpenStack servers that answer on every one of their ports: check, review and verify their stacks.

Every verb works on the Pulumi project in the current folder, or on the one that --project names.
"""


def parser(width: int | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command.

    Args:
        width: Columns of the help text; None: as the terminal has them.
    """

    def formatter(prog: str) -> argparse.HelpFormatter:
        return argparse.RawDescriptionHelpFormatter(prog, width=width)

    command = argparse.ArgumentParser(prog="multiport", description=DESCRIPTION, formatter_class=formatter)
    verbs = command.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        text = verb.__doc__ or ""
        one = verbs.add_parser(name, help=text.partition("\n")[0].rstrip("."), description=text, formatter_class=formatter)
        verb.add_options(one)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb; returns the exit status.

    Args:
        arguments: The words after `multiport`; None: those of the process.
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
    except BrokenPipeError:  # the reader has seen enough, as `| head` has
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
