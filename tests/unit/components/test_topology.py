"""The configuration's TypedDicts: documented, and of no kinds but those that the checks and Pulumi's analyzer read."""

import ast
import inspect
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from typing_extensions import is_typeddict

from multiport.components import topology
from multiport.components.checks.shape import hints_of

RECORDS = [each for each in vars(topology).values() if is_typeddict(each)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_key_has_its_description(record: type) -> None:
    [body] = ast.parse(inspect.getsource(record)).body
    assert isinstance(body, ast.ClassDef)
    described = [
        key.target.id
        for key, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]
    assert described == list(hints_of(record))


def kinds(hint: Any) -> set[object]:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return kinds(get_args(hint)[0])  # an Input
    if origin in (dict, list):
        return {origin}.union(*(kinds(each) for each in get_args(hint)))
    return {dict} if is_typeddict(hint) else {hint}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_kinds(record: type) -> None:
    assert set().union(*(kinds(hint) for hint in hints_of(record).values())) <= {str, int, bool, list, dict}


def test_every_record_is_part_of_the_whole() -> None:
    def parts(hint: Any) -> set[type]:
        inner = hints_of(hint).values() if is_typeddict(hint) else get_args(hint)
        return {hint}.union(*map(parts, inner)) if is_typeddict(hint) else set().union(*map(parts, inner))

    assert parts(topology.Topology) == set(RECORDS)
