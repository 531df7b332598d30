"""Reads a preview: joins the engine's events with the output of `--json`, in a stable order.

Neither is enough alone. `--json` leaves out unchanged resources, components' outputs and policy findings; the events leave out
replacement triggers and which property depends on which resource (measured: CLI 3.259).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from multiport.review.redaction import Redaction

REPLACING: Final = frozenset(
    {
        "replace",
        "create-replacement",
        "delete-replaced",
        "import-replacement",
        "read-replacement",
        "discard-replaced",
        "remove-pending-replace",
    }
)
"""The engine splits one replacement into several steps."""

# A refresh or a read tells of the cloud, not of a change (pkg/resource/deploy/step.go names all operations).
_OPS: Final = {
    "same": "same",
    "create": "create",
    "update": "update",
    "delete": "delete",
    "import": "create",
    "read": "same",
    "refresh": "same",
    "discard": "delete",
}
_UNFAMILIAR: Final = "update"
"""The name that is shown for an operation that this review does not know, which is also reported as an error."""
_PROVIDER: Final = "pulumi:providers:"
_UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)  # the engine's sentinels for values that only the update will know

# What the engine adds when something has failed, whatever it was: a refusal cancels the policies that are still to be asked.
_SAYS_NOTHING: Final = re.compile(
    r"preview failed|update failed|an unhandled error occurred: program exited with non-zero exit code: \d+"
    r"|failed to run \w+: .*context canceled",
    re.DOTALL,
)
_HOOK: Final = re.compile(r"^Preview failed: before hook \"[^\"]*\" failed: ")


class _Unknown:
    def __repr__(self) -> str:
        return "(known after the update)"


UNKNOWN: Final = _Unknown()
"""A value that is known only after the update."""


@dataclass(frozen=True, slots=True)
class State:
    """A resource's state on one side of the change: its id (empty until it exists), inputs and outputs."""

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


NOTHING: Final = State("", {}, {})
"""The state of a resource that does not exist."""


@dataclass(frozen=True, slots=True)
class Step:
    """The change of one resource.

    Attributes:
        op: same, create, update, replace or delete.
        urn: Its URN.
        parent: Its parent's URN, or empty.
        old: Its state before, or NOTHING.
        new: Its state after, or NOTHING.
        forced_by: Input properties that force the replacement, as far as the engine says.
        trigger: Old and new replacement trigger, if they differ.
        depends: URNs that each input property depends on; empty for what does not change.
        custom: Whether a provider manages it; a component and the stack itself are but names for what is in them.
    """

    op: str
    urn: str
    parent: str
    old: State
    new: State
    forced_by: tuple[str, ...] = ()
    trigger: tuple[Any, Any] | None = None
    depends: Mapping[str, tuple[str, ...]] | None = None
    custom: bool = False

    @property
    def kind(self) -> str:
        """Type without its module's file name, for example openstack:networking:Port."""
        package, *rest = resource_type(self.urn).split(":")
        return ":".join([package, *(part.split("/")[0] for part in rest)])

    @property
    def deployed(self) -> bool:
        """Whether the step changes something in a cloud or in another system."""
        return self.custom or not self.kind.startswith(("multiport:", "pulumi:"))

    @property
    def name(self) -> str:
        """Resource name."""
        return resource_name(self.urn)

    @property
    def state(self) -> State:
        """The new state, or the old one if the resource is deleted."""
        return self.old if self.new is NOTHING else self.new


@dataclass(frozen=True, slots=True)
class Finding:
    """A policy violation. `mandatory` ones stop the update; `urn` is empty if it concerns the whole stack."""

    policy: str
    mandatory: bool
    message: str
    urn: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message of the engine, the provider or the program: severity `error` or `warning`, and a URN, which may be empty."""

    severity: str
    message: str
    urn: str


@dataclass(frozen=True, slots=True)
class Preview:
    """One preview of one stack."""

    project: str
    stack: str
    failed: bool
    steps: Mapping[str, Step]
    findings: tuple[Finding, ...]
    diagnostics: tuple[Diagnostic, ...]
    config: Mapping[str, Any]

    def changed(self) -> Iterator[Step]:
        """Return every step that is not `same`."""
        return (step for step in self.steps.values() if step.op != "same")

    def of(self, *kinds: str) -> Iterator[Step]:
        """Return every step of these kinds, for example `networking:Port`."""
        return (step for step in self.steps.values() if step.kind.partition(":")[2] in kinds)


class PreviewError(ValueError):
    """The input is not an output of the CLI."""


def resource_type(urn: str) -> str:
    """Return the resource's type from its URN, without the types of its parents."""
    return urn.split("::", 3)[2].rsplit("$", maxsplit=1)[-1]


def resource_name(urn: str) -> str:
    """Return the resource's name from its URN; the name may contain any characters, even `::`."""
    return urn.split("::", 3)[-1]


def read(events: str, preview: str, redaction: Redaction | None = None, stack: str = "", said: str = "") -> Preview:
    """Read a preview.

    Args:
        events: What `--event-log` wrote, one JSON object a line.
        preview: What `pulumi preview --json` printed for the same preview.
        redaction: Takes secret values out before anything else sees them. Default: there are none.
        stack: The stack's name, for a preview that failed before the engine could say it.
        said: What the CLI printed besides, for a preview that failed without an event that says why.

    Raises:
        PreviewError: Either is not what the CLI writes, or they are of different stacks.
    """
    clean = redaction or Redaction(())
    try:
        lines = [_known(clean.values(json.loads(line))) for line in events.splitlines() if line.strip()]
        described = _described(preview, clean)
    except json.JSONDecodeError as error:
        raise PreviewError(f"this is not what `pulumi preview --json --event-log` writes: {error}") from error
    if not isinstance(described, dict) or not all(isinstance(line, dict) for line in lines):
        raise PreviewError("this is not what `pulumi preview --json --event-log` writes: an object is missing")
    steps = _steps(lines, {each["urn"]: each for each in described.get("steps") or []})
    project, name = _names(lines, steps, described)
    findings = _findings(lines)
    diagnostics = _diagnostics(lines)
    if any(finding.mandatory for finding in findings):
        # the engine then calls the preview failed without a word of its own; the findings say why
        diagnostics = tuple(diagnostic for diagnostic in diagnostics if not _SAYS_NOTHING.fullmatch(diagnostic.message))
    errors = any(diagnostic.severity == "error" for diagnostic in diagnostics)
    failed = errors or (not _succeeded(lines) and not any(finding.mandatory for finding in findings))
    if failed and not errors and (words := _brief(_plain(clean.text(said)))):
        diagnostics = (Diagnostic("error", words, ""), *diagnostics)
    return Preview(
        project=project,
        stack=name or stack,
        failed=failed,
        steps=steps,
        findings=findings,
        diagnostics=diagnostics,
        config=_config(lines),
    )


def _succeeded(lines: Iterable[dict[str, Any]]) -> bool:
    summaries = [line["summaryEvent"] for line in lines if "summaryEvent" in line]
    return bool(summaries) and all(each.get("result", "succeeded") == "succeeded" for each in summaries)


def _described(preview: str, clean: Redaction) -> Any:
    start = preview.find("{")  # warnings of the CLI may come first
    value, _ = json.JSONDecoder().raw_decode(preview[max(start, 0) :])
    return _known(clean.values(value))


def _known(value: Any) -> Any:
    """Replace the engine's markers of unknown values by UNKNOWN."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWNS else value


def _steps(lines: Iterable[dict[str, Any]], described: Mapping[str, dict[str, Any]]) -> dict[str, Step]:
    told: dict[str, list[dict[str, Any]]] = {}
    for event, metadata in _told(lines):
        if metadata["op"] != "refresh" and not _default_provider(metadata):
            told.setdefault(metadata["urn"], []).append({**metadata, "done": event == "resOutputsEvent"})
    return {urn: _step(urn, told[urn], described.get(urn, {})) for urn in sorted(told)}


def _told(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events about resources: the event's name and its content."""
    for line in lines:
        for event in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
            if metadata := line.get(event, {}).get("metadata"):
                yield event, metadata


def _default_provider(metadata: Mapping[str, Any]) -> bool:
    """Return whether it is a default provider, which the engine configures from the environment and which is not a change.

    One that the program makes has the stack, or a component, for its parent, whatever its name is.
    """
    urn: str = metadata["urn"]
    parents = [side.get("parent") for side in (metadata.get("new"), metadata.get("old")) if side]
    return resource_type(urn).startswith(_PROVIDER) and resource_name(urn).startswith("default") and not any(parents)


def _step(urn: str, told: list[dict[str, Any]], described: Mapping[str, Any]) -> Step:
    ops = {each["op"] for each in told}
    # a resource that goes, and would have to make way for a replacement anyhow, is told of as replaced but never created
    op = (
        "delete"
        if ops == {"delete-replaced"}
        else "replace"
        if ops & REPLACING
        else _OPS.get(next((each["op"] for each in told if each["op"] not in _OPS), told[-1]["op"]), _UNFAMILIAR)
    )
    # What is known once a step is done is more than what was known before it.
    ordered = sorted(told, key=lambda each: each["done"])
    old = next((_state(each["old"]) for each in reversed(ordered) if each.get("old")), NOTHING)
    new = next((_state(each["new"]) for each in reversed(ordered) if each.get("new")), NOTHING)
    before, after = described.get("oldState") or {}, described.get("newState") or {}
    triggers = before.get("replacementTrigger"), after.get("replacementTrigger")
    keys = {key for each in told for key in each.get("keys") or ()} | set(described.get("replaceReasons") or ())
    parent = next(
        (side["parent"] for each in told for side in (each.get("new"), each.get("old")) if side and side.get("parent")), ""
    )
    return Step(
        op=op,
        urn=urn,
        parent=parent,
        old=NOTHING if op == "create" else old,
        new=NOTHING if op == "delete" else new,
        forced_by=tuple(sorted(keys)) if op == "replace" else (),
        trigger=triggers if op == "replace" and triggers[0] != triggers[1] else None,
        depends={key: tuple(sorted(urns or ())) for key, urns in (after.get("propertyDependencies") or {}).items()},
        custom=any(bool(side.get("custom")) for each in told for side in (each.get("new"), each.get("old")) if side),
    )


def _state(told: Mapping[str, Any]) -> State:
    return State(str(told.get("id") or ""), told.get("inputs") or {}, told.get("outputs") or {})


def _names(lines: Iterable[dict[str, Any]], steps: Mapping[str, Step], described: Mapping[str, Any]) -> tuple[str, str]:
    urns = {*steps, *(each["urn"] for each in described.get("steps") or [])}
    names = {(urn.split("::")[1], urn.split("::")[0].removeprefix("urn:pulumi:")) for urn in urns}
    if not names:
        # A program that fails before its first resource: the configuration still tells the project.
        return next((key.partition(":")[0] for key in _raw_config(lines) if not key.startswith("openstack:")), ""), ""
    if len(names) > 1:
        raise PreviewError(f"these are previews of different stacks: {sorted(names)}")
    return names.pop()


def _raw_config(lines: Iterable[dict[str, Any]]) -> Mapping[str, Any]:
    return next((line["preludeEvent"].get("config") or {} for line in lines if "preludeEvent" in line), {})


def _config(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the stack's configuration without the project's prefix; secret values are `[secret]`."""
    config: dict[str, Any] = {}
    for name, text in _raw_config(lines).items():
        try:
            config[name.partition(":")[2]] = json.loads(text)
        except (json.JSONDecodeError, TypeError):
            config[name.partition(":")[2]] = text
    return config


def _findings(lines: Iterable[dict[str, Any]]) -> tuple[Finding, ...]:
    found = {
        Finding(
            policy=str(event["policyName"]),
            mandatory=event["enforcementLevel"] == "mandatory",
            message=_plain(event["message"]),
            urn=event.get("resourceUrn") or "",
        )
        for event in (line["policyEvent"] for line in lines if "policyEvent" in line)
    }
    return tuple(sorted(found, key=lambda each: (not each.mandatory, each.policy, each.urn, each.message)))


def _diagnostics(lines: Iterable[dict[str, Any]]) -> tuple[Diagnostic, ...]:
    told = [line["diagnosticEvent"] for line in lines if "diagnosticEvent" in line]
    found = {
        Diagnostic(event["severity"], _brief(_plain(event["message"])), event.get("urn") or "")
        for event in told
        if event["severity"] in ("error", "warning") and not event.get("ephemeral")
    }
    if not found and not any("summaryEvent" in line for line in lines):
        # a policy pack that cannot start says so line by line, and nothing comes after it
        lines_of_pack = [event["message"] for event in told if event["severity"] == "info#err"]
        found = (
            {Diagnostic("error", _brief(_plain("".join(lines_of_pack).replace("\n\n", "\n"))), "")} if lines_of_pack else set()
        )
    found |= {
        Diagnostic(
            "error",
            f"The engine says `{metadata['op']}`, an operation that this review does not know. "
            "Nothing can be said of what it does; a newer version of the review may know it",
            metadata["urn"],
        )
        for _, metadata in _told(lines)
        if metadata["op"] not in REPLACING | _OPS.keys()
    }
    telling = {each for each in found if not _SAYS_NOTHING.fullmatch(each.message)}
    if not any(each.severity == "error" for each in telling):
        telling = found
    return tuple(sorted(telling, key=lambda each: (each.severity, each.urn, each.message)))


def _brief(message: str) -> str:
    """Return the message without the engine's preamble and Python's traceback."""
    message = _HOOK.sub("", message)
    head, traceback, rest = message.partition("Traceback (most recent call last):")
    if not traceback:
        return message
    # the exception is the first line after the frames that is not indented
    lines = rest.split("\n")
    start = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith(" ")), 0)
    return f"{head.strip()}\n" + "\n".join(lines[start:])


def _plain(text: str) -> str:
    """Return the engine's message without its colour directives, `<{%reset%}>`."""
    while "<{%" in text and "%}>" in (rest := text.split("<{%", 1)[1]):
        text = text.split("<{%", 1)[0] + rest.split("%}>", 1)[1]
    return text.strip().removeprefix("error: ").removeprefix("warning: ")
