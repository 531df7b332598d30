"""What is known now. A Pulumi output is not yet, so it reads as absent; so does a value of a wrong type, which `shape` names.

That is why one rule serves the configuration, which holds plain data only, and a component called directly.
"""

from collections.abc import Mapping


def text(args: Mapping[str, object], key: str) -> str | None:
    """The text under a key, or None."""
    value = args.get(key)
    return value if isinstance(value, str) else None


def number(args: Mapping[str, object], key: str) -> int | None:
    """The whole number under a key, or None."""
    value = args.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(args: Mapping[str, object], key: str) -> bool | None:
    """The truth value under a key, or None."""
    value = args.get(key)
    return value if isinstance(value, bool) else None


def given(args: Mapping[str, object], key: str) -> bool:
    """Whether the key is there at all, with a known value or an unknown one."""
    return args.get(key) is not None


def filled(args: Mapping[str, object], key: str) -> bool:
    """Whether the key is there with anything but an empty mapping or list, which say no more than its absence."""
    return given(args, key) and args[key] not in ({}, [])


def mapping(args: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The mapping under a key, or an empty one."""
    value = args.get(key)
    return value if isinstance(value, Mapping) else {}


def mappings(args: Mapping[str, object], key: str) -> dict[str, Mapping[str, object]]:
    """The mappings in the mapping under a key, by their own keys."""
    return {name: value for name, value in mapping(args, key).items() if isinstance(value, Mapping)}


def items(args: Mapping[str, object], key: str) -> list[object]:
    """The list under a key, or an empty one."""
    value = args.get(key)
    return list(value) if isinstance(value, list | tuple) else []
