"""What of a change cannot be taken back: servers that are lost, and addresses that nobody gets again."""

import re
from collections.abc import Iterator
from typing import Final

from multiport.review.report import Report

_PROTECTED: Final = re.compile(r'resource "([^"]+)" cannot be (?:deleted|replaced)\s+because it is protected')
"""How the engine says that a change would delete or replace what is protected."""

_SERVER_OPS: Final = frozenset({"replace", "rebuild", "delete"})
_HOLDERS: Final = frozenset({"floating IP", "port"})
"""What holds an address; a port that is replaced gets another one unless it is pinned."""


def lost(report: Report) -> tuple[str, ...]:
    """What is lost, each in a few words; empty where the change can be taken back."""
    return tuple(dict.fromkeys(_lost(report)))


def _lost(report: Report) -> Iterator[str]:
    for loss in report.losses:
        if loss.what == "server" and loss.op in _SERVER_OPS:
            yield f"{loss.op} server {loss.name}"
        elif loss.what in _HOLDERS and loss.op in ("replace", "delete"):
            yield f"{loss.op} {loss.what} {loss.name}"
    for row in report.ports:
        for what, cell in (("fixed IP", row.fixed_ips), ("floating IP", row.floating_ips)):
            gone = [each for each in cell.old if each not in cell.new and _address(each)]
            if cell.changed and gone:
                yield f"lose {what} {', '.join(gone)} of {row.server or row.key}"


def _address(text: str) -> bool:
    """Whether the cell's text is an address rather than a word for one that is not known yet."""
    return any(each in text for each in ".:")


def word(report: Report) -> str:
    """What a pipeline has to say so that this very change is carried out: what it loses, and the identity of the change.

    The same preview gives the same word on every machine; another change, or the same one on a stack that has changed since,
    gives another.
    """
    verbs = {each.split(" ", 1)[0] for each in lost(report)}
    worst = next((verb for verb in ("delete", "replace", "rebuild", "lose") if verb in verbs), "change")
    return f"{worst}-{report.digest}"


def protected(report: Report) -> tuple[str, ...]:
    """Names of the protected resources that the change would delete or replace; the engine's preview has refused it for them."""
    found = (urn for each in report.diagnostics if each.severity == "error" for urn in _PROTECTED.findall(each.message))
    return tuple(sorted({urn.rsplit("::", 1)[-1] for urn in found}))
