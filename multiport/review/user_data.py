"""Decodes the guest's files from user data, before and after a change."""

import base64
import binascii
import difflib
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from multiport.guest import packing
from multiport.guest.files import PACKED_PATH, PLAN_PATH
from multiport.review.redaction import SECRET
from multiport.review.wording import code

REST: Final = "(the rest of the cloud-config)"
"""The name for the content of user data other than files."""


_CONTEXT = 3
_SECRET_WORD = "SECRET-TAKEN-OUT"  # noqa: S105 - what stands for one while YAML is read, for which brackets are a list


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One guest file that changes.

    Attributes:
        path: Absolute path in the guest, or REST.
        op: create, update or delete.
        diff: Unified diff, without the two header lines.
        added: Lines that come.
        removed: Lines that go.
    """

    path: str
    op: str
    diff: str
    added: int
    removed: int


def files(user_data: str | None) -> dict[str, str]:
    """Return the files that user data writes, by path, and the rest of it under REST.

    What cannot be read as cloud-config is all of it the rest: a preview must not fail over what only the guest can judge.
    """
    if not user_data:
        return {}
    try:
        document = yaml.safe_load(user_data.replace(SECRET, _SECRET_WORD)) if user_data.startswith("#cloud-config") else None
    except (yaml.YAMLError, ValueError):
        document = None
    if not isinstance(document, dict):
        return {REST: user_data}
    found: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for key, value in document.items():
        entries = value if key == "write_files" and isinstance(value, list) else None
        if entries is None:
            rest[key] = value
            continue
        for entry in entries:
            if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                head = "".join(
                    f"# {name}: {entry[name]}\n"
                    for name in sorted(entry)
                    if name not in ("path", "content", "encoding", "permissions")
                )
                mode = f"# permissions: {entry['permissions']}\n" if "permissions" in entry else ""
                content = _content(entry)
                if entry["path"] == PACKED_PATH:
                    found |= _unpacked(content)
                else:
                    found[entry["path"]] = found.get(entry["path"], "") + mode + head + content
            else:
                rest.setdefault(key, []).append(entry)
    if rest:
        found[REST] = yaml.dump(rest, Dumper=_Readable, sort_keys=True, width=1000, default_flow_style=False, allow_unicode=True)
    return {path: text.replace(_SECRET_WORD, SECRET) for path, text in found.items()}


def _unpacked(packed: str) -> dict[str, str]:
    """Return the files of the packed program, so that a diff shows its source."""
    try:
        return packing.unpack(packed)
    except (ValueError, EOFError):
        return {PACKED_PATH: packed}


class _Readable(yaml.SafeDumper):
    """Return YAML that writes texts of several lines as blocks, so that a diff shows single lines."""


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _content(entry: Mapping[str, Any]) -> str:
    content, encoding = entry.get("content"), str(entry.get("encoding", "")).lower()
    data = content if isinstance(content, bytes) else str("" if content is None else content).encode()
    if _SECRET_WORD.encode() in data:
        return data.decode(errors="replace")
    try:
        if encoding in ("b64", "base64") or "b64" in encoding or "base64" in encoding:
            data = base64.b64decode(data, validate=False)
        if encoding.startswith("gz"):
            data = gzip.decompress(data)
        return data.decode()
    except (binascii.Error, OSError, EOFError, UnicodeDecodeError):
        return f"({len(data)} bytes that are no text)\n"


def diffs(old: str | None, new: str | None) -> tuple[FileDiff, ...]:
    """Return the files that differ between two user data, sorted by path, with the rest last."""
    before, after = files(old), files(new)
    found = []
    for path in sorted(before.keys() | after.keys(), key=lambda each: (each == REST, each)):
        was, becomes = before.get(path, ""), after.get(path, "")
        if was != becomes:
            found.append(_file_diff(path, was, becomes))
    return tuple(found)


def _file_diff(path: str, was: str, becomes: str) -> FileDiff:
    lines = list(difflib.unified_diff(_lines(was), _lines(becomes), n=_CONTEXT, lineterm=""))[2:]
    added = sum(line.startswith("+") for line in lines)
    op = "create" if not was else "update" if becomes else "delete"
    return FileDiff(path, op, "\n".join(lines), added, sum(line.startswith("-") for line in lines))


def _lines(text: str) -> list[str]:
    # splitlines would split at form feeds and the like, which a diff then could not show
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else [*lines, "\\ No newline at end of file"]


def kind_of(path: str) -> str:
    """Return a description of a changed file for the reader."""
    if path == REST:
        return "the cloud-config beside its files"
    if path == PLAN_PATH:
        return "the routing plan (which ports the server is born with)"
    return code(path)
