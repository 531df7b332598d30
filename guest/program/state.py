"""What was there before us, so that `down` can put it back, and what we added, so that nothing else is ever taken away.

One line each, `INDEX WHAT=VALUE`: the index of the interface, then the name of a setting and its former value, `address` and
an address that is ours, or `adopted4` and `adopted6` with whether the link was up before we configured it.
"""

import posix

from .addresses import parse_number
from .inputs import read_file
from .numbers import RUN_FOLDER

_PATH = RUN_FOLDER + "/state"
_VALUE_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WHAT_CHARACTERS = _VALUE_CHARACTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ_/ .:"


def load(text: "str | None" = None) -> "dict[tuple[int, str], str]":
    """Return what was saved, by index and name. Lines that make no sense are left out; of several for a name the last counts."""
    saved: "dict[tuple[int, str], str]" = {}
    for line in (read_file(_PATH) or "" if text is None else text).split("\n"):
        name, _, value = line.partition("=")
        number, _, what = name.partition(" ")
        index = parse_number(number, 1 << 30)
        if index is not None and what and value and not what.strip(_WHAT_CHARACTERS) and not value.strip(_VALUE_CHARACTERS):
            saved[index, what] = value
    return saved


def lines(saved: "dict[tuple[int, str], str]") -> str:
    """Return the text of what is saved."""
    return "".join([f"{index} {what}={value}\n" for (index, what), value in saved.items()])


def save(fresh: "dict[tuple[int, str], str]") -> None:
    """Add to what is saved."""
    with open(_PATH, "a") as file:
        file.write(lines(fresh))


def drop(names: "set[tuple[int, str]]") -> None:
    """Forget what has been put back."""
    if names:
        write(_PATH, lines({name: value for name, value in load().items() if name not in names}))


def write(path: str, text: str) -> None:
    """Write a file so that nobody ever sees half of it, and make its folder if need be."""
    make_folder(path.rpartition("/")[0])
    with open(f"{path}.new", "w", encoding="latin-1", errors="replace") as file:
        file.write(text)
    posix.replace(f"{path}.new", path)


def make_folder(path: str) -> None:
    """Make a folder and those above it, unless they are there."""
    try:
        posix.mkdir(path, 0o755)
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_folder(path.rpartition("/")[0])
        posix.mkdir(path, 0o755)
