"""The shape of arguments: their keys, and text, numbers and truth values where the TypedDict wants them.

Reading is strict: "700" is not a number and "yes" is not a truth value, because what is meant could only be guessed. With one
exception: Pulumi's engine delivers every number as a float (measured), so a float without a fraction is read as a whole number.
What a TypedDict declares as an Input may be an output, and is passed on as it is.
"""

from collections.abc import Generator, Mapping
from types import UnionType
from typing import Any, NotRequired, Union, get_args, get_origin

from typing_extensions import is_typeddict

from multiport.components.checks import names
from multiport.components.config_error import Fault, key_path
from multiport.guest.errors import shown

# Key of an error that concerns the configuration as a whole.
WHOLE = "configuration"
NOUNS: dict[object, tuple[str, str]] = {
    str: ("text", "Write text, in quotes where YAML would read something else"),
    int: ("a whole number", "Write one without quotes"),
    bool: ("true or false", "Write true or false without quotes"),
    list: ("a list", "Write a list"),
    dict: ("a mapping", "Write keys and their values"),
}


def shaped(path: str, value: Any, kind: Any) -> Generator[Fault, None, Any]:
    """Read a value as its kind: a TypedDict, a dict, a list, text, a number or a truth value.

    Returns:
        The value, with whole numbers as ints. Where it is faulty, something that must not be used.
    """
    origin = _origin(kind)
    if origin in (Union, UnionType) and isinstance(value, str | float | int | Mapping | list | tuple | None):
        return (yield from shaped(path, value, get_args(kind)[0]))  # an Input that is plain after all
    if origin is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if origin not in NOUNS:
        return value
    if not _fits(value, origin):
        noun, remedy = NOUNS[origin]
        yield Fault(path or WHOLE, f"{shown(value)} is not {noun}", remedy)
    elif origin is str and not _encodable(value):
        yield Fault(path, f"{shown(value)} holds half a character", "Write it in UTF-8")
    elif origin is list:
        return (yield from _list(path, value, kind))
    elif origin is dict:
        return (yield from _mapping(path, value, kind))
    return value


def _fits(value: object, origin: object) -> bool:
    match value:
        case bool():
            return origin is bool
        case Mapping():
            return origin is dict
        case list() | tuple():
            return origin is list
        case _:
            return type(value) is origin


def _encodable(text: str) -> bool:
    """Whether the text can be sent: JSON can carry half of a surrogate pair, and nothing else can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list(path: str, value: list[Any], kind: Any) -> Generator[Fault, None, list[Any]]:
    [item_kind] = get_args(kind)
    read = []
    for place, each in enumerate(value):
        read.append((yield from shaped(key_path(path, place), each, item_kind)))
    return read


def _mapping(path: str, value: Mapping[Any, Any], kind: Any) -> Generator[Fault, None, dict[str, Any]]:
    hints = hints_of(kind) if is_typeddict(kind) else None
    read = {}
    meant = set()
    for key, each in value.items():
        at = key_path(path, key if isinstance(key, str) else shown(key))
        if not isinstance(key, str):
            yield Fault(at, f"the key {shown(key)} is not text", "Put it in quotes")
        elif hints is None:
            _, item_kind = get_args(kind)
            read[key] = yield from shaped(at, each, item_kind)
        elif key in hints:
            read[key] = yield from shaped(at, each, hints[key])
        else:
            meant.add(names.nearest(key, hints))
            yield Fault(at, "there is no such key here", names.suggestion(key, hints))
    if hints is not None:
        # a misspelt key is not also a missing one
        for key in sorted(kind.__required_keys__ - value.keys() - meant):
            yield Fault(key_path(path, key), "it is missing", f"Add it ({_noun(hints[key])})")
    return read


def hints_of(kind: Any) -> dict[str, Any]:
    """The TypedDict's own annotations: typing.get_type_hints fails on Pulumi's Input, whose parts are names of another module."""
    return {key: get_args(each)[0] if get_origin(each) is NotRequired else each for key, each in kind.__annotations__.items()}


def _noun(kind: Any) -> str:
    origin = _origin(kind)
    return _noun(get_args(kind)[0]) if origin in (Union, UnionType) else NOUNS[origin][0]


def _origin(kind: Any) -> object:
    return dict if is_typeddict(kind) else get_origin(kind) or kind
