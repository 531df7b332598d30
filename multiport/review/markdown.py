"""Renders the report as Markdown for a pull or merge request: the most serious first, never longer than the host's limit."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from multiport.guest.files import PLAN_PATH
from multiport.review.losses import Loss
from multiport.review.mermaid import mermaid
from multiport.review.preview import resource_name
from multiport.review.redaction import Redaction
from multiport.review.report import Change, GuestDiff, Report
from multiport.review.topology import Cell, PortRow, Topology
from multiport.review.user_data import REST
from multiport.review.wording import block, code, codes, count, prose, summary, visible

GITHUB_MOST: Final = 65_535
"""Characters of a comment on GitHub; counted here as UTF-8 bytes, which are never fewer."""

GITLAB_MOST: Final = 1_000_000
"""Characters of a note on GitLab, counted likewise."""

_NOTE: Final = "\n*Left out for length: {}. The full text is in the job's artifact.*\n"
_NOTE_MOST: Final = 400
_SIGNS: Final = {"create": "+", "update": "~", "replace": "±", "rebuild": "±", "resize": "±", "delete": "-", "keep": ""}
_EMPTY: Final = "-"
_SERVERS_NAMED: Final = 10
_OPEN_LINES: Final = 40
_DIFF_LINES: Final = 500
_SENTENCES: Final = 12


@dataclass(frozen=True, slots=True)
class _Section:
    """A section of the comment.

    Attributes:
        name: Its name in the note that lists what did not fit.
        head: The text before its pieces.
        pieces: Whole lines or blocks; if not all fit, the first ones are kept.
        tail: The text after its pieces.
        importance: Its rank: sections with a lower number get their space first.
        note: The text that says how many pieces are left out.
    """

    name: str
    head: str
    pieces: tuple[str, ...]
    tail: str
    importance: int
    note: Callable[[int], str]


def marker(project: str, stack: str) -> str:
    """Return the first line of a stack's comment, by which the next run finds it; the hosts do not show it."""
    # "--" would end an HTML comment
    name = visible(f"{project}/{stack}").replace("--", "-\u200b-")
    return f"<!-- multiport review of {name} -->"


def markdown(report: Report, topology: Topology, most: int = GITHUB_MOST, redaction: Redaction | None = None) -> str:
    """Render a report.

    Args:
        report: The report.
        topology: What it was made from, for the diagram.
        most: Bytes that the text may have.
        redaction: Takes secrets out of the finished text. Default: there are none.
    """
    top = f"{marker(report.project, report.stack)}\n<!-- change {report.digest} -->\n"
    clean = redaction or Redaction(())
    room = most - _size(top)
    body = clean.text(_body(report, topology, room))
    if (excess := _size(body) - room) > 0:  # a short secret is shorter than what stands in its place
        body = clean.text(_body(report, topology, room - 2 * excess))
    return top + body


def _body(report: Report, topology: Topology, most: int) -> str:
    """Return the comment without its first two lines, the marker and the digest."""
    if report.silent:
        return f"**{code(report.stack)}: nothing changes.**\n"
    title = f"**{code(report.stack)}: {report.verdict}.**\n"
    sections = [section for section in _sections(report, topology) if section.pieces]
    budget = most - _size(title) - _NOTE_MOST
    texts: dict[int, str] = {}
    omitted: list[str] = []
    for place, section in sorted(enumerate(sections), key=lambda each: (each[1].importance, each[0])):
        text, missing = _fitted(section, budget)
        if missing:
            omitted.append(f"{missing} of {section.name}" if text else section.name)
        texts[place] = text
        budget -= _size(text)
    body = "".join(texts[place] for place in range(len(sections)))
    note = _NOTE.format(", ".join(omitted)) if omitted else ""
    return title + body + note


def _fitted(section: _Section, budget: int) -> tuple[str, int]:
    """Return as much of the section as fits, and the number of pieces that do not fit."""
    used = _size(section.head) + _size(section.tail) + _size(section.note(len(section.pieces)))
    kept: list[str] = []
    for piece in section.pieces:
        if used + _size(piece) > budget:
            break
        used += _size(piece)
        kept.append(piece)
    missing = len(section.pieces) - len(kept)
    if not kept:
        return "", missing
    return section.head + "".join(kept) + (section.note(missing) if missing else "") + section.tail, missing


def _sections(report: Report, topology: Topology) -> Iterator[_Section]:
    yield _list("errors", "Errors", _diagnostics(report, "error"), 0)
    yield _list("policy findings", "Policies", _findings(report), 1)
    yield _list("replaced, rebuilt and deleted", "Replaced, rebuilt, deleted", _losses(report.losses), 2)
    yield _list("warnings", "Warnings", _diagnostics(report, "warning"), 4)
    yield _ports(report.ports)
    yield _list("guest files", "Guest files", _guests(report.guests), 5)
    drawing = mermaid(topology)
    yield _list("topology", "Topology", [f"{block(drawing, 'mermaid')}\n"] if drawing else [], 6)
    yield _changes(report.changes)


def _list(name: str, title: str, pieces: Iterable[str], importance: int) -> _Section:
    return _Section(name, f"\n### {title}\n\n", tuple(pieces), "", importance, lambda missing: f"\n*and {missing} more*\n")


def _diagnostics(report: Report, severity: str) -> Iterator[str]:
    for diagnostic in report.diagnostics:
        if diagnostic.severity == severity:
            yield _message(f"{code(resource_name(diagnostic.urn))}: " if diagnostic.urn else "", diagnostic.message)


def _message(head: str, message: str) -> str:
    """Return sentences as a list, and preformatted texts as blocks."""
    lines = [line for line in message.split("\n") if line.strip()]
    if len(lines) > _SENTENCES or any(line[0].isspace() for line in lines):
        return f"- {head}\n\n{_indented(block(message))}\n"
    return "".join(f"- {head}{prose(line)}\n" for line in lines)


def _losses(losses: Sequence[Loss]) -> Iterator[str]:
    """Return each loss with its reasons; those that only follow from another loss are grouped."""
    for loss in losses:
        if not loss.follows:
            lines = [f"- **{loss.op} {loss.what} {code(loss.name)}**"]
            lines += [f"  - because {each}" for each in loss.because]
            lines += [f"  - means: {each}" for each in loss.means]
            lines += [f"  - to avoid it: {each}" for each in loss.avoid]
            yield "\n".join(lines) + "\n"
    following = [loss for loss in losses if loss.follows]
    for loss in following:
        yield f"- {loss.op} {loss.what} {code(loss.name)}: {'; '.join(loss.because)}; {'; '.join(loss.means)}\n"


def _findings(report: Report) -> Iterator[str]:
    for finding in report.findings:
        level = "refused" if finding.mandatory else "advice"
        about = f" on {code(resource_name(finding.urn))}" if finding.urn else ""
        yield f"- **{level}** by {code(finding.policy)}{about}: {' '.join(map(prose, finding.message.split(chr(10))))}\n"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _ports(rows: Sequence[PortRow]) -> _Section:
    head = (
        "\n### Ports\n\n| | server | port | network | fixed IPs | pairs | table | priorities | floating IP | op |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
    )
    # what changes by itself comes before what merely stands on a new server
    pieces = tuple(_row(row) for row in sorted(rows, key=lambda row: row.becomes == "keep"))
    return _Section("ports", head, pieces, "", 3, lambda missing: f"\n*and {count(missing, 'port')} more*\n")


def _row(row: PortRow) -> str:
    port = code(row.key) + "".join(f" ({mark})" for mark in row.marks)
    server = code(row.server) if row.server else _EMPTY
    cells = [_SIGNS[row.becomes], server, port, *map(_cell, row.cells), ", ".join((row.becomes, *row.notes))]
    return f"| {' | '.join(cells)} |\n"


def _cell(cell: Cell) -> str:
    old, new = codes(cell.old) or _EMPTY, codes(cell.new) or _EMPTY
    if not cell.changed:
        return old
    return new if not cell.old else f"~~{old}~~" if not cell.new else f"{old} → {new}"


def _guests(guests: Sequence[GuestDiff]) -> Iterator[str]:
    for guest in guests:
        fate = "delivered with the new server" if guest.fate == "delivered" else "held back until the next replacement"
        more = f" and {count(len(guest.servers) - _SERVERS_NAMED, 'server')} more" if len(guest.servers) > _SERVERS_NAMED else ""
        who, whose = (listed(guest.servers[:_SERVERS_NAMED]) + more for listed in (codes, summary))
        if guest.secret:
            yield f"- {who}: user data is secret, so its files are not shown, but the digest covers them; {fate}\n"
        for file in guest.files:
            if file.op != "update" and file.path not in (PLAN_PATH, REST):
                words = f"new, {count(file.added, 'line')}" if file.op == "create" else f"gone, {count(file.removed, 'line')}"
                yield f"- {code(file.path)} on {who}: {words}, {fate}\n"
                continue
            lines = file.diff.split("\n")
            cut = f"\n\n*and {count(len(lines) - _DIFF_LINES, 'line')} more*" if len(lines) > _DIFF_LINES else ""
            fold = "<details open>" if len(lines) <= _OPEN_LINES else "<details>"
            head = f"{summary([file.path])} on {whose}: +{file.added} -{file.removed}, {fate}"
            yield f"\n{fold}<summary>{head}</summary>\n\n{block(chr(10).join(lines[:_DIFF_LINES]), 'diff')}{cut}\n\n</details>\n"


def _changes(changes: Sequence[Change]) -> _Section:
    head = f"\n<details><summary>All {count(len(changes), 'change')}</summary>\n\n"
    pieces = tuple(f"{block(_change(change), 'diff')}\n\n" for change in changes)
    return _Section(
        "the full diff", head, pieces, "</details>\n", 7, lambda missing: f"*and {count(missing, 'change')} more*\n\n"
    )


def _change(change: Change) -> str:
    lines = [f"{_SIGNS[change.op]} {change.op} {change.kind} {change.name}"]
    for path, old, new in change.properties:
        lines += [f"-   {path}: {old}"] if old is not None else []
        lines += [f"+   {path}: {new}"] if new is not None else []
    # the block escapes everything else that a name or a path may hold
    return "\n".join(line.replace("\n", r"\n").replace("\t", r"\t") for line in lines)


def _size(text: str) -> int:
    return len(text.encode())
