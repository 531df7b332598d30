"""What was there before us, so that `down` can put it back, and what we added, so that nothing else is ever taken away.

One line each, `INDEX WHAT=VALUE`: the index of the interface, then the name of a setting and its former value, `address` and
an address that is ours, or `adopted4` and `adopted6` with whether the link was up before we configured it.
"""

import posix

from .addresses import parse_number
from .inputs import read_file
from .numbers import RUN_FOLDER

_PATH = RUN_FOLDER + "/state"
_BYTES_MAX = 1 << 20
_VALUE_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WHAT_CHARACTERS = _VALUE_CHARACTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ_/ .:"


def exists() -> bool:
    """Return whether an apply has been here since the boot."""
    return read_file(_PATH, _BYTES_MAX) is not None


def load() -> "dict[tuple[int, str], str]":
    """Return what was saved, by index and name; lines that make no sense are left out."""
    return parse(read_file(_PATH, _BYTES_MAX) or "")


def parse(text: str) -> "dict[tuple[int, str], str]":
    """Return what a text says; the last line for a name counts."""
    saved: "dict[tuple[int, str], str]" = {}
    for line in text.split("\n"):
        name, _, value = line.partition("=")
        index, _, what = name.partition(" ")
        number = parse_number(index, 1 << 30)
        if number is not None and what and not what.strip(_WHAT_CHARACTERS) and value and not value.strip(_VALUE_CHARACTERS):
            saved[number, what] = value
    return saved


def lines(saved: "dict[tuple[int, str], str]") -> str:
    """Return the text for what is to be saved."""
    return "".join([f"{index} {what}={value}\n" for (index, what), value in saved.items()])


def save(fresh: "dict[tuple[int, str], str]") -> None:
    """Add to what is saved, before the change that makes it necessary."""
    if fresh:
        with open(_PATH, "a") as file:
            file.write(lines(fresh))


def drop(names: "set[tuple[int, str]]") -> None:
    """Forget what has been put back."""
    if names:
        kept = {name: value for name, value in load().items() if name not in names}
        write(_PATH, lines(kept))


def write(path: str, text: str, mode: int = 0o644) -> None:
    """Write a file so that nobody ever sees half of it."""
    fresh = f"{path}.new"
    descriptor = posix.open(fresh, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, mode)
    try:
        data = text.encode("latin-1", "replace")
        while data:
            data = data[posix.write(descriptor, data) :]
    finally:
        posix.close(descriptor)
    posix.replace(fresh, path)
