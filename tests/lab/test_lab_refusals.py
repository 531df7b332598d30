"""What Neutron and Nova refuse a member with their own, unmodified policies and checks."""

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


def floating_ip_without_address(built: Topology) -> None:
    subnet = {"subnet_id": built.subnet.id}
    built.floating_ip(port_id=built.port(fixed_ips=[subnet, subnet]).id)


def second_floating_ip(built: Topology) -> None:
    port = built.port()
    address = port.fixed_ips[0]["ip_address"]
    built.floating_ip(port_id=port.id, fixed_ip_address=address)
    built.floating_ip(port_id=port.id, fixed_ip_address=address)


def address_with_floating_ip_removed(built: Topology) -> None:
    subnet = {"subnet_id": built.subnet.id}
    port = built.port(fixed_ips=[subnet, subnet])
    built.floating_ip(port_id=port.id, fixed_ip_address=port.fixed_ips[0]["ip_address"])
    built.cloud.network.update_port(port, fixed_ips=[port.fixed_ips[1]])


def pairs_without_port_security(built: Topology) -> None:
    built.port(is_port_security_enabled=False, allowed_address_pairs=[{"ip_address": "10.1.0.99"}])


def stateful_and_stateless(built: Topology) -> None:
    network = built.cloud.network
    stateless = network.create_security_group(name="stateless", stateful=False)
    try:
        built.port(security_groups=[built.group.id, stateless.id])
    finally:
        network.delete_security_group(stateless)


def interface_without_gateway(built: Topology) -> None:
    built.cloud.network.add_interface_to_router(built.router, subnet=built.isolated_subnet.id)


def gateway_in_pool(built: Topology) -> None:
    built.cloud.network.create_subnet(
        network_id=built.isolated.id,
        ip_version=4,
        cidr="10.3.0.0/24",
        gateway_ip="10.3.0.20",
        allocation_pools=[{"start": "10.3.0.10", "end": "10.3.0.30"}],
    )


def gateway_changed_in_use(built: Topology) -> None:
    built.cloud.network.update_subnet(built.subnet, gateway_ip=None)


def floating_ip_without_router(built: Topology) -> None:
    built.floating_ip(port_id=built.port(isolated=True).id)


def duplicate_address(built: Topology) -> None:
    address = built.port().fixed_ips[0]["ip_address"]
    built.port(fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": address}])


def subnet_in_use(built: Topology) -> None:
    built.cloud.network.delete_subnet(built.subnet, ignore_missing=False)


def provider_attributes(built: Topology) -> None:
    built.cloud.network.create_network(provider_network_type="flat", provider_physical_network="x")


def too_many_pairs(built: Topology) -> None:
    built.port(allowed_address_pairs=[{"ip_address": f"10.9.0.{host}"} for host in range(1, 12)])


CASES: list[tuple[Callable[[Topology], object], int, str]] = [
    (bound_port_again, 409, "still in use"),
    (floating_ip_without_address, 400, "multiple fixed IPv4 addresses"),
    (second_floating_ip, 409, "already has a floating IP"),
    (address_with_floating_ip_removed, 400, "fixed_ips"),
    (pairs_without_port_security, 409, "AddressPairAndPortSecurityRequired|Port Security must be enabled"),
    (stateful_and_stateless, 409, "SecurityGroupConflict|stateful and stateless"),
    (interface_without_gateway, 400, "gateway IP"),
    (gateway_in_pool, 409, "conflicts with allocation pool"),
    (gateway_changed_in_use, 409, "in use"),
    (floating_ip_without_router, 404, "not reachable"),
    (duplicate_address, 409, "already (allocated|in use)"),
    (subnet_in_use, 409, "have an IP allocation"),
    (provider_attributes, 403, "disallowed by policy"),
    (too_many_pairs, 400, "maximum"),
    (lambda built: external(built, "PUBLICNET-ROUTED"), 403, "disallowed by policy"),
    (lambda built: external(built, "PUBLICNET", fixed_ips=[{"ip_address": "203.0.113.77"}]), 403, "disallowed by policy"),
    (lambda built: external(built, "PUBLICNET", allowed_address_pairs=[{"ip_address": "10.9.0.1"}]), 403, "disallowed by policy"),
    (lambda built: external(built, "PUBLICNET", is_port_security_enabled=False), 403, "disallowed by policy"),
]


@pytest.mark.parametrize(("act", "status", "message"), CASES)
def test_refused(built: Topology, act: Callable[[Topology], object], status: int, message: str) -> None:
    with pytest.raises(HttpException, match=message) as refusal:
        act(built)
    assert refusal.value.status_code == status


def test_member_may_attach_directly_to_the_shared_external_network(built: Topology) -> None:
    built.ports.append(port := external(built, "PUBLICNET"))
    assert port.fixed_ips[0]["ip_address"].startswith("203.0.113.")


def test_member_is_no_admin(built: Topology) -> None:
    with pytest.raises(HttpException) as refusal:
        next(built.cloud.compute.hypervisors())
    assert refusal.value.status_code == 403
