import gc
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_openstack as openstack
import pytest

from multiport.components.ordering import after
from tests.unit.components.deployment import deploy
from tests.unit.components.wire import UNKNOWN, Secret


def network(name: str) -> openstack.networking.Network:
    return openstack.networking.Network(name)


def waiting(value: Callable[[], Any], *, preview: bool = False, standing: bool = False) -> tuple[object, frozenset[str]]:
    """A value that waits for the networks `a` and `b`: how a resource sees it, and what that resource then depends on."""

    def program() -> None:
        others = [network(name).id for name in "ab"]
        ordered = after(pulumi.Output.from_input(value()), *others)
        openstack.networking.Network("n", description=ordered, opts=pulumi.ResourceOptions(ignore_changes=["x"]))

    before = deploy(lambda: [network(name) for name in "ab"]) if standing else None
    found = deploy(program, preview=preview, after=before)["Network n"]
    return found.inputs["description"], found.dependencies


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("standing", [False, True])
def test_the_value_stays_what_it_is_and_waits(preview: bool, standing: bool) -> None:
    both = frozenset({"Network a", "Network b"})
    assert waiting(lambda: "text", preview=preview, standing=standing) == ("text", both)
    secret = waiting(lambda: pulumi.Output.secret("text"), preview=preview, standing=standing)
    assert secret == (Secret("text"), both)


def test_an_unknown_value_stays_unknown() -> None:
    def own() -> Any:
        return network("c").name

    three = frozenset({"Network a", "Network b", "Network c"})
    assert waiting(own, preview=True) == (UNKNOWN, three)
    assert waiting(lambda: network("c").id) == ("Network c", three)


def test_a_secret_waited_for_makes_no_secret() -> None:
    def program() -> None:
        pulumi.export("value", after(pulumi.Output.from_input("text"), pulumi.Output.secret("hidden")))

    assert deploy(program).exports == {"value": "text"}


def test_without_anything_to_wait_for_it_is_the_value() -> None:
    def program() -> None:
        openstack.networking.Network("n", description=after(pulumi.Output.from_input("text")))

    found = deploy(program)["Network n"]
    assert (found.inputs["description"], found.dependencies) == ("text", frozenset())


def test_what_fails_fails_what_waits_for_it_without_further_noise(recwarn: pytest.WarningsRecorder) -> None:
    def program() -> None:
        failing = pulumi.Output.from_input(0).apply(lambda zero: 1 // zero)
        pulumi.export("value", after(pulumi.Output.from_input("text"), failing))

    with pytest.raises(ZeroDivisionError):
        deploy(program)
    gc.collect()
    assert [str(each.message) for each in recwarn] == []
