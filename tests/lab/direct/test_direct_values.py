"""Property values: numbers, secrets, comparison with ignore_changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from lab.direct.values import differing, from_struct, has_secret, keep_secret, masked, plain, to_struct

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)
properties = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(properties)
def test_a_struct_keeps_every_value(values: dict[str, object]) -> None:
    assert from_struct(to_struct(values)) == values


def test_numbers_without_a_fraction_become_integers() -> None:
    assert from_struct(to_struct({"mtu": 1442.0, "factor": 1.5, "list": [1.0]})) == {"mtu": 1442, "factor": 1.5, "list": [1]}
    assert isinstance(from_struct(to_struct({"mtu": 1442.0}))["mtu"], int)


def test_secrets_at_any_depth_are_found_unwrapped_and_masked() -> None:
    value = {"a": rpc.wrap_rpc_secret("x"), "b": [{"c": rpc.wrap_rpc_secret([1, None])}], "d": None}
    assert plain(value) == {"a": "x", "b": [{"c": [1, None]}]}
    assert masked(value) == {"a": "[secret]", "b": [{"c": "[secret]"}], "d": None}
    assert has_secret(value["b"])
    assert not has_secret({"a": [1, {"b": "x"}]})


def test_an_output_is_secret_if_its_input_is_or_the_program_declares_it() -> None:
    wrapped = keep_secret({"a": "1", "b": "2", "c": "3"}, {"a": rpc.wrap_rpc_secret("1"), "c": "3"}, ["b"])
    assert masked(wrapped) == {"a": "[secret]", "b": "[secret]", "c": "3"}


@given(properties)
def test_equal_values_do_not_differ(values: dict[str, object]) -> None:
    assert differing(values, values, []) == []


@given(properties, properties)
def test_differing_properties_are_named_unless_they_are_ignored(old: dict[str, object], new: dict[str, object]) -> None:
    names = differing(old, new, [])
    assert set(names) == {name for name in {**old, **new} if old.get(name) != new.get(name)}
    assert differing(old, new, names) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata", []),
        ("metadata.role", []),
        ('metadata["role"]', []),
        ("metadata.other", ["metadata"]),
        ("tags", ["metadata"]),
        ("*", []),
    ],
)
def test_ignore_changes_follows_property_paths(path: str, expected: list[str]) -> None:
    assert differing({"metadata": {"role": "a", "x": 1}}, {"metadata": {"role": "b", "x": 1}}, [path]) == expected


@pytest.mark.parametrize(("path", "expected"), [("ips[0].address", []), ("ips[*].address", []), ("ips[1].address", ["ips"])])
def test_ignore_changes_follows_list_indexes(path: str, expected: list[str]) -> None:
    assert (
        differing({"ips": [{"address": "a"}, {"address": "b"}]}, {"ips": [{"address": "c"}, {"address": "b"}]}, [path])
        == expected
    )


def test_a_changed_secret_differs() -> None:
    assert differing({"a": rpc.wrap_rpc_secret("1")}, {"a": rpc.wrap_rpc_secret("2")}, []) == ["a"]


def test_a_null_equals_a_missing_value() -> None:
    assert differing({"a": None}, {}, []) == []
