"""What each change costs a living stack, as the reports say: the table in docs/costs.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiport.review.losses import Loss
from multiport.review.report import Report
from tests.truth.changes import Change

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "costs.md"
HEAD: Final = """# What a change costs

Each row is a change of one key of a stack file, previewed by the Pulumi CLI against the local cloud; a sample of them was
deployed and compared with what the cloud then held. `python -m tests.truth --write` writes this page.

| Key | Change | Server | Ports | Floating IPs |
|---|---|---|---|---|
"""
_PAST: Final = {"delete": "deleted", "replace": "replaced", "rebuild": "rebuilt in place", "resize": "resized in place"}


@dataclass(frozen=True)
class Cost:
    """What becomes of servers, ports and floating IPs, in words."""

    servers: str
    ports: str
    floating_ips: str


def cost(report: Report) -> Cost:
    """What a change costs."""
    if report.outcome == "failed":
        twice = any("second update" in each.message for each in report.diagnostics)
        return Cost("refused: takes two updates" if twice else "refused", "-", "-")
    held_back = any(each.fate == "held back" for each in report.guests)
    lives = "lives on; new user data waits" if held_back else "lives on"
    moved = any(row.floating_ips.changed and row.op in ("same", "update") and row.floating_ips.old for row in report.ports)
    return Cost(
        _words(report.losses, "server") or lives,
        _words(report.losses, "port") or "stay",
        "released" if any(each.what == "floating IP" for each in report.losses) else "moved" if moved else "stay",
    )


def _words(losses: Iterable[Loss], what: str) -> str:
    ops = {loss.op for loss in losses if loss.what == what}
    return ", ".join(text for op, text in _PAST.items() if op in ops)


def row(change: Change, seen: Cost) -> str:
    """The table's row of a change."""
    return f"| `{change.key}` | {change.what} | {seen.servers} | {seen.ports} | {seen.floating_ips} |\n"


def page(costs: Mapping[str, Cost], changes: Iterable[Change]) -> str:
    """The whole page."""
    return HEAD + "".join(row(change, costs[change.name]) for change in changes)
