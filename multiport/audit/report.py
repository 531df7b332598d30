"""Shows findings as a table or as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from multiport import terminal
from multiport.audit.finding import Finding, Kind
from multiport.review.wording import count, visible

_HEAD: Final = ("finding", "object", "name", "problem")
_BAD: Final = frozenset({Kind.GONE, Kind.BROKEN, Kind.DOUBLE, Kind.ORPHAN, Kind.UNTAGGED})


def table(stack: str, findings: Sequence[Finding], objects: int, *, colours: bool = False) -> str:
    """Return a table of the findings, the worst first, and below it the remedies, each only once.

    Args:
        stack: The stack's name.
        findings: The findings, in order.
        objects: How many resources of the state were compared.
        colours: Whether to use ANSI colours.
    """
    if not findings:
        return f"{visible(stack)}: {count(objects, 'resource')}, all as declared; nothing is missing, duplicated or left over."
    numbers = Counter(finding.kind.value for finding in findings)
    summary = ", ".join(f"{number} {kind}" for kind, number in numbers.items())
    rows = [(finding.kind.value, finding.what, visible(finding.name), visible(finding.problem)) for finding in findings]
    styles = ["red" if finding.kind in _BAD else "yellow" for finding in findings] if colours else []
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
    """Return the same as JSON."""
    return json.dumps(
        {"stack": stack, "clean": not findings, "resources": objects, "findings": [asdict(finding) for finding in findings]},
        indent=2,
    )


def _remedies(findings: Sequence[Finding]) -> Iterator[str]:
    together: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        together.setdefault((finding.kind.value, finding.remedy), []).append(visible(finding.name))
    for (kind, remedy), names in together.items():
        yield f"  {kind} ({', '.join(dict.fromkeys(names))}): {remedy}"
