"""The checks as a whole: what is right passes unchanged, and what nobody would write is refused and nothing more."""

import copy
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import is_typeddict

from multiport.components import checks, topology
from multiport.components.checks.shape import hints_of
from multiport.components.topology import Topology
from tests.unit.components.configurations import VALID, faults, one_port


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_valid_configuration_passes_unchanged(name: str) -> None:
    raw = copy.deepcopy(VALID[name])
    assert checks.load(raw) == VALID[name]
    assert raw == VALID[name]


def used(kind: Any, value: Any) -> set[tuple[str, str]]:
    """The keys of TypedDicts that a value has."""
    if is_typeddict(kind):
        hints = hints_of(kind)
        return {(kind.__name__, key) for key in value}.union(*(used(hints[key], each) for key, each in value.items()))
    if get_origin(kind) is dict:
        return set().union(*(used(get_args(kind)[1], each) for each in value.values()))
    if get_origin(kind) is list:
        return set().union(*(used(get_args(kind)[0], each) for each in value))
    return set()


def parts(kind: Any) -> set[Any]:
    """The TypedDicts that values of a kind hold."""
    inner = hints_of(kind).values() if is_typeddict(kind) else get_args(kind)
    return {kind}.union(*map(parts, inner)) if is_typeddict(kind) else set().union(*map(parts, inner))


def test_the_valid_configurations_use_every_key() -> None:
    records = parts(Topology)
    keys = {(record.__name__, key) for record in records for key in hints_of(record)}
    assert set().union(*(used(Topology, each) for each in VALID.values())) == keys


def test_every_fault_is_reported_at_once() -> None:
    raw = one_port({"slot": 700, "mac_address": "x"}, {"mtu": 1}, flavor="", name="_")
    assert [each.partition(":")[0] for each in faults(raw)] == [
        "networks.private.mtu",
        "servers.web.name",
        "servers.web.flavor",
        "servers.web.ports.a.slot",
        "servers.web.ports.a.mac_address",
    ]


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(max_size=3),
    st.just(object()),
    st.sampled_from(
        ["0.0.0.0/0", "::/0", "255.255.255.255/32", "10.0.0.0/32", "fe80::1%lo", "1", "none", "keep", "a", "private"]
    ),
    st.sampled_from([10**1000, float("nan"), float("inf"), "#cloud-config\n" + "[" * 3000, "\x00", "a" * 5000]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.tuples(st.integers())), inner, max_size=3),
    ),
    max_leaves=8,
)
hints = {key: hint for record in vars(topology).values() if is_typeddict(record) for key, hint in hints_of(record).items()}
shaped = st.recursive(
    leaves,
    lambda inner: st.dictionaries(st.sampled_from(sorted(hints)) | st.sampled_from("ab"), inner, max_size=6),
    max_leaves=30,
)


def only_configuration_errors(raw: object) -> None:
    lines = faults(raw)
    assert all(line.isprintable() for line in lines)


@settings(deadline=None)
@given(values)
def test_junk_is_refused_and_nothing_more(raw: object) -> None:
    only_configuration_errors(raw)


@settings(deadline=None)
@given(shaped)
def test_junk_under_known_keys_is_refused_and_nothing_more(raw: object) -> None:
    only_configuration_errors(raw)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a value: what holds it and under which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(set(VALID) - {"nothing"})), st.data())
def test_a_changed_configuration_is_read_or_refused(name: str, data: st.DataObject) -> None:
    raw = copy.deepcopy(VALID[name])
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(raw)
        if not found:
            break
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        others = [other[under] for other, under in found if type(other[under]) is type(holder[key])]
        change = data.draw(st.sampled_from(["take out", "replace", "exchange", "rename"]))
        if change == "replace":
            holder[key] = data.draw(leaves)
        elif change == "exchange":
            # the same type, so that what is tried is sense and not shape
            holder[key] = copy.deepcopy(others[data.draw(st.integers(0, len(others) - 1))])
        elif change == "rename" and isinstance(holder, dict):
            holder[data.draw(st.text(st.characters(), max_size=5) | st.sampled_from(sorted(hints)))] = holder.pop(key)
        else:
            del holder[key]
    only_configuration_errors(raw)
