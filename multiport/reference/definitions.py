"""What the source says of each key: its type, its description, its default, and what a change of it costs."""

import ast
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from typing_extensions import is_typeddict

from multiport.components.checks.shape import hints_of

COSTS = ("in place", "replaces", "refused")
"""The words that a `Change:` sentence begins with."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a TypedDict, or an output of a component."""

    name: str
    owner: type
    """The class that declares it: the record itself, or one that it is built on."""
    hint: Any
    """Its type, without what says that it may be left out or may be an output."""
    required: bool
    """Whether it must be given."""
    description: str
    """The whole description, on one line."""

    @property
    def meaning(self) -> str:
        """What the key means."""
        return self.description.partition(" Default: ")[0].partition(" Change: ")[0]

    @property
    def default(self) -> str | None:
        """What holds where the key is left out."""
        return self._after("Default")

    @property
    def change(self) -> str | None:
        """What another value costs a living server."""
        return self._after("Change")

    def _after(self, label: str) -> str | None:
        _, found, text = self.description.partition(f" {label}: ")
        return text.partition(" Change: ")[0].removesuffix(".") if found else None


def keys_of(record: type) -> list[Key]:
    """The keys of a TypedDict, required ones first, each in the order of its declaration."""
    required: frozenset[str] = getattr(record, "__required_keys__", frozenset())
    hints = hints_of(record)
    owners = {name: owner for owner in reversed(_lineage(record)) for name in described(owner)}
    keys = [Key(name, owners[name], plain(hint), name in required, described(owners[name])[name]) for name, hint in hints.items()]
    return sorted(keys, key=lambda key: not key.required)


def outputs_of(component: type) -> list[Key]:
    """The outputs of a component, in the order of their declaration."""
    annotations = inspect.get_annotations(component)
    return [Key(name, component, plain(annotations[name]), True, text) for name, text in described(component).items()]


def records_in(hint: Any) -> Iterator[type]:
    """The TypedDicts that values of a type hold, outermost first; a record may come more than once."""
    if is_typeddict(hint):
        yield hint
        for key in keys_of(hint):
            yield from records_in(key.hint)
    else:
        for part in get_args(hint):
            yield from records_in(part)


def plain(hint: Any) -> Any:
    """A type without the outputs that may stand in for its values."""
    origin = get_origin(hint)
    if origin in (Union, UnionType) or getattr(origin, "__name__", "") == "Output":
        return plain(get_args(hint)[0])
    if origin in (dict, list):
        return types.GenericAlias(origin, tuple(map(plain, get_args(hint))))
    return hint


@cache
def described(owner: type) -> dict[str, str]:
    """The description of each key that a class declares itself: the string below the key, on one line."""
    [body] = ast.parse(inspect.getsource(owner)).body
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{owner} is not a class")
    found = {}
    for key, below in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            found[key.target.id] = " ".join(str(text).split())
    return found


def _lineage(record: type) -> list[type]:
    """The class and the TypedDicts that it is built on, which its method resolution order does not hold."""
    bases = [base for base in vars(record).get("__orig_bases__", ()) if is_typeddict(base)]
    return [record, *(ancestor for base in bases for ancestor in _lineage(base))]
