"""The harness itself: a run that asks for nothing shows nothing, a run that fails fails, and nothing is made up."""

import pulumi
import pulumi_openstack as openstack
import pytest

from tests.unit.components.deployment import deploy
from tests.unit.components.wire import UNKNOWN, Secret


def network(**inputs: pulumi.Input[str]) -> openstack.networking.Network:
    return openstack.networking.Network("n", name=inputs.get("name", "n"))


def test_a_program_that_asks_for_nothing_shows_nothing() -> None:
    found = deploy(lambda: None)
    assert (found.resources, found.outputs, found.exports, found.calls, found.hooks) == ({}, {}, {}, [], {})


def test_what_a_program_raises_is_raised() -> None:
    def program() -> None:
        network()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        deploy(program)


def test_what_an_apply_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        deploy(lambda: network().id.apply(lambda _: 1 // 0))


def test_what_the_engine_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="Duplicate resource URN"):
        deploy(lambda: (network(), network()))
    with pytest.raises(ValueError, match='already registered for name "h"'):
        deploy(lambda: [openstack.networking.Network(name, opts=pulumi.ResourceOptions(hooks=hooks())) for name in "ab"])


def hooks() -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(before_update=[pulumi.ResourceHook("h", lambda _: None)])


def test_a_look_up_of_nothing_fails() -> None:
    with pytest.raises(Exception, match="returned no results"):
        deploy(lambda: openstack.networking.get_network_output(name="nowhere"))


def test_a_preview_knows_what_exists_and_nothing_else() -> None:
    def program() -> None:
        pulumi.export("id", network().id)
        pulumi.export("mtu", network_of_others().mtu)

    def network_of_others() -> openstack.networking.Network:
        return openstack.networking.Network("m")

    first = deploy(program)
    assert first.exports == {"id": "Network n", "mtu": 1442}
    assert deploy(program, preview=True).exports == {"id": UNKNOWN, "mtu": UNKNOWN}
    assert deploy(program, preview=True, after=first).exports == first.exports


def test_secrets_are_told_apart() -> None:
    found = deploy(lambda: network(name=pulumi.Output.secret("hidden")))
    assert found["Network n"].inputs == {"name": Secret("hidden")}


def test_parents_dependencies_providers_and_options_are_kept() -> None:
    def program() -> None:
        provider = openstack.Provider("mine")
        first = network()
        options = pulumi.ResourceOptions(parent=first, depends_on=[first], provider=provider, protect=True)
        openstack.networking.Subnet("s", network_id=first.id, cidr="10.0.0.0/24", opts=options)

    subnet = deploy(program)["Subnet s"]
    assert subnet.parent == "Network n"
    assert subnet.provider == "mine"
    assert subnet.dependencies == {"Network n"}
    assert subnet.property_dependencies == {"networkId": {"Network n"}}
    assert subnet.options == {"protect": True}
