"""Findings for people and for programs."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from multiport import terminal
from multiport.audit.finding import Finding, Kind
from multiport.review.wording import count, visible

_HEAD: Final = ("finding", "object", "name", "what is wrong")
_BAD: Final = frozenset({Kind.GONE, Kind.BROKEN, Kind.DOUBLE, Kind.ORPHAN, Kind.UNTAGGED})


def table(stack: str, findings: Sequence[Finding], objects: int, *, colours: bool = False) -> str:
    """A table, the worst first, and below it what to do; a remedy that several findings have stands once.

    Args:
        stack: The stack's name.
        findings: The findings, in order.
        objects: How many resources of the state were compared.
        colours: Whether to use ANSI colours.
    """
    if not findings:
        return f"{visible(stack)}: {count(objects, 'resource')}, all as declared; nothing lost, doubled or left over."
    numbers = Counter(each.kind.value for each in findings)
    summary = ", ".join(f"{number} {kind}" for kind, number in numbers.items())
    rows = [(each.kind.value, each.what, visible(each.name), visible(each.problem)) for each in findings]
    styles = ["red" if each.kind in _BAD else "yellow" for each in findings] if colours else []
    return "\n".join(
        [
            f"{visible(stack)}: {count(len(findings), 'finding')} ({summary}) on {count(objects, 'resource')}.",
            "",
            terminal.table(_HEAD, rows, styles),
            "",
            "What to do",
            *_remedies(findings),
        ]
    )


def document(stack: str, findings: Sequence[Finding], objects: int) -> str:
    """The same as JSON."""
    return json.dumps(
        {"stack": stack, "clean": not findings, "resources": objects, "findings": [asdict(each) for each in findings]}, indent=2
    )


def _remedies(findings: Sequence[Finding]) -> Iterator[str]:
    together: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        together.setdefault((each.kind.value, each.remedy), []).append(visible(each.name))
    for (kind, remedy), names in together.items():
        yield f"  {kind} ({', '.join(dict.fromkeys(names))}): {remedy}"
