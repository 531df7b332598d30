"""Collects what a reviewer must know about a preview as plain data; the renderers decide on its appearance."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from multiport.guest.files import PLAN_PATH
from multiport.review import digest, user_data
from multiport.review.losses import Loss, losses, operation, rank, word
from multiport.review.preview import UNKNOWN, Diagnostic, Finding, Preview, State
from multiport.review.topology import PortRow, Topology, UserData
from multiport.review.user_data import FileDiff
from multiport.review.wording import codes, count

# What no reader misses: the engine's own bookkeeping, and user data, which is shown file by file.
_OMITTED: Final = frozenset({"__defaults", "userData"})
_VERBS: Final = (
    ("delete", "deletes"),
    ("replace", "replaces"),
    ("rebuild", "rebuilds"),
    ("resize", "resizes"),
    ("create", "creates"),
    ("update", "updates"),
)

Property = tuple[str, str | None, str | None]
"""A property that differs: its path, its old text and its new text; None if it does not exist on that side."""


@dataclass(frozen=True, slots=True)
class GuestDiff:
    """Files that change in the same way on one or more servers.

    Attributes:
        servers: Their keys.
        fate: `delivered` with a new server, or `held back` until its next replacement.
        new: Whether these servers are new, so that there is nothing to compare with.
        secret: Whether the user data is secret, so that no file can be shown.
        files: What differs.
    """

    servers: tuple[str, ...]
    fate: str
    new: bool
    secret: bool
    files: tuple[FileDiff, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that changes, with the properties that differ."""

    op: str
    kind: str
    name: str
    urn: str
    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is shown of a preview."""

    project: str
    stack: str
    verdict: str
    outcome: str
    counts: Mapping[str, int]
    losses: tuple[Loss, ...]
    ports: tuple[PortRow, ...]
    guests: tuple[GuestDiff, ...]
    findings: tuple[Finding, ...]
    diagnostics: tuple[Diagnostic, ...]
    changes: tuple[Change, ...]
    deployed: str
    """Keyed hash of all that an update would deploy; empty where only a preview is at hand, which no update can rely on."""

    @property
    def silent(self) -> bool:
        """Whether there is nothing to report."""
        return self.outcome == "no change" and not self.findings and not self.diagnostics

    @property
    def digest(self) -> str:
        """The identity of the change, which is the same on every machine."""
        return digest.digest(self.json())

    def json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def report(preview: Preview, rendered: Mapping[str, str], deployed: str = "") -> tuple[Report, Topology]:
    """Make the report of a preview.

    Args:
        preview: The preview.
        rendered: User data that the engine does not know yet, by server; see `review.rendered`.
        deployed: From `review.digest.deployed`.
    """
    topology = Topology(preview, rendered)
    found = losses(topology)
    guests = tuple(_guests(topology))
    counts = Counter(operation(step) for step in preview.changed() if step.deployed)
    outcome = _outcome(preview, counts, guests)
    made = Report(
        project=preview.project,
        stack=preview.stack,
        verdict=_verdict(preview, topology, outcome, guests),
        outcome=outcome,
        counts=dict(sorted(counts.items())),
        losses=found,
        ports=tuple(row for row in topology.ports if row.changed),
        guests=guests,
        findings=preview.findings,
        diagnostics=preview.diagnostics,
        changes=tuple(_changes(topology)),
        deployed=deployed,
    )
    return made, topology


def _outcome(preview: Preview, counts: Mapping[str, int], guests: tuple[GuestDiff, ...]) -> str:
    if preview.failed:
        return "failed"
    if any(finding.mandatory for finding in preview.findings):
        return "refused"
    return "changes" if counts or guests else "no change"


def _verdict(preview: Preview, topology: Topology, outcome: str, guests: tuple[GuestDiff, ...]) -> str:
    if outcome == "failed":
        return _why_failed(preview)
    parts = []
    steps = [step for step in preview.changed() if step.deployed]
    for op, verb in _VERBS:
        kinds = Counter(word(step) for step in steps if operation(step) == op)
        if not kinds:
            continue
        if op not in ("create", "update") and "server" in kinds:
            names = [topology.server_of(step) or step.name for step in steps if operation(step) == op and word(step) == "server"]
            rest = sum(kinds.values()) - len(names)
            others = f" and {count(rest, 'resource')} more" if rest else ""
            parts.append(f"{verb} {count(len(names), 'server')} ({_few(names)}){others}")
        else:
            parts.append(f"{verb} " + ", ".join(count(kinds[what], what) for what in sorted(kinds, key=rank)))
    held = sorted({server for each in guests if each.fate == "held back" for server in each.servers})
    if held:
        parts.append(f"holds back new user data for {count(len(held), 'server')} ({_few(held)})")
    text = "; ".join(parts) if parts else "changes nothing"
    if outcome == "refused":
        broken = sum(finding.mandatory for finding in preview.findings)
        return f"refused by {count(broken, 'policy finding')}; otherwise {text}"
    return text


def _few(names: list[str]) -> str:
    shown = 5
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return codes(sorted(names)[:shown]) + more


def _why_failed(preview: Preview) -> str:
    errors = [diagnostic for diagnostic in preview.diagnostics if diagnostic.severity == "error"]
    told = [line for each in errors for line in each.message.splitlines() if line.strip()]
    refused = [line for line in told if "in a second update" in line]
    if refused:
        return f"refused: {count(len(refused), 'change')} that Neutron takes only in two updates"
    return f"the preview fails with {count(len(errors), 'error')}" if errors else "the preview fails"


def _guests(topology: Topology) -> Iterator[GuestDiff]:
    """Return the guest files of each server; servers whose files change in the same way are grouped."""
    together: dict[tuple[str, bool, bool, tuple[FileDiff, ...]], list[str]] = {}
    for each in topology.user_data():
        if (differing := _differing(each)) is None:
            continue
        new, secret, common, own = differing
        for files in dict.fromkeys((common, own)):
            if files or secret:
                together.setdefault((each.fate, new, secret, files), []).append(each.server)
    ordered = sorted(together.items(), key=lambda item: (item[0][0] != "held back", item[0][1], -len(item[1]), item[1]))
    for (fate, new, secret, files), servers in ordered:
        yield GuestDiff(tuple(servers), fate, new, secret, files)


def _differing(each: UserData) -> tuple[bool, bool, tuple[FileDiff, ...], tuple[FileDiff, ...]] | None:
    """Return whether the server is new, whether its user data is secret, and the differing files: the common and its own ones."""
    new = each.old is None and not each.secret
    if each.fate == "same":
        return None
    if each.secret:
        return new, True, (), ()
    diffs = user_data.diffs(each.old, each.new)
    own = tuple(file for file in diffs if file.path == PLAN_PATH)
    return new, False, tuple(file for file in diffs if file.path != PLAN_PATH), own


def _changes(topology: Topology) -> Iterator[Change]:
    order = {op: place for place, (op, _) in enumerate(_VERBS)}
    for step in sorted(
        (step for step in topology.preview.changed() if step.deployed), key=lambda each: (order[operation(each)], each.urn)
    ):
        properties = tuple(_properties(topology, step.old, step.new))
        if step.trigger is not None:
            properties = (*properties, ("(replacement trigger)", str(step.trigger[0]), str(step.trigger[1])))
        yield Change(operation(step), step.kind, step.name, step.urn, properties)


def _properties(topology: Topology, old: State, new: State) -> Iterator[Property]:
    """Return every property that differs; a property that exists on one side only is returned as a whole."""
    yield from sorted(_differences(topology, "", dict(old.inputs), dict(new.inputs)), key=lambda each: each[0])


def _differences(topology: Topology, path: str, old: Any, new: Any) -> Iterator[Property]:
    """Yield the differences between two values, as deep as both are known: (path, old text, new text)."""
    if old == new:
        return
    # an empty list or mapping says the same as none
    old, new = (None if each in ([], {}) else each for each in (old, new))
    if isinstance(old, dict | None) and isinstance(new, dict | None):
        before, after = old or {}, new or {}
        for key in sorted((before.keys() | after.keys()) - _OMITTED):
            yield from _differences(topology, f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(old, list | None) and isinstance(new, list | None):
        yield from _list_differences(topology, path, old or [], new or [])
    elif isinstance(old, dict | list) and new is UNKNOWN:
        # no removal is known: the whole list is computed again during the update
        yield path, f"({count(len(old), 'value')})", str(UNKNOWN)
    else:
        was, becomes = (None if each is None else _text(topology, each) for each in (old, new))
        if was != becomes:
            yield path, was, becomes


def _list_differences(topology: Topology, path: str, old: list[Any], new: list[Any]) -> Iterator[Property]:
    """Yield the items that are added to or removed from a list; an item that only changes its position is not a change."""
    went = [(place, each) for place, each in enumerate(old) if each not in new]
    came = [(place, each) for place, each in enumerate(new) if each not in old]
    if [each for each in old if each in new] != [each for each in new if each in old]:
        yield path, _text(topology, old), _text(topology, new)
        return
    plain = not any(isinstance(each, dict | list) for _, each in (*went, *came))
    for (place, was), (_, becomes) in zip(went, came, strict=False) if not plain else ():
        yield from _differences(topology, f"{path}[{place}]", was, becomes)
    paired = 0 if plain else min(len(went), len(came))
    for place, each in went[paired:]:
        yield from _differences(topology, f"{path}[{place}]", each, None)
    for place, each in came[paired:]:
        yield from _differences(topology, f"{path}[{place}]", None, each)


def _text(topology: Topology, value: Any) -> str:
    """Return a value in one line; an id is followed by the name of its object."""
    owner = topology.by_id(value)
    text = str(value) if value is UNKNOWN else json.dumps(value, ensure_ascii=False, default=str)
    return text if owner is None else f"{text} ({word(owner)} {owner.name})"
