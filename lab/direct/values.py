"""Property values between SDK and engine: protobuf structs, wrapped secrets, unknown values, property paths."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

Properties: TypeAlias = dict[str, Any]
"""A resource's properties by their Pulumi (camelCase) names. Secrets are wrapped unless `plain` was applied."""

_PATH_STEP = re.compile(r"""\.?([^.\[\]]+)|\["([^"]*)"\]|\[([^\]]*)\]""")


def from_struct(struct: Any) -> Any:
    """Convert a protobuf Struct or Value to Python values. A number without a fraction becomes an int."""
    return _integral(json_format.MessageToDict(struct))


def to_struct(properties: Mapping[str, Any]) -> Any:
    """Convert properties to the protobuf Struct that the SDK expects."""
    return json_format.ParseDict(dict(properties), struct_pb2.Struct())


def _integral(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _integral(value[key]) for key in sorted(value)}  # sorted, because the order of a protobuf map is undefined
    if isinstance(value, list):
        return [_integral(item) for item in value]
    return value


def plain(value: Any) -> Any:
    """Copy a value, with secrets unwrapped and nulls omitted, for a request to an API."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Tell whether a value contains a wrapped secret at any depth."""
    if rpc.is_rpc_secret(value):
        return True
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def masked(value: Any) -> Any:
    """Copy a value, with each secret replaced by `[secret]` as in the CLI."""
    if rpc.is_rpc_secret(value):
        return "[secret]"
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def keep_secret(outputs: Mapping[str, Any], inputs: Mapping[str, Any], secret_outputs: Iterable[str]) -> Properties:
    """Wrap each output that the program declares secret, or whose input of the same name is secret, so that it does not leak."""
    names = {*secret_outputs, *(name for name, value in inputs.items() if has_secret(value))}
    return {name: rpc.wrap_rpc_secret(value) if name in names else value for name, value in outputs.items()}


def differing(recorded: Mapping[str, Any], registered: Mapping[str, Any], ignore_changes: Iterable[str]) -> list[str]:
    """Return the sorted names of the top-level properties that differ. Paths in `ignore_changes` count as equal."""
    old, new = (_without(properties, ignore_changes) for properties in (recorded, registered))
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _without(properties: Mapping[str, Any], paths: Iterable[str]) -> Properties:
    remaining = copy.deepcopy(dict(properties))
    for path in paths:
        _set_to_none(remaining, [next(filter(None, step)) for step in _PATH_STEP.findall(path) if any(step)])
    return remaining


def _set_to_none(value: Any, steps: list[str]) -> None:
    if not steps:
        return
    value, (step, *rest) = rpc.unwrap_rpc_secret(value), steps
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value) if step == "*" else [step] * (step in value)
    elif isinstance(value, list):
        keys = [index for index in range(len(value)) if step in ("*", str(index))]
    for key in keys:
        if rest:
            _set_to_none(value[key], rest)
        else:
            value[key] = None  # set to None instead of removed, which would shift the items after it
