"""Calls that Neutron and Nova refuse an ordinary user and that no configuration of this project leads to.

The refusals of calls that a configuration can lead to are in `test_lab_side_by_side`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openstack.exceptions import HttpException

from tests.lab.topology import Topology, named, topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.command import LabCommand

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def built(lab: LabCommand) -> Iterator[Topology]:
    with topology(lab.connect("local"), "refusals") as network:
        yield network


def external(built: Topology, name: str, **attributes: Any) -> Any:
    return built.cloud.network.create_port(network_id=named(built.cloud, "network", name), **attributes)


def bound_port_again(built: Topology) -> None:
    port = built.port()
    built.server([port])
    built.server([port])


def subnet_in_use(built: Topology) -> None:
    built.cloud.network.delete_subnet(built.subnet, ignore_missing=False)


def provider_attributes(built: Topology) -> None:
    built.cloud.network.create_network(provider_network_type="flat", provider_physical_network="x")


CASES: list[tuple[Callable[[Topology], object], int, str]] = [
    (bound_port_again, 409, "still in use"),  # so a server is deleted before its ports are attached to another one
    (subnet_in_use, 409, "have an IP allocation"),  # so ports are deleted before their subnets
    (provider_attributes, 403, "disallowed by policy"),  # so the configuration has no such keys
    # This cannot be checked beforehand: only the cloud knows with whom a network is shared.
    (lambda built: external(built, "PUBLICNET-ROUTED"), 403, "disallowed by policy"),
]


@pytest.mark.parametrize(("act", "status", "message"), CASES)
def test_refused(built: Topology, act: Callable[[Topology], object], status: int, message: str) -> None:
    with pytest.raises(HttpException, match=message) as refusal:
        act(built)
    assert refusal.value.status_code == status


def test_a_user_may_create_a_port_on_the_shared_external_network(built: Topology) -> None:
    built.ports.append(port := external(built, "PUBLICNET"))
    assert port.fixed_ips[0]["ip_address"].startswith("203.0.113.")


def test_the_user_is_not_an_admin(built: Topology) -> None:
    with pytest.raises(HttpException) as refusal:
        next(built.cloud.compute.hypervisors())
    assert refusal.value.status_code == 403
