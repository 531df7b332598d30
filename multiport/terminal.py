"""Tables, colours and progress of every command on a terminal, and plain text where there is no terminal."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Final, TextIO

from rich.box import Box
from rich.color import ColorSystem
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.style import Style
from rich.table import Table
from rich.text import Text

Say = Callable[[str], None]
"""A function that receives one line of progress."""

_UNLIMITED: Final = 10_000
"""Width of a table, in columns. No cell is ever wrapped, so that other programs can read the table line by line."""

_HEAD_RULE: Final = Box("    \n    \n -  \n    \n    \n    \n    \n    \n", ascii=True)
"""A table style with a single line, which is below the headings."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = (), *, rule: bool = True) -> str:
    """Return a table with one line for each row.

    Args:
        heads: The headings of the columns.
        rows: The cells.
        styles: A rich style for each row, for example red; if empty, the table has no colours.
        rule: Whether to draw a line below the headings.

    Returns:
        The table without a line break at its end.
    """
    grid = Table(
        box=_HEAD_RULE if rule else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1 if rule else 2, 0, 0),
        header_style="bold" if styles else "",
    )
    for head in heads:
        grid.add_column(head, no_wrap=True)
    for place, row in enumerate(rows):
        grid.add_row(*(Text(cell) for cell in row), style=styles[place] if styles else None)
    text = StringIO()
    console = Console(
        file=text, width=_UNLIMITED, force_terminal=bool(styles), color_system="standard" if styles else None, highlight=False
    )
    console.print(grid)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    if rule:
        lines[1] = lines[1].replace("- ", "  ")  # as long as each column's widest cell, without the padding
    return "\n".join(lines)


def coloured(stream: TextIO) -> bool:
    """Return whether a stream is a terminal whose user has not asked for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(style: str, text: str, *, colours: bool) -> str:
    """Return the text in a rich style, or unchanged if there are no colours."""
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if colours else text


@contextmanager
def progress(first: str) -> Iterator[Say]:
    """Show the progress of a long operation on standard error.

    A terminal shows one line with a spinner, the current step and the time that has passed. Anything else gets a line for each
    step.

    Args:
        first: The first step.

    Yields:
        A function that shows the next step.
    """
    if not coloured(sys.stderr):
        _line(first)
        yield _line
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        task = shown.add_task(first, total=None)
        yield lambda text: shown.update(task, description=text)


def _line(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)
