"""What an audit must say nothing of: strangers, adopted networks, and what happens to guests by hand."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from multiport.audit.finding import Kind
from multiport.components import marks
from tests.audit.conftest import Deployed, state_of
from tests.engine.stack import Stack


@pytest.fixture
def strangers(deployed: Deployed) -> Iterator[None]:
    """Objects of the same names, without tags and with those of a stack whose name begins alike."""
    network, compute = deployed.api.network, deployed.api.compute
    made: list[tuple[Any, Callable[[Any], Any]]] = []
    for tags in ([], ["multiport", marks.stack_mark("multiport", "audited-too"), marks.owner_mark("web"), marks.key_mark("a")]):
        home = network.create_network(name="the front network")
        made.append((home, network.delete_network))
        subnet = network.create_subnet(network_id=home.id, name="audited-front-v4", cidr="192.168.10.0/24", ip_version=4)
        port = network.create_port(network_id=home.id, name="audited-web-a")
        made.append((port, network.delete_port))
        router = network.create_router(name="audited-front")
        made.append((router, network.delete_router))
        group = network.create_security_group(name="audited-reachable")
        made.append((group, network.delete_security_group))
        address = network.create_ip(floating_network_id=network.find_network("PUBLICNET").id, description="audited-web-a.v4")
        made.append((address, network.delete_ip))
        for each in (home, subnet, port, router, group, address):
            network.set_tags(each, tags)
    server = compute.create_server(
        name="audited-web",
        image_id=next(iter(deployed.api.image.images(name="Debian-12"))).id,
        flavor_id=compute.find_flavor("gp.0.1.2").id,
        networks=[{"uuid": made[0][0].id}],
    )
    compute.wait_for_server(server)
    yield
    compute.delete_server(server)
    compute.wait_for_delete(server)
    for each, delete in reversed(made):
        delete(each)


@pytest.mark.usefixtures("strangers")
def test_strangers_objects_of_the_same_names_are_not_ours(deployed: Deployed) -> None:
    assert deployed.audit() == []


def test_guests_that_were_rebooted_rebuilt_and_resized_there_and_back_by_hand(deployed: Deployed) -> None:
    compute, server = deployed.api.compute, deployed.id("Instance", "web-server")
    for kind in ("SOFT", "HARD"):
        compute.reboot_server(server, kind)
        compute.wait_for_server(compute.get_server(server), wait=60)
        assert deployed.audit() == []
    compute.rebuild_server(server, image=compute.get_server(server).image.id)
    compute.wait_for_server(compute.get_server(server), wait=60)
    assert deployed.audit() == []
    compute.stop_server(server)
    compute.wait_for_server(compute.get_server(server), status="SHUTOFF", wait=60)
    assert deployed.audit() == []
    compute.start_server(server)
    compute.wait_for_server(compute.get_server(server), wait=60)
    for flavor in ("gp.0.2.4", "gp.0.1.2"):
        compute.resize_server(server, compute.find_flavor(flavor).id)
        compute.wait_for_server(compute.get_server(server), status="VERIFY_RESIZE", wait=60)
        compute.confirm_server_resize(server)
        compute.wait_for_server(compute.get_server(server), wait=60)
        # another flavor is what it is, and nothing else is said
        assert [(each.kind, each.attribute) for each in deployed.audit()] == (
            [(Kind.DIFFERS, "flavor")] if flavor == "gp.0.2.4" else []
        )


def test_a_stack_on_networks_and_addresses_that_were_there_before(make_stack: Callable[..., Stack], api: Any) -> None:
    network = api.network
    home = network.create_network(name="grown by hand")
    subnet = network.create_subnet(network_id=home.id, cidr="10.7.0.0/24", ip_version=4, host_routes=[
        {"destination": "198.51.100.0/24", "nexthop": "10.7.0.9"}
    ])  # fmt: skip
    router = network.create_router(
        name="grown by hand", external_gateway_info={"network_id": network.find_network("PUBLICNET").id}
    )
    network.add_interface_to_router(router, subnet_id=subnet.id)
    address = network.create_ip(floating_network_id=network.find_network("PUBLICNET").id)
    stack = make_stack("adopted")
    try:
        stack.configure(
            {
                "networks": {
                    "old": {
                        "existing": {"name": "grown by hand"},
                        "subnets": {"v4": {"cidr": "10.7.0.0/24"}},
                        "router": {"external_network": "PUBLICNET"},
                    }
                },
                "servers": {
                    "web": {
                        "image": "Ubuntu-24.04",
                        "flavor": "gp.0.1.2",
                        "ports": {"a": {"network": "old", "floating_ip": {"address": address.floating_ip_address}}},
                    }
                },
            }
        )
        stack.update()
        assert Deployed(stack, api, state_of(stack)).audit() == []
        stack.destroy()
        assert Deployed(stack, api, state_of(stack)).audit() == []
    finally:
        if stack.deployed is not None:
            stack.destroy()
        network.delete_ip(address)
        network.remove_interface_from_router(router, subnet_id=subnet.id)
        network.delete_router(router)
        network.delete_network(home)
