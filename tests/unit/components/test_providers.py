"""A provider given to a component reaches everything that it makes and looks up."""

from collections.abc import Callable

import pulumi
import pulumi_openstack as openstack
import pytest

from multiport.components.address_pairs import AddressPairs
from multiport.components.network_ref import external_network
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.programs import FRONT, floating, network, server

Give = Callable[[openstack.Provider], pulumi.ResourceOptions]


def of(give: Give | None) -> Deployment:
    def program() -> None:
        opts = None if give is None else give(openstack.Provider("mine"))
        front = network(
            "front",
            opts,
            subnets={
                "v4": {
                    "cidr": "192.168.0.0/24",
                    "host_routes": {"lab": {"destination_cidr": "10.9.0.0/16", "next_hop": "192.168.0.9"}},
                }
            },
        )
        PrivateNetwork("theirs", {"existing": {"name": "storage"}, "subnets": {"v4": {"cidr": "10.60.0.0/24"}}}, opts)
        SecurityGroup("group", {"rules": [{"protocol": "icmp"}]}, opts)
        AddressPairs("shared", {"network": FRONT, "virtual_ips": {"a": {"subnet": "v4", "ip_address": "10.60.0.9"}}}, opts)
        floating("lone", opts, new={"port_id": "p", "fixed_ip": "10.60.0.8", "pool": "PUBLICNET"})
        server(
            "web",
            opts,
            boot_volume={"size": 1},
            ports={"a": {"network": front.reference, "floating_ip": {}}, "h": {"network": FRONT, "hot": True}},
        )

    return deploy(program)


@pytest.mark.parametrize(
    "give",
    [lambda mine: pulumi.ResourceOptions(provider=mine), lambda mine: pulumi.ResourceOptions(providers=[mine])],
    ids=["provider", "providers"],
)
def test_an_explicit_provider_reaches_every_child_and_look_up(give: Give) -> None:
    found = of(give)
    made = {called: each.provider for called, each in found.resources.items() if each.type.startswith("openstack:")}
    assert len(made) == 16
    assert set(made.values()) == {"mine"}
    looked_up = {each.token.rsplit(":", 1)[-1]: each.provider for each in found.calls}
    assert looked_up == {"getNetwork": "mine", "getSubnet": "mine", "getImage": "mine"}
    assert len(found.calls) == 4


def test_without_one_the_default_provider_serves() -> None:
    found = of(None)
    assert {each.provider for each in found.resources.values()} == {""}
    assert {each.provider for each in found.calls} == {""}
    assert len(found.calls) == 4


def test_an_external_network_is_looked_up_by_exact_name() -> None:
    def program() -> None:
        pulumi.export("plain", external_network("PUBLICNET"))
        mine = openstack.Provider("mine")
        pulumi.export("with provider", external_network("PUBLICNET", pulumi.InvokeOptions(provider=mine)))

    found = deploy(program)
    reference = {"id": "network PUBLICNET", "external": True}
    assert found.exports == {"plain": reference, "with provider": reference}
    asked = {"name": "PUBLICNET", "external": True}
    assert [(call.args, call.provider) for call in found.calls] == [(asked, ""), (asked, "mine")]


def test_options_given_to_a_component_are_kept_beside_our_hook() -> None:
    def program() -> None:
        around, other = network("around"), network("other")
        theirs = pulumi.ResourceHook("theirs", lambda _: None)
        server(
            "web",
            pulumi.ResourceOptions(
                parent=around,
                protect=True,
                depends_on=[other],
                hooks=pulumi.ResourceHookBinding(before_update=[theirs]),
            ),
        )

    found = deploy(program)["MultiPortInstance web"]
    assert found.parent == "PrivateNetwork around"
    assert found.dependencies >= {"Network other", "Subnet other-v4", "RouterInterface other-v4"}
    assert found.options == {
        "protect": True,
        "hooks": {"before_update": ["theirs", "two-steps-port_faults-multiport:index:PrivateNetwork-around-web"]},
    }
