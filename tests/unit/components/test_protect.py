"""`protect: true` reaches Pulumi's own protect, on exactly what the key's description names."""

import pulumi

from multiport.components.address_pairs import AddressPairs
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.programs import FRONT, floating, network, server


def protected(made: Deployment) -> set[str]:
    """Resources that Pulumi is asked to protect."""
    return {f"{each.type} {each.name}".rsplit(":", 1)[-1] for each in made.resources.values() if each.options.get("protect")}


def test_nothing_is_protected_unless_asked() -> None:
    made = deploy(lambda: (network(), server(ports={"a": {"network": FRONT, "floating_ip": {}}})))
    assert protected(made) == set()


def test_a_network_its_subnets_and_its_router() -> None:
    assert protected(deploy(lambda: network(protect=True))) == {"Network front", "Subnet front-v4", "Router front-router"}


def test_a_server_and_a_floating_ip() -> None:
    made = deploy(lambda: server(protect=True, ports={"a": {"network": FRONT, "floating_ip": {"protect": True}}}))
    assert protected(made) == {"Instance web-server", "FloatingIp web-a.v4"}


def test_a_floating_ip_of_a_program() -> None:
    made = deploy(
        lambda: floating(
            kept={"port_id": "p", "fixed_ip": "10.60.0.9", "pool": "PUBLICNET", "protect": True},
            free={"port_id": "p", "fixed_ip": "10.60.0.8", "pool": "PUBLICNET"},
        )
    )
    assert protected(made) == {"FloatingIp web-kept"}


def test_a_virtual_address_and_its_floating_ip() -> None:
    def program() -> None:
        address = {"subnet": "v4", "ip_address": "10.60.0.200", "protect": True}
        pairs = AddressPairs("shared", {"network": FRONT, "virtual_ips": {"address": address}})  # type: ignore[dict-item]
        target = pairs.floating_ip_target("address", {"pool": "PUBLICNET", "protect": True})
        floating("shared", address=target)

    assert protected(deploy(program)) == {"Port shared-address", "FloatingIp shared-address"}


def test_a_component_that_its_program_protects_is_protected_in_whole() -> None:
    made = deploy(lambda: network("front", pulumi.ResourceOptions(protect=True)))
    assert {"Network front", "Subnet front-v4"} <= protected(made)
