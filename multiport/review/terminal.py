"""Renders the report as text for a terminal, in colours if the terminal supports them."""

import re
from collections.abc import Iterable
from typing import Final

from multiport.guest.files import PLAN_PATH
from multiport.review.preview import resource_name
from multiport.review.report import Report
from multiport.review.topology import Cell, PortRow
from multiport.review.user_data import REST
from multiport.review.wording import count, log_safe, visible
from multiport.terminal import painted, table

_STYLES: Final = {
    "create": "green",
    "update": "yellow",
    "replace": "red",
    "rebuild": "red",
    "resize": "yellow",
    "delete": "red",
    "keep": "",
}
"""Styles of rich by operation."""

_SIGNS: Final = {"create": "+", "update": "~", "replace": "±", "rebuild": "±", "resize": "±", "delete": "-", "keep": " "}
_HEAD: Final = ("", "server", "port", "network", "fixed IPs", "pairs", "table", "priorities", "floating IP", "op")


def terminal(report: Report, *, colours: bool) -> str:
    """Render a report.

    Args:
        report: The report.
        colours: Whether to use ANSI colours.
    """

    def paint(style: str, text: str) -> str:
        return painted(_STYLES.get(style, style), text, colours=colours)

    if report.silent:
        return f"{visible(report.stack)}: nothing changes.\n"
    lines = [paint("bold", f"{visible(report.stack)}: {_words(report.verdict)}.")]
    for severity in ("error", "warning"):
        for diagnostic in (diagnostic for diagnostic in report.diagnostics if diagnostic.severity == severity):
            about = f"{visible(resource_name(diagnostic.urn))}: " if diagnostic.urn else ""
            lines += [
                "",
                paint("delete" if severity == "error" else "update", f"{severity}: ") + about + _block(diagnostic.message),
            ]
    for loss in report.losses:
        lines += ["", paint(loss.op, f"{_SIGNS[loss.op]} {loss.op} {loss.what} {visible(loss.name)}")]
        lines += [f"    because {_words(each)}" for each in loss.because]
        lines += [f"    means: {_words(each)}" for each in loss.means]
        lines += [f"    to avoid it: {_words(each)}" for each in loss.avoid]
    for finding in report.findings:
        level = paint("delete", "refused") if finding.mandatory else paint("update", "advice")
        about = f" on {visible(resource_name(finding.urn))}" if finding.urn else ""
        lines += ["", f"{level} by {visible(finding.policy)}{about}", f"    {_block(finding.message, 4)}"]
    if report.ports:
        lines += ["", _table(report.ports, colours=colours)]
    for guest in report.guests:
        for file in guest.files:
            fate = "delivered with the new server" if guest.fate == "delivered" else "held back until the next replacement"
            lines += ["", paint("bold", f"{visible(file.path)} on {', '.join(map(visible, guest.servers))}: {fate}")]
            if file.op != "update" and file.path not in (PLAN_PATH, REST):
                lines.append(f"    {file.op}, {count(file.added + file.removed, 'line')}")
            else:
                lines += [_diff_line(line, colours=colours) for line in file.diff.split("\n")]
    if report.changes:
        lines.append("")
    for change in report.changes:
        lines.append(paint(change.op, f"{_SIGNS[change.op]} {change.op} {change.kind} {visible(change.name)}"))
        if change.op not in ("create", "delete"):
            lines += [f"      {visible(path)}: {_side(old)} → {_side(new)}" for path, old, new in change.properties]
    return log_safe("\n".join(lines) + "\n")


def _table(rows: Iterable[PortRow], *, colours: bool) -> str:
    ordered = sorted(rows, key=lambda row: row.becomes == "keep")
    texts = [
        (
            _SIGNS[row.becomes],
            visible(row.server) or "-",
            " ".join((visible(row.key), *(f"({mark})" for mark in row.marks))),
            *map(_cell, row.cells),
            ", ".join((row.becomes, *row.notes)),
        )
        for row in ordered
    ]
    return table(_HEAD, texts, [_STYLES[row.becomes] for row in ordered] if colours else (), rule=False)


def _cell(cell: Cell) -> str:
    old, new = (", ".join(map(visible, side)) or "-" for side in (cell.old, cell.new))
    return f"{old} → {new}" if cell.changed and cell.old else new


def _side(text: str | None) -> str:
    return "none" if text is None else visible(text)


def _diff_line(line: str, *, colours: bool) -> str:
    text = f"    {visible(line, keep=chr(9))}"
    return painted({"+": "green", "-": "red", "@": "dim"}.get(line[:1], ""), text, colours=colours)


def _block(text: str, indent: int = 0) -> str:
    return visible(text, keep="\n\t").replace("\n", "\n" + " " * indent)


def _words(text: str) -> str:
    """Return a text of this package without the backquotes of its code spans."""
    return re.sub(r"`([^`]*)`", r"\1", text)
