"""The JSON Schema of a stack file, made of the types that `checks.shape` reads it as."""

import ast
import inspect
import textwrap
from itertools import pairwise
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from typing_extensions import is_typeddict

from multiport.components.checks.shape import hints_of
from multiport.components.topology import Topology

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Final = {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}}
_ENCRYPTED: Final = {
    "description": "A value that `pulumi config set --secret` has encrypted.",
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def stack_file_schema(project: str) -> dict[str, Any]:
    """The schema of a project's stack files.

    Args:
        project: The project's name, which is the prefix of its configuration keys. Keys of other prefixes, as of a provider, are
            not judged, and neither are those of the project that are no part of a topology.
    """
    definitions: dict[str, Any] = {"encrypted": _ENCRYPTED}
    topology = _object(Topology, definitions)
    properties = {f"{project}:{key}": value for key, value in topology["properties"].items()}
    return {
        "$schema": _DIALECT,
        "title": f"Stack file of the Pulumi project {project}",
        "type": "object",
        "properties": {"config": {"type": "object", "properties": properties}},
        "$defs": definitions,
    }


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a TypedDict; a key that it does not have is refused."""
    told = _descriptions(kind)
    properties = {}
    for key, hint in hints_of(kind).items():
        value = _value(hint, definitions)
        properties[key] = {"description": told[key], **value} if key in told else value
    return {
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": sorted(kind.__required_keys__),
        "additionalProperties": False,
    }


def _value(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if get_origin(hint) in (Union, UnionType):
        return _value(get_args(hint)[0], definitions)  # a file holds no Pulumi output
    if is_typeddict(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # so that a type that holds itself ends
            definitions[hint.__name__] = _object(hint, definitions)
        return {"anyOf": [{"$ref": f"#/$defs/{hint.__name__}"}, {"$ref": "#/$defs/encrypted"}]}
    if get_origin(hint) is list:
        return {"type": "array", "items": _value(get_args(hint)[0], definitions)}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _value(get_args(hint)[1], definitions)}
    return {"anyOf": [_PLAIN[hint], {"$ref": "#/$defs/encrypted"}]}


def _descriptions(kind: Any) -> dict[str, str]:
    """The text below each key in a TypedDict's source, with those of its bases."""
    found: dict[str, str] = {}
    for base in reversed([kind, *getattr(kind, "__orig_bases__", ())]):
        if not is_typeddict(base):
            continue
        [body] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for key, text in pairwise(statements):
            match key, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = inspect.cleandoc(words)
    return found
