"""YAML as cloud-init reads it: text to plain values and back, without changing one."""

import re
import sys

import yaml

_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
"""What PyYAML raises: its own errors, those of tags and numbers that it cannot turn into a value, and that of deep nesting."""

_MISREAD_IN_BLOCKS = frozenset("\x85\u2028\u2029\ufeff")
"""PyYAML writes these into blocks and reads them back as something else."""

_QUOTES_NOTHING = re.compile(r"(?:[a-z ,;.]|<[a-z ]+>|'(?:<[a-z ]+>|\\t|[^'\\])')*")
"""PyYAML's problems that name no more than a kind of token or a single character."""

_VALUES_MAX = 100_000
"""More values than any user data has room for; only aliases of aliases lead beyond."""


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block. The pure Python dumper, because libyaml's lays out lines differently."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _MISREAD_IN_BLOCKS & set(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_set(dumper: yaml.SafeDumper, members: set[object]) -> yaml.MappingNode:
    # A set's own order differs from process to process.
    return dumper.represent_mapping("tag:yaml.org,2002:set", dict.fromkeys(sorted(members, key=repr)))


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(set, _represent_set)


def load(text: str) -> object:
    """Return the value that cloud-init's own loader (yaml.safe_load) makes of a text.

    Raises:
        ValueError: It is not YAML, or holds a value that this loader does not know.
    """
    try:
        value: object = yaml.safe_load(text)
        count = _count(value, {})
    except _UNREADABLE as error:
        raise ValueError(_reason(error)) from error
    if count > _VALUES_MAX:
        raise ValueError("its aliases stand for too many values")
    return value


def dump(value: object) -> str:
    """Return a text that `load` turns into the same value; the same bytes on every machine.

    Raises:
        ValueError: YAML's safe types cannot carry the value unchanged.
    """
    try:
        text = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=sys.maxsize)
        # PyYAML ends the document after text that ends in blank lines; without its mark more keys or entries may follow.
        text = text.removesuffix("...\n") if text.endswith("\n...\n") else text
        same = yaml.safe_load(text) == value
    except _UNREADABLE as error:
        raise ValueError(_reason(error)) from error
    if not same:
        raise ValueError("it does not survive being written and read back")
    return text


def _reason(error: Exception) -> str:
    """Where and how it failed, without a letter of the text, which may be secret: PyYAML quotes it in some of its errors."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        where = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        return f"{where}: {error.problem}" if _QUOTES_NOTHING.fullmatch(error.problem) else f"{where}: {type(error).__name__}"
    return f"a value in it is not valid ({type(error).__name__})"


def _count(value: object, known: dict[int, int]) -> int:
    """Count values with every alias followed; a value inside itself counts as too many."""
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) not in known:
        known[id(value)] = _VALUES_MAX
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(value)]
