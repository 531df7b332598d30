"""Recorded previews: the output of the CLI without parts that differ from day to day or from machine to machine.

Every id, MAC address, floating IP and hash is renamed in the order of its appearance, the same everywhere; long texts stand once
for all recordings, in pieces. Debug messages and what is said twice are left out, and of `--json` all but what it alone tells.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"
TEXTS = FOLDER / "texts"
LONG = 1000

_RENAMED = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "{0:08x}-0000-4000-8000-{0:012x}"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "{0:064x}"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "{0:040x}"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "{0:032x}"),
    (re.compile(r"\bfa:16:3e(?::[0-9a-f]{2}){3}\b"), "fa:16:3e:00:{1:02x}:{2:02x}"),
    (re.compile(r"\b203\.0\.113\.\d+\b(?!/)"), "203.0.113.{3}"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z| \+0000 UTC)"), "2026-01-01T00:00:00Z"),
)
# The engine's own sentinels and the provider's metadata key are no ids of anything.
_CONSTANT = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
        "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0",
    }
)
# Empty and unknown outputs of a resource say nothing.
_CONSTANT_VALUES: tuple[Any, ...] = (*sorted(_CONSTANT), None, "", [], {})
_EVENTS = (
    "preludeEvent",
    "resourcePreEvent",
    "resOutputsEvent",
    "resOpFailedEvent",
    "policyEvent",
    "diagnosticEvent",
    "summaryEvent",
)
_METADATA = ("op", "urn", "old", "new", "keys", "diffs")
_STATE = ("id", "parent", "inputs", "outputs")
# The provider's own notes to itself, and what of a resource's outputs are its inputs once more.
_OUTPUT_NOISE = frozenset({"__meta", "__pulumi_raw_state_delta"})


def normalised(events: str, preview: str, root: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the parts of a preview that are recorded, in a stable order."""
    kept = sorted(_kept(events), key=lambda event: (_EVENTS.index(next(iter(event))), json.dumps(event, sort_keys=True)))
    described = json.loads(preview[preview.index("{") :])
    steps = [
        {
            "urn": step["urn"],
            "op": step["op"],
            "replaceReasons": step.get("replaceReasons"),
            "oldState": {"replacementTrigger": (step.get("oldState") or {}).get("replacementTrigger")},
            "newState": {
                key: sorted_dependencies((step.get("newState") or {}).get(key))
                for key in ("replacementTrigger", "propertyDependencies")
            },
        }
        for step in sorted(described["steps"], key=lambda step: step["urn"])
    ]
    whole = {"events": kept, "steps": steps}
    text = _without_paths(json.dumps(whole), root)
    for pattern, shape in _RENAMED:
        text = pattern.sub(_Renaming(shape), text)
    whole = json.loads(text)
    return whole["events"], {"steps": whole["steps"]}


def sorted_dependencies(value: Any) -> Any:
    return {key: sorted(urns) for key, urns in value.items()} if isinstance(value, dict) else value


def write(folder: Path, events: list[dict[str, Any]], preview: dict[str, Any], rendered: dict[str, str]) -> None:
    """Write a recording; its long texts go into the file that all recordings share."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(_shared(event), sort_keys=True) + "\n" for event in events))
    (folder / "preview.json").write_text(json.dumps(_shared(preview), indent=1, sort_keys=True) + "\n")
    (folder / "rendered.json").write_text(json.dumps(_shared(rendered), indent=1, sort_keys=True) + "\n")


def read(folder: Path) -> tuple[str, str, dict[str, str]]:
    """Return a recording as the renderer needs it: events, preview, rendered user data."""
    events = "".join(json.dumps(_whole(json.loads(line))) + "\n" for line in (folder / "events.jsonl").read_text().splitlines())
    preview = json.dumps(_whole(json.loads((folder / "preview.json").read_text())))
    rendered: dict[str, str] = _whole(json.loads((folder / "rendered.json").read_text()))
    return events, preview, rendered


def unused_texts() -> Iterator[Path]:
    """Return the texts that no recording needs."""
    used = {name for path in FOLDER.glob("*/*.json*") for name in re.findall(r"text:([0-9a-f]{16})", path.read_text())}
    return (path for path in TEXTS.glob("*.txt") if path.stem not in used)


class _Renaming:
    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._names: dict[str, str] = {}

    def __call__(self, match: re.Match[str]) -> str:
        found = match.group()
        if found in _CONSTANT:
            return found
        number = len(self._names) + 1
        return self._names.setdefault(found, self._shape.format(number, number // 256, number % 256, 9 + number))


def _kept(events: str) -> Iterator[dict[str, Any]]:
    lines = [json.loads(line) for line in events.splitlines() if line.strip()]
    # a component is finished twice: when it is registered, and with its outputs
    finished = {
        (line["resOutputsEvent"]["metadata"]["urn"], line["resOutputsEvent"]["metadata"]["op"]): place
        for place, line in enumerate(lines)
        if "resOutputsEvent" in line
    }
    for place, line in enumerate(lines):
        name = next((name for name in _EVENTS if name in line), None)
        if name is None:
            continue
        event = line[name]
        metadata = event.get("metadata")
        if name == "diagnosticEvent" and event["severity"] == "debug":
            continue
        if name in ("resourcePreEvent", "resOutputsEvent") and finished.get((metadata["urn"], metadata["op"]), place) != place:
            continue  # the last event says the same and more
        if metadata:
            event["metadata"] = _brief(metadata)
        for key in ("durationSeconds", "PolicyPacks"):  # a time, and a path
            event.pop(key, None)
        yield {name: event}


def _brief(metadata: dict[str, Any]) -> dict[str, Any]:
    told = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    for side in ("old", "new"):
        if side in told:
            state = {key: told[side][key] for key in _STATE if key in told[side]}
            custom = told[side].get("custom", False)
            state["outputs"] = {
                key: value
                for key, value in (state.get("outputs") or {}).items()
                if not custom
                or (key not in _OUTPUT_NOISE and value not in _CONSTANT_VALUES and value != state["inputs"].get(key))
            }
            told[side] = state
    return told


def _without_paths(text: str, root: Path) -> str:
    text = re.sub(rf'[^"\s]*{re.escape(str(root))}/?', "", text)
    return re.sub(r'File \\"[^"\\]*/([^"/\\]+)\\"', r'File \\"\1\\"', text)


def _shared(value: Any) -> Any:
    def share(text: str) -> Any:
        if len(text) < LONG:
            return text
        names = []
        # user data differs from server to server in its last file only
        for piece in re.split(r"(?=\n- path: )", text):
            name = hashlib.sha256(piece.encode()).hexdigest()[:16]
            TEXTS.mkdir(parents=True, exist_ok=True)
            (TEXTS / f"{name}.txt").write_text(piece, newline="")
            names.append(f"text:{name}")
        return {"$text": names}

    return _mapped(value, share)


def _whole(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"$text"}:
        return "".join((TEXTS / f"{name.removeprefix('text:')}.txt").read_bytes().decode() for name in value["$text"])
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


def _mapped(value: Any, text: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, text) for each in value]
    return text(value) if isinstance(value, str) else value
