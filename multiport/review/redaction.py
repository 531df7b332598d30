"""Removes secrets from everything that the review shows. Only this module knows what a secret looks like in a text.

What is secret:
- every value of the stack's configuration that is encrypted, whole, and where it is a document (a cloud-config) each of its
  values, its keys and its comments;
- every value that the state holds encrypted, and what the state still holds in the clear at a place that is encrypted now;
- every value that the program marks as secret (`pulumi.Output.secret`), but for what of it the state shows in the clear anyhow.

How it is found: not only whole, but by every eight characters of it in a row, so that a secret that was cut, split over lines
or put into other text is found too. Each text is searched as it is and with its escapes undone (JSON, YAML, Python, shell, URL,
HTML, Markdown), without blanks and quotes; in both, whatever may be base64 or hexadecimal is decoded, and gzip in it unpacked.
"""

import base64
import binascii
import html
import json
import re
import sys
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import yaml

from multiport.guest.files import PLAN_PATH, static_files

SECRET: Final = "[secret]"  # noqa: S105 - the engine's own mark
"""The text that replaces a secret."""

# sdk/go/common/resource/sig: how the engine marks a value that a stack's state holds encrypted.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ENCRYPTED: Final = "1b47061264138c4ac30d75fd1eb44270"

WINDOW: Final = 8
"""This number of consecutive characters of a secret is removed wherever it appears."""

# Shorter secrets are words of every text: they are taken out where they stand alone.
_ANYWHERE: Final = 4
_NESTED: Final = 3  # encodings inside of encodings that are undone
_UNPACKED_MOST: Final = 1 << 20  # bytes of one gzip stream that are looked at

_ESCAPE: Final = re.compile(
    r"\\\\|(?:\\x[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+|\\U[0-9a-fA-F]{8}|\\[0-7]{3}|\\[abefnrtvNLP_0]"
    r"|(?:%[0-9a-fA-F]{2})+|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{8,}")
_GZIP: Final = b"\x1f\x8b\x08"
_READABLE: Final = re.compile(rb"[\x09\x0a\x0d\x20-\x7e]{12,}")

# Blanks, quotes, backslashes, characters that show nothing, and the marks at the start of a diff's lines.
_INVISIBLE: Final = "".join(
    chr(each) for each in range(sys.maxunicode + 1) if unicodedata.category(chr(each)) in ("Cc", "Cf", "Zl", "Zp", "Zs")
)
_IGNORED: Final = re.compile(rf"[\s\"'`\\{re.escape(_INVISIBLE)}]|(?<=\n)[+-]")

# Words of cloud-init's own that a secret cloud-config shares with every other one.
_CLOUD_INIT: Final = frozenset(
    [
        "#cloud-config",
        "apt",
        "apt_pipelining",
        "apt_update",
        "apt_upgrade",
        "base64",
        "bootcmd",
        "byobu_by_default",
        "ca_certs",
        "ca-certs",
        "chpasswd",
        "content",
        "defer",
        "device_aliases",
        "disable_root",
        "disk_setup",
        "encoding",
        "expire",
        "fallback_locale",
        "fqdn",
        "fs_setup",
        "groups",
        "growpart",
        "hostname",
        "keyboard",
        "keys",
        "locale",
        "lock_passwd",
        "manage_etc_hosts",
        "manage_resolv_conf",
        "merge_how",
        "mounts",
        "name",
        "network",
        "ntp",
        "owner",
        "package_reboot_if_required",
        "package_update",
        "package_upgrade",
        "packages",
        "passwd",
        "password",
        "path",
        "permissions",
        "phone_home",
        "power_state",
        "preserve_hostname",
        "prefer_fqdn_over_hostname",
        "primary_group",
        "resize_rootfs",
        "resolv_conf",
        "root",
        "root:root",
        "rsyslog",
        "runcmd",
        "shell",
        "source",
        "sources",
        "ssh_authorized_keys",
        "ssh_deletekeys",
        "ssh_genkeytypes",
        "ssh_import_id",
        "ssh_keys",
        "ssh_pwauth",
        "sudo",
        "swap",
        "timezone",
        "trusted",
        "type",
        "update_etc_hosts",
        "updates",
        "users",
        "default",
        "user",
        "write_files",
        "yum_repos",
    ]
)


class Redaction:
    """Removes secret values from texts and data.

    Args:
        secrets: Secret values.
        derived: Texts that the program made of secret values and others, for example a server's user data.
        public: What stands in the clear in the state or in the configuration: what of `derived` stands there too is no secret.
    """

    def __init__(self, secrets: Iterable[str], derived: Iterable[str] = (), public: Iterable[str] = ()) -> None:
        given, made = tuple(secrets), _Windows()
        self._windows = _Windows()
        for secret in dict.fromkeys(given):
            pieces = _pieces(secret)
            (self._windows if pieces == {secret} else made).add(pieces)
        made.leave_out(_vocabulary())
        self._windows.join(made)
        made = _Windows()
        made.add({piece for text in dict.fromkeys(derived) for piece in _pieces(text)})
        made.leave_out((*_vocabulary(), *dict.fromkeys(public)))
        self._windows.join(made)
        literal = {form for secret in given if len(_plain(secret)) < _ANYWHERE for form in _literally(secret.strip())}
        self._alone = re.compile("|".join(sorted(literal, key=lambda each: (-len(each), each)))) if literal else None
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if not self._windows.texts and self._alone is None:
            return text
        if text not in self._known:
            self._known[text] = self._without(text)
        return self._known[text]

    def values(self, value: Any) -> Any:
        """Return plain data without secrets in keys and values; values that are encrypted in the state count as secrets."""
        if isinstance(value, dict):
            if value.get(SIGNATURE) == ENCRYPTED:
                return SECRET
            return {self.text(key): self.values(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.values(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return SECRET if self.text(str(value)) == SECRET else value
        return self.text(value) if isinstance(value, str) else value

    def json(self, text: str) -> str:
        """Return JSON without secrets; the result is valid JSON."""
        return json.dumps(self.values(json.loads(text)), indent=1, sort_keys=True) + "\n"

    def _without(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for start, stop in _merged(self._found(text, 0)):
            # what stands between two parts of one secret is a part of it too
            parts += [text[end:start], SECRET]
            end = stop
        text = "".join([*parts, text[end:]])
        return text if self._alone is None else self._alone.sub(SECRET, text)

    def _found(self, text: str, depth: int) -> Iterator[tuple[int, int]]:
        """Yield the positions of secrets in the text, decoding it up to `depth` times."""
        if not self._stands_in(text, depth):
            return
        stream: _Stream | None = _Stream(text, range(len(text)), range(1, len(text) + 1))
        for _ in range(_NESTED):
            if stream is None:
                return
            compact = stream.compact()
            for start, stop in (*_places(compact.text, self._windows.texts), *self._encoded(compact.text, depth)):
                yield compact.starts[start], compact.ends[stop - 1]
            stream = stream.unescaped()

    def _stands_in(self, text: str, depth: int) -> bool:
        """Return whether any secret stands in the text: the same search without the places, which nearly every text is spared."""
        for _ in range(_NESTED):
            compact = _plain(text)
            if _any(compact, self._windows.texts) or next(self._encoded(compact, depth), None):
                return True
            if (undone := _undone(text)) == text:
                return False
            text = undone
        return False

    def _encoded(self, text: str, depth: int) -> Iterator[tuple[int, int]]:
        """Yield the positions of secrets in text that may be base64 or hexadecimal."""
        for run in _BASE64.finditer(text) if depth < _NESTED else ():
            letters = run.group().replace("-", "+").replace("_", "/")
            for offset in range(4):
                whole = (len(letters) - offset) // 4 * 4
                rest = letters[offset + whole :]
                tail = rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""
                for start, stop in self._in_bytes(base64.b64decode(letters[offset : offset + whole] + tail), depth):
                    first, last = offset + start * 4 // 3, offset - (-stop * 4 // 3)
                    yield run.start() + first, min(run.start() + last, run.end())
        for run in _HEXADECIMAL.finditer(text) if depth < _NESTED else ():
            for offset in range(2):
                digits = run.group()[offset:]
                for start, stop in self._in_bytes(binascii.unhexlify(digits[: len(digits) // 2 * 2]), depth):
                    yield run.start() + offset + 2 * start, run.start() + offset + 2 * stop

    def _in_bytes(self, data: bytes, depth: int) -> Iterator[tuple[int, int]]:
        if _any(data, self._windows.bytes):
            yield from _places(data, self._windows.bytes)
        place = data.find(_GZIP)
        while place >= 0:
            unpacking = zlib.decompressobj(wbits=31)
            try:
                inside = unpacking.decompress(data[place:], _UNPACKED_MOST)
            except zlib.error:
                inside = b""
            if inside and self._stands_in(inside.decode("utf-8", "replace"), depth + 1):
                yield place, len(data) - len(unpacking.unused_data)
            place = data.find(_GZIP, place + 1)
        # text in text: a base64 document whose own values are escaped or encoded
        for run in _READABLE.finditer(data):
            for start, stop in self._found(run.group().decode(), depth + 1):
                yield run.start() + start, run.start() + stop


class _Windows:
    """Every eight characters in a row of secrets, and shorter ones whole, by their length; as text and as bytes.

    A window is a tuple of characters, or of bytes: those of a long text are then cut by `zip`, without a step of Python for each.
    """

    def __init__(self) -> None:
        self.texts: dict[int, set[tuple[Any, ...]]] = {}
        self.bytes: dict[int, set[tuple[Any, ...]]] = {}

    def add(self, pieces: Iterable[str]) -> None:
        """Add secrets as they are, and with their escapes undone, as they will be in a text whose escapes are undone."""
        for piece in pieces:
            for text in {piece, _undone(piece), _undone(_undone(piece))}:
                self._add(self.texts, _plain(text))
                self._add(self.bytes, text.encode(errors="surrogatepass"))
                self._add(self.bytes, _plain(text).encode(errors="surrogatepass"))

    def leave_out(self, texts: Iterable[str]) -> None:
        """Remove the parts that also appear in these texts."""
        if not self.texts:
            return
        for text in texts:
            plain = _plain(text)
            for found, whole in ((self.texts, (plain,)), (self.bytes, (plain.encode(), text.encode(errors="surrogatepass")))):
                for size, windows in found.items():
                    for each in whole:
                        windows.difference_update(_cut(each, size))

    def join(self, other: "_Windows") -> None:
        """Add the parts of another collection."""
        for mine, theirs in ((self.texts, other.texts), (self.bytes, other.bytes)):
            for size, windows in theirs.items():
                if windows:
                    mine.setdefault(size, set()).update(windows)

    @staticmethod
    def _add(windows: dict[int, set[tuple[Any, ...]]], text: str | bytes) -> None:
        size = min(len(text), WINDOW)
        if size >= _ANYWHERE:
            windows.setdefault(size, set()).update(_cut(text, size))


@dataclass(frozen=True, slots=True)
class _Stream:
    """A text with the position of each of its characters in the original text."""

    text: str
    starts: "range | list[int]"
    ends: "range | list[int]"

    def compact(self) -> "_Stream":
        """Return the text without the parts that `_IGNORED` matches."""
        ignored = {place for match in _IGNORED.finditer(self.text) for place in range(*match.span())}
        kept = [place for place in range(len(self.text)) if place not in ignored]
        return _Stream(
            "".join([self.text[place] for place in kept]),
            [self.starts[place] for place in kept],
            [self.ends[place] for place in kept],
        )

    def unescaped(self) -> "_Stream | None":
        """Return the text with its escape sequences decoded once; None if it has none."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        end = 0
        for match in _ESCAPE.finditer(self.text):
            made = _unescaped(match.group())
            parts += [self.text[end : match.start()], made]
            starts += [*self.starts[end : match.start()], *([self.starts[match.start()]] * len(made))]
            ends += [*self.ends[end : match.start()], *([self.ends[match.end() - 1]] * len(made))]
            end = match.end()
        if not end:
            return None
        return _Stream("".join([*parts, self.text[end:]]), [*starts, *self.starts[end:]], [*ends, *self.ends[end:]])


def secrets_of(hidden: Mapping[str, Any], shown: Mapping[str, Any]) -> frozenset[str]:
    """Return the secret values of a stack's configuration: those that one text hides and the other one shows.

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
    """Return the configuration in the prelude of the events."""
    for line in events.splitlines():
        if '"preludeEvent"' in line:
            config: dict[str, Any] = json.loads(line)["preludeEvent"].get("config") or {}
            return config
    return {}


def is_encrypted(value: Any) -> bool:
    """Return whether a value is written as a state or a plan writes encrypted values."""
    return isinstance(value, dict) and value.get(SIGNATURE) == ENCRYPTED


def decrypted(value: Any) -> Any:
    """Return the data of a state or a plan with its secrets in clear text, as `--show-secrets` writes them."""
    if isinstance(value, dict):
        if is_encrypted(value):
            return decrypted(json.loads(value["plaintext"])) if "plaintext" in value else value
        return {key: decrypted(each) for key, each in value.items()}
    return [decrypted(item) for item in value] if isinstance(value, list) else value


def leaves(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in the data."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def parts(value: Any) -> tuple[list[str], list[str]]:
    """Return the texts of a state or plan with its secrets shown: those that are encrypted, and those that stand in the clear."""
    encrypted: list[str] = []
    clear: list[str] = []
    if is_encrypted(value):
        encrypted += leaves(decrypted(value))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            inner = parts(each)
            encrypted += inner[0]
            clear += inner[1]
    else:
        clear += leaves(value)
    return encrypted, clear


def formerly_clear(old: Any, new: Any) -> Iterator[str]:
    """Yield values that are in clear text in `old` and encrypted in `new`: they became secrets later."""
    if is_encrypted(new) and not is_encrypted(old):
        yield from leaves(old)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key, each in old.items():
            yield from formerly_clear(each, new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for mine, theirs in zip(old, new, strict=False):
            yield from formerly_clear(mine, theirs)


def _data(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _hidden(hidden: Any, shown: Any) -> Iterator[str]:
    if hidden == SECRET:
        yield from leaves(shown)
    elif isinstance(hidden, dict) and isinstance(shown, dict):
        for key, each in shown.items():
            yield from _hidden(hidden.get(key), each)
    elif isinstance(hidden, list) and isinstance(shown, list):
        for mine, theirs in zip(hidden, shown, strict=False):
            yield from _hidden(mine, theirs)


def _document(secret: str) -> Any:
    """Return what YAML makes of a secret that may be a document."""
    try:
        return yaml.safe_load(secret) if "\n" in secret or secret.lstrip().startswith(("{", "[")) else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def values_of(secret: str) -> tuple[str, ...]:
    """Return the values that a secret is made of: those of a cloud-config or another document, else the secret itself.

    Its keys and its layout are no secret: every cloud-config has some of them.
    """
    document = _document(secret)
    return tuple(leaves(document)) if isinstance(document, dict | list) else (secret,)


def _pieces(secret: str) -> set[str]:
    """Yield the parts of a secret that are secret: a document's values, keys and comments, or all of another text."""
    document = _document(secret)
    if not isinstance(document, dict | list):
        return {secret}
    found = {*leaves(document), *_keys(document)}
    found |= {line.split("#", 1)[1] for line in secret.splitlines()[1:] if "#" in line}
    return {each for each in found if each.strip() and each.strip() not in _CLOUD_INIT}


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _keys(each)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)


@cache
def _vocabulary() -> tuple[str, ...]:
    """Return public texts that a secret cloud-config may contain: cloud-init's keys and values, and our own guest files."""
    ours = [text for file in static_files() for text in (file.content, file.path)]
    return (*sorted(_CLOUD_INIT), *ours, PLAN_PATH)


def _plain(text: str) -> str:
    return _IGNORED.sub("", text)


def _undone(text: str) -> str:
    return _ESCAPE.sub(lambda match: _unescaped(match.group()), text)


def _cut(text: str | bytes, size: int) -> Iterator[tuple[Any, ...]]:
    return zip(*(text[place:] for place in range(size)), strict=False)


def _any(text: str | bytes, windows: Mapping[int, set[tuple[Any, ...]]]) -> bool:
    return any(not each.isdisjoint(_cut(text, size)) for size, each in windows.items())


def _places(text: str | bytes, windows: Mapping[int, set[tuple[Any, ...]]]) -> Iterator[tuple[int, int]]:
    for size, each in windows.items():
        for place, window in enumerate(_cut(text, size)):
            if window in each:
                yield place, place + size


def _literally(secret: str) -> Iterator[str]:
    """Patterns of a secret too short to be looked for by its letters, which may have none."""
    for form in {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), html.escape(secret), secret.replace("'", "''")}:
        if len(form) >= _ANYWHERE:
            yield re.escape(form)
        elif form:
            yield rf"(?<!\w){re.escape(form)}(?!\w)"


def _unescaped(escape: str) -> str:
    if escape == "\\\\":
        return "\\"
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%" or escape[:2] == "\\x":
        data = bytes.fromhex(escape.replace("%", "").replace("\\x", ""))
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")
    if escape[:2] == "\\u":
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", "replace")
    if escape[:2] == "\\U":
        number = int.from_bytes(bytes.fromhex(escape[2:]))
        return chr(number) if number < 0x110000 else ""  # noqa: PLR2004 - the end of Unicode
    return chr(int(escape[1:], 8)) if escape[1:].isdecimal() else " "


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = stop = -1
    for first, last in sorted(spans):
        if first > stop:
            if stop >= 0:
                yield start, stop
            start, stop = first, last
        stop = max(stop, last)
    if stop >= 0:
        yield start, stop
