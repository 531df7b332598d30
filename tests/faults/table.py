"""What the record of the fault loops says, as a table for docs/recovery.md."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.engine.stack import ROOT
from tests.faults.loop import OPERATIONS, Trial

RECORD: Final = ROOT / "docs" / "recovery" / "trials.jsonl"
PAGE: Final = ROOT / "docs" / "recovery.md"
_BEGIN: Final = "<!-- table of trials: written by make soak -->"
_END: Final = "<!-- end of table -->"
_TREATMENTS: Final = {"recover": "recover, `pulumi up`", "plain": "`pulumi up` twice"}


def trials(record: Path) -> list[Trial]:
    """The record; empty where there is none yet."""
    if not record.exists():
        return []
    return [Trial(**json.loads(line)) for line in record.read_text().splitlines() if line.strip()]


def table(done: Sequence[Trial]) -> str:
    """One row per operation and treatment: faults, and how often the stack ended wrong."""
    lines = [
        "| Operation | Then | Trials | Faults | CLI killed | Ended wrong | Wrong, and the last command said all is well |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for treatment, text in _TREATMENTS.items():
        for operation in OPERATIONS:
            mine = [each for each in done if each.treatment == treatment and each.operation == operation]
            lines.append(f"| {operation} | {text} | {_counts(mine)} |")
        lines.append(f"| **all** | {text} | {_counts([each for each in done if each.treatment == treatment])} |")
    return "\n".join(lines)


def _counts(done: Iterable[Trial]) -> str:
    listed = list(done)
    numbers = (
        len(listed),
        sum(len(each.faults) for each in listed),
        sum(fault.startswith("CLI killed") for each in listed for fault in each.faults),
        sum(bool(each.wrong) for each in listed),
        sum(each.silent for each in listed),
    )
    return " | ".join(map(str, numbers))


def written_into(page: str, text: str) -> str:
    """The page with the table in its place."""
    start, rest = page.split(_BEGIN)
    return f"{start}{_BEGIN}\n{text}\n{_END}{rest.split(_END)[1]}"
