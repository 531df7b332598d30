"""Findings for people and for programs."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from multiport.audit.finding import Finding
from multiport.review.wording import count, visible

_HEAD: Final = ("finding", "object", "name", "what is wrong")


def table(stack: str, findings: Sequence[Finding], objects: int) -> str:
    """A table, the worst first, and under each finding its remedy; repeated remedies stand once.

    Args:
        stack: The stack's name.
        findings: The findings, in order.
        objects: How many resources of the state were compared.
    """
    if not findings:
        return f"{visible(stack)}: {count(objects, 'resource')}, all as declared; nothing lost, doubled or left over.\n"
    numbers = Counter(each.kind.value for each in findings)
    summary = ", ".join(f"{number} {kind}" for kind, number in numbers.items())
    lines = [f"{visible(stack)}: {count(len(findings), 'finding')} ({summary}) on {count(objects, 'resource')}.", ""]
    rows = [(each.kind.value, each.what, visible(each.name), visible(each.problem)) for each in findings]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD) - 1)]
    lines.append(_row(_HEAD, widths))
    lines.append(_row(tuple("-" * width for width in (*widths, len(_HEAD[-1]))), widths))
    lines += [_row(row, widths) for row in rows]
    lines += ["", "What to do", *_remedies(findings)]
    return "\n".join(lines) + "\n"


def document(stack: str, findings: Sequence[Finding], objects: int) -> str:
    """The same as JSON."""
    return json.dumps(
        {"stack": stack, "clean": not findings, "resources": objects, "findings": [asdict(each) for each in findings]}, indent=2
    )


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)), cells[-1]])


def _remedies(findings: Sequence[Finding]) -> Iterator[str]:
    together: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        together.setdefault((each.kind.value, each.remedy), []).append(visible(each.name))
    for (kind, remedy), names in together.items():
        yield f"  {kind} ({', '.join(dict.fromkeys(names))}): {remedy}"
