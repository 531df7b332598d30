"""Secrets taken out of everything before it is looked at.

The engine writes `[secret]` for what it knows to be secret. It no longer knows once a program has made text of several values,
user data above all, so the values themselves are looked for too, in every form that our user data can give them.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import yaml

SECRET: Final = "[secret]"  # noqa: S105 - the engine's own mark
"""What stands where a secret was."""

# sdk/go/common/resource/sig: how the engine marks a value that a stack's state holds encrypted.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_ENCRYPTED: Final = "1b47061264138c4ac30d75fd1eb44270"

# Shorter ones are words of every text: they are taken out where they stand alone.
_ANYWHERE: Final = 4


class Redaction:
    """Takes secret values out of text and data."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        long = [re.escape(form) for form in ordered if len(form) >= _ANYWHERE]
        short = [rf"(?<!\w){re.escape(form)}(?!\w)" for form in ordered if 0 < len(form) < _ANYWHERE]
        self._pattern = re.compile("|".join([*long, *short])) if forms else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        return text if self._pattern is None else self._pattern.sub(SECRET, text)

    def values(self, value: Any) -> Any:
        """Plain data without secrets, in keys too; what the state holds encrypted is one as well."""
        if isinstance(value, dict):
            if value.get(_SIGNATURE) == _ENCRYPTED:
                return SECRET
            return {self.text(key): self.values(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.values(each) for each in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return SECRET if self.text(str(value)) == SECRET else value
        return self.text(value) if isinstance(value, str) else value


def secrets_of(hidden: Mapping[str, Any], shown: Mapping[str, Any]) -> frozenset[str]:
    """Secret values of a stack's configuration: whatever the one hides and the other shows.

    Args:
        hidden: The configuration as the events' prelude has it, `[secret]` in place of each secret.
        shown: What `pulumi config --json --show-secrets` printed.
    """
    found: set[str] = set()
    for name, entry in shown.items():
        if entry.get("value") is not None:
            found |= set(_hidden(_data(hidden.get(name, SECRET if entry.get("secret") else None)), _data(entry["value"])))
    return frozenset(found)


def prelude_config(events: str) -> dict[str, Any]:
    """The configuration as the events' prelude has it."""
    for line in events.splitlines():
        if '"preludeEvent"' in line:
            config: dict[str, Any] = json.loads(line)["preludeEvent"].get("config") or {}
            return config
    return {}


def _data(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _hidden(hidden: Any, shown: Any) -> Iterator[str]:
    if hidden == SECRET:
        yield from _leaves(shown)
    elif isinstance(hidden, dict) and isinstance(shown, dict):
        for key, each in shown.items():
            yield from _hidden(hidden.get(key), each)
    elif isinstance(hidden, list) and isinstance(shown, list):
        for mine, theirs in zip(hidden, shown, strict=False):
            yield from _hidden(mine, theirs)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _forms(secret: str) -> Iterator[str]:
    """The forms in which a secret may stand in a text: itself, its parts, each escaped or encoded."""
    for part in {secret, *_parts(secret)}:
        if part.strip():
            yield part
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]
            yield part.replace("'", "''")
            yield quote(part, safe="")
            yield base64.b64encode(part.encode()).decode()


def values_of(secret: str) -> tuple[str, ...]:
    """The values that a secret is made of: those of a cloud-config or another document, else the secret itself.

    Its keys and its layout are no secret: every cloud-config has some of them.
    """
    try:
        document = yaml.safe_load(secret) if "\n" in secret or secret.lstrip().startswith(("{", "[")) else None
    except (yaml.YAMLError, ValueError):
        document = None
    return tuple(_leaves(document)) if isinstance(document, dict | list) else (secret,)


def _parts(secret: str) -> set[str]:
    """What of a secret may stand by itself: its values, for a cloud-config is merged into ours, and their lines."""
    return {part for text in values_of(secret) for part in (text, *(line.strip() for line in text.splitlines()))}
