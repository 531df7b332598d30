"""The verdict for people, and for programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from multiport import terminal
from multiport.verify.causes import CAUSES
from multiport.verify.verdict import FAILED, NOT_RUN, OK, Row

HEAD = ("server", "port", "probe", "target", "result", "evidence")


_STYLES: Final = {OK: "green", FAILED: "red", NOT_RUN: "yellow"}


def table(rows: Sequence[Row], facts: Mapping[str, Any], *, colours: bool = False) -> str:
    """Rows, the causes of what failed, and the count.

    Args:
        rows: The verdict on each probe.
        facts: How it was probed: `seconds` is how long each address was sampled.
        colours: Whether the text is for a terminal that shows colours.
    """
    if not rows:
        return "Nothing to verify: the stack has no servers."
    cells = [(row.server, row.port, row.probe, row.target, row.result, _evidence(row)) for row in rows]
    shown, above = [], ("", "")
    for server, port, *rest in cells:
        shown.append(("" if server == above[0] else server, "" if (server, port) == above else port, *rest))
        above = (server, port)
    text = [terminal.table(HEAD, shown, [_STYLES[row.result] for row in rows] if colours else ())]
    named = sorted({row.cause for row in rows if row.cause})
    if named:
        text += ["", "Why:", *(f"  [{cause}] {CAUSES[cause]}" for cause in named)]
    counts = summary(rows)
    text += ["", f"{counts[OK]} ok, {counts[FAILED]} failed, {counts[NOT_RUN]} not run; {facts['seconds']} s sampled"]
    return "\n".join(text)


def document(rows: Sequence[Row], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain data."""
    named = sorted({row.cause for row in rows if row.cause})
    return {
        **facts,
        "summary": summary(rows),
        "rows": [asdict(row) for row in rows],
        "causes": {cause: CAUSES[cause] for cause in named},
    }


def summary(rows: Sequence[Row]) -> dict[str, int]:
    """How many of each result."""
    counts = Counter(row.result for row in rows)
    return {result: counts[result] for result in (OK, FAILED, NOT_RUN)}


def passed(rows: Sequence[Row]) -> bool:
    """Whether something was proved and nothing failed."""
    counts = summary(rows)
    return counts[OK] > 0 and counts[FAILED] == 0


def _evidence(row: Row) -> str:
    return f"{row.evidence}{' ' if row.evidence else ''}[{row.cause}]" if row.cause else row.evidence
