"""URNs and aliases. The expected URNs are those that the CLI writes into its state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import alias_pb2

from lab.direct.urns import Urn, former_urns

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
GROUP = "urn:pulumi:dev::shop::sample:index:Group::web"


@pytest.mark.parametrize(
    ("parent", "token", "name", "expected"),
    [
        ("", "pulumi:pulumi:Stack", "shop-dev", STACK),
        (STACK, "sample:index:Group", "web", GROUP),
        ("", "sample:index:Group", "web", GROUP),
        (GROUP, "a:b:Port", "web-a", "urn:pulumi:dev::shop::sample:index:Group$a:b:Port::web-a"),
        (
            "urn:pulumi:dev::shop::sample:index:Group$x:y:Part::web-p",
            "a:b:Port",
            "n",
            "urn:pulumi:dev::shop::sample:index:Group$x:y:Part$a:b:Port::n",
        ),
    ],
)
def test_a_urn_contains_the_types_of_all_parents_except_the_stack(parent: str, token: str, name: str, expected: str) -> None:
    assert str(Urn.under("dev", "shop", parent, token, name)) == expected


@given(st.text(min_size=1))
def test_a_urn_with_any_name_is_parsed(name: str) -> None:
    urn = Urn.under("dev", "shop", GROUP, "a:b:Port", name)
    assert Urn.parse(str(urn)) == urn
    assert urn.type == "a:b:Port"


def aliases(*specs: alias_pb2.Alias.Spec, urn: str = "") -> list[alias_pb2.Alias]:
    return [*(alias_pb2.Alias(spec=spec) for spec in specs), *([alias_pb2.Alias(urn=urn)] if urn else [])]


def test_an_alias_can_be_a_name_a_type_a_parent_or_a_whole_urn() -> None:
    urn = Urn.under("dev", "shop", GROUP, "a:b:Port", "web-b")
    spec = alias_pb2.Alias.Spec
    former = former_urns(
        urn,
        GROUP,
        GROUP,
        aliases(spec(name="web-a"), spec(type="a:b:Nic"), spec(noParent=True), spec(parentUrn=f"{GROUP}2"), urn=f"{GROUP}-x"),
    )
    assert former == [
        "urn:pulumi:dev::shop::sample:index:Group$a:b:Port::web-a",
        "urn:pulumi:dev::shop::sample:index:Group$a:b:Nic::web-b",
        "urn:pulumi:dev::shop::a:b:Port::web-b",
        f"{GROUP}-x",
    ]


def test_a_renamed_parent_applies_to_its_children_and_their_own_aliases() -> None:
    old = "urn:pulumi:dev::shop::sample:index:Group::shop"
    urn = Urn.under("dev", "shop", GROUP, "a:b:Port", "web-b")
    former = former_urns(urn, GROUP, old, aliases(alias_pb2.Alias.Spec(name="web-a")))
    assert "urn:pulumi:dev::shop::sample:index:Group$a:b:Port::shop-b" in former
    assert "urn:pulumi:dev::shop::sample:index:Group$a:b:Port::shop-a" in former


def test_without_aliases_and_with_the_same_parent_there_is_no_former_urn() -> None:
    assert former_urns(Urn.under("dev", "shop", GROUP, "a:b:Port", "web-b"), GROUP, GROUP, []) == []
