"""Finds what a change loses for good: servers, and addresses that cannot be obtained again."""

import re
from collections.abc import Iterator
from typing import Final

from multiport.review.report import Report

_PROTECTED: Final = re.compile(r'resource "([^"]+)" cannot be (?:deleted|replaced)\s+because it is protected')
"""The engine's message that a change would delete or replace a protected resource."""

_SERVER_OPS: Final = frozenset({"replace", "rebuild", "delete"})
_HOLDERS: Final = frozenset({"floating IP", "port"})
"""Kinds of objects that have an address; a port that is replaced gets another address unless it is pinned."""


def lost(report: Report) -> tuple[str, ...]:
    """Return a few words for each loss; empty if the change can be undone."""
    return tuple(dict.fromkeys(_lost(report)))


def _lost(report: Report) -> Iterator[str]:
    for loss in report.losses:
        if loss.what == "server" and loss.op in _SERVER_OPS:
            yield f"{loss.op} server {loss.name}"
        elif loss.what in _HOLDERS and loss.op in ("replace", "delete"):
            yield f"{loss.op} {loss.what} {loss.name}"
    for row in report.ports:
        for what, cell in (("fixed IP", row.fixed_ips), ("floating IP", row.floating_ips)):
            gone = [text for text in cell.old if text not in cell.new and _address(text)]
            if cell.changed and gone:
                yield f"lose {what} {', '.join(gone)} of {row.server or row.key}"


def _address(text: str) -> bool:
    """Return whether a cell contains an address, and not a word for an address that is not known yet."""
    return any(separator in text for separator in ".:")


def word(report: Report) -> str:
    """Return the word with which a pipeline approves exactly this change: the worst loss and the identity of the change.

    The same preview gives the same word on every machine. Another change gives another word, and so does the same change to a
    stack that is no longer the same.
    """
    verbs = {loss.split(" ", 1)[0] for loss in lost(report)}
    worst = next((verb for verb in ("delete", "replace", "rebuild", "lose") if verb in verbs), "change")
    return f"{worst}-{report.digest}"


def protected(report: Report) -> tuple[str, ...]:
    """Return the names of protected resources for which the engine's preview refused to delete or replace them."""
    found = (
        urn
        for diagnostic in report.diagnostics
        if diagnostic.severity == "error"
        for urn in _PROTECTED.findall(diagnostic.message)
    )
    return tuple(sorted({urn.rsplit("::", 1)[-1] for urn in found}))
