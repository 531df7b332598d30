"""The TypedDicts of the keys: of no kinds but those that the checks and Pulumi's analyzer read."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from typing_extensions import is_typeddict

from multiport.components import arguments, topology
from multiport.components.checks.shape import hints_of

RECORDS = [record for module in (topology, arguments) for record in vars(module).values() if is_typeddict(record)]


def kinds(hint: Any) -> set[object]:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return kinds(get_args(hint)[0])  # an Input
    if origin in (dict, list):
        return {origin}.union(*(kinds(part) for part in get_args(hint)))
    return {dict} if is_typeddict(hint) else {hint}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_kinds(record: type) -> None:
    assert set().union(*(kinds(hint) for hint in hints_of(record).values())) <= {str, int, bool, list, dict}
