"""What every command writes to a terminal: tables, colours and progress; plain text where there is no terminal."""

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
"""Takes one line that says what happens now."""

_UNLIMITED: Final = 10_000
"""Columns of a text that is not for a terminal: no cell is ever folded, so that other programs can read it line by line."""

_HEAD_RULE: Final = Box("    \n    \n -  \n    \n    \n    \n    \n    \n", ascii=True)
"""No lines but one below the headings."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = (), *, rule: bool = True) -> str:
    """A table with one line for each row.

    Args:
        heads: The columns' headings.
        rows: The cells.
        styles: A style of rich for each row, for example red; none: no colours at all.
        rule: Whether a line stands below the headings.

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
    """Whether a stream is a terminal whose user has not asked for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(style: str, text: str, *, colours: bool) -> str:
    """Text in a style of rich, or as it is."""
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if colours else text


@contextmanager
def progress(first: str) -> Iterator[Say]:
    """Show that something long goes on, on standard error.

    A terminal shows one line with a moving mark, what happens now and how long all of it has taken so far. Anything else gets a
    line for each step.

    Args:
        first: What happens first.

    Yields:
        A function that says what happens next.
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
