"""Changes that fail on a real cloud in one update: they work, or they are refused in the preview with the two updates to make."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openstack.exceptions import HttpException

from tests.engine.example_topology import Config, changes, example_topology, ports, replaced
from tests.engine.stack import Stack


@pytest.fixture(scope="module")
def deployed(make_stack: Callable[..., Stack]) -> Stack:
    stack = make_stack("steps")
    stack.configure(example_topology())
    stack.up()
    return stack


@pytest.fixture(scope="module")
def addresses(api: Any) -> Iterator[list[str]]:
    """Two floating IPs that were allocated outside the stack."""
    pool = api.network.find_network("PUBLICNET").id
    allocated = [api.network.create_ip(floating_network_id=pool) for _ in range(2)]
    yield [floating_ip.floating_ip_address for floating_ip in allocated]
    for floating_ip in allocated:
        api.network.delete_ip(floating_ip)


@pytest.fixture
def stack(deployed: Stack) -> Iterator[Stack]:
    """The deployed example topology, which is restored after each test."""
    yield deployed
    deployed.restore(example_topology())


def adopted(first: str | None, second: str | None) -> Config:
    config = example_topology()
    del ports(config)["b"]["fixed_ips"]["main"]["floating_ip"]
    del ports(config)["d"]["floating_ip"]
    if first:
        ports(config)["b"]["fixed_ips"]["main"]["floating_ip"] = {"address": first}
    if second:
        ports(config)["d"]["floating_ip"] = {"address": second}
    return config


def test_swapped_floating_ips_are_refused_and_work_in_two_steps(stack: Stack, addresses: list[str], api: Any) -> None:
    one, two = addresses
    for step in (adopted(None, None), adopted(one, two)):
        stack.configure(step)
        stack.up()
    stack.configure(adopted(two, one))
    said = stack.refuse()
    assert "still associated" in said
    assert "second update" in said
    for step in (adopted(None, None), adopted(two, one)):
        stack.configure(step)
        stack.up()
    port = stack.outputs()["servers"]["web"]["ports"]["b"]["port_id"]
    [found] = api.network.ips(floating_ip_address=two)
    assert found.port_id == port
    stack.configure(adopted(None, None))
    stack.up()


def test_a_floating_ip_cannot_move_to_an_address_that_loses_its_own_in_the_same_update(
    stack: Stack, addresses: list[str]
) -> None:
    config = example_topology()
    ports(config)["b"]["fixed_ips"]["main"]["floating_ip"] = {"address": addresses[0]}
    stack.configure(config)
    assert ("replace", "FloatingIpAssociate", "web-b.main") in changes(stack.preview())
    ports(config)["b"]["fixed_ips"]["main"]["floating_ip"] = {"key": "public"}
    stack.configure(config)
    said = stack.refuse()
    assert "409 FloatingIPPortAlreadyAssociated" in said
    assert "second update" in said


def test_an_adopted_floating_ip_is_exchanged_on_the_same_port_in_one_update(stack: Stack, addresses: list[str]) -> None:
    one, two = addresses
    for step in (adopted(None, None), adopted(one, None), adopted(two, None), adopted(None, None)):
        stack.configure(step)
        stack.up()


def test_a_rule_written_differently_is_the_same_rule(stack: Stack) -> None:
    config = example_topology()
    config["security_groups"]["reachable"]["rules"] = [
        {"protocol": "tcp", "port_range_max": 22, "port_range_min": 22, "direction": "ingress", "ethertype": "IPv4"},
        {"protocol": "icmp"},
    ]
    stack.configure(config)
    assert changes(stack.preview()) == set()


def test_a_changed_rule_replaces_only_that_rule(stack: Stack) -> None:
    config = example_topology()
    config["security_groups"]["reachable"]["rules"][1]["port_range_min"] = 2222
    stack.configure(config)
    assert changes(stack.up()) == {
        ("create", "SecGroupRule", "reachable-ingress-IPv4-tcp-2222-2222"),
        ("delete", "SecGroupRule", "reachable-ingress-IPv4-tcp-22-22"),
    }


def unrouted() -> Config:
    """Return the example topology without a router, and therefore without floating IPs."""
    config = example_topology()
    del config["networks"]["front"]["router"]
    del ports(config)["b"]["fixed_ips"]["main"]["floating_ip"]
    del ports(config)["d"]["floating_ip"]
    return config


def test_removing_a_gateway_together_with_its_router_is_refused_and_works_in_two_steps(stack: Stack) -> None:
    last = unrouted()
    last["networks"]["front"]["subnets"]["v4"] = {"cidr": "192.168.10.0/24", "no_gateway": True, "enable_dhcp": True}
    stack.configure(last)
    said = stack.refuse()
    assert "409 GatewayIpInUse" in said
    assert "second update" in said
    stack.configure(unrouted())
    stack.up()
    stack.configure(last)
    assert ("update", "Subnet", "front-v4") in changes(stack.up())
    # The change back adds a gateway to a subnet that has none.
    stack.configure(unrouted())
    assert ("update", "Subnet", "front-v4") in changes(stack.up())


def test_a_subnet_created_without_a_gateway_can_get_one_and_lose_it(stack: Stack, api: Any) -> None:
    config = example_topology()
    config["networks"]["back"]["subnets"]["v4"] = {"cidr": "192.168.20.0/24", "enable_dhcp": False}
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Subnet", "back-v4")}
    [subnet] = api.network.subnets(name="steps-back-v4")
    assert subnet.gateway_ip == "192.168.20.1"
    stack.configure(example_topology())
    stack.up()
    assert api.network.get_subnet(subnet.id).gateway_ip is None


def test_changing_a_fixed_ip_that_has_a_floating_ip_is_refused_and_works_in_two_steps(stack: Stack) -> None:
    last = example_topology()
    ports(last)["b"]["fixed_ips"]["main"]["ip_address"] = "192.168.10.15"
    stack.configure(last)
    said = stack.refuse()
    assert "servers.web.ports.b.fixed_ips.main: 192.168.10.12 still carries 203.0.113." in said
    assert "second update" in said
    first = example_topology()
    del ports(first)["b"]["fixed_ips"]["main"]["floating_ip"]
    between = example_topology()
    ports(between)["b"]["fixed_ips"]["main"] = {"subnet": "v4", "ip_address": "192.168.10.15"}
    for step in (first, between, last, between, first):
        stack.configure(step)
        assert replaced(stack.up()) == set()


def test_a_fixed_ip_changes_and_keeps_its_floating_ip_in_two_steps(stack: Stack, api: Any) -> None:
    address = stack.outputs()["servers"]["web"]["ports"]["b"]["floating_ips"]["main"]
    beside, last = example_topology(), example_topology()
    ports(beside)["b"]["fixed_ips"] = {
        "main": {"subnet": "v4", "ip_address": "192.168.10.12"},
        "other": {"subnet": "v4", "ip_address": "192.168.10.15", "floating_ip": {"key": "b.main"}},
    }
    ports(last)["b"]["fixed_ips"] = {"other": ports(beside)["b"]["fixed_ips"]["other"]}
    for step in (beside, last):
        stack.configure(step)
        assert replaced(stack.up()) == set()
        [found] = api.network.ips(floating_ip_address=address)
        assert found.fixed_ip_address == "192.168.10.15"
        assert stack.outputs()["servers"]["web"]["ports"]["b"]["floating_ips"] == {"other": address}
    back = example_topology()
    ports(back)["b"]["fixed_ips"]["main"]["floating_ip"] = {"key": "b.main"}
    ports(beside)["b"]["fixed_ips"] = {**ports(back)["b"]["fixed_ips"], "other": {"subnet": "v4", "ip_address": "192.168.10.15"}}
    for step in (beside, back):
        stack.configure(step)
        stack.up()
    assert stack.outputs()["servers"]["web"]["ports"]["b"]["floating_ips"] == {"main": address}


def test_an_address_of_the_stacks_own_is_not_adopted(stack: Stack, api: Any) -> None:
    config = example_topology()
    found = stack.outputs()["servers"]["web"]["ports"]
    ports(config)["b"]["fixed_ips"]["main"]["floating_ip"] = {"address": found["d"]["floating_ips"]["v4"]}
    ports(config)["d"]["floating_ip"] = {"address": found["b"]["floating_ips"]["main"]}
    stack.configure(config)
    said = stack.refuse()
    assert "servers.web.ports.b.fixed_ips.main.floating_ip: the stack itself allocated" in said
    assert "Say `key: d.v4` instead of `address`" in said
    for port in found.values():
        for address in port["floating_ips"].values():
            assert list(api.network.ips(floating_ip_address=address))


def shared(address: str, *, floating_ip: bool) -> Config:
    """Return the example topology with a virtual IP."""
    virtual_ip: Config = {"network": "front", "subnet": "v4", "ip_address": address, "members": {"web": "b"}}
    if floating_ip:
        virtual_ip["floating_ip"] = {}
    return {**example_topology(), "virtual_ips": {"shared": virtual_ip}}


def test_changing_a_virtual_ip_that_has_a_floating_ip_is_refused_and_works_in_two_steps(stack: Stack, api: Any) -> None:
    stack.configure(shared("192.168.10.200", floating_ip=True))
    stack.up()
    for last in (shared("192.168.10.201", floating_ip=True), shared("192.168.10.201", floating_ip=False)):
        stack.configure(last)
        said = stack.refuse()
        assert "virtual_ips.shared.ip_address: 192.168.10.200 still carries a floating IP" in said
        assert "second update" in said
    [network] = api.network.networks(name="steps-front")
    # The network is part of the query, because other stacks in this cloud project use the same prefix.
    [port] = api.network.ports(network_id=network.id, fixed_ips="ip_address=192.168.10.200")
    with pytest.raises(HttpException, match="fixed_ips") as refusal:
        api.network.update_port(port, fixed_ips=[{**port.fixed_ips[0], "ip_address": "192.168.10.201"}])
    assert refusal.value.status_code == 400
    for step in (shared("192.168.10.200", floating_ip=False), shared("192.168.10.201", floating_ip=True)):
        stack.configure(step)
        assert replaced(stack.up()) == set()
    assert api.network.get_port(port).fixed_ips[0]["ip_address"] == "192.168.10.201"


def test_a_security_group_can_become_stateless_only_under_another_key(stack: Stack, api: Any) -> None:
    last = example_topology()
    last["security_groups"]["reachable"]["stateful"] = False
    stack.configure(last)
    said = stack.refuse()
    assert "reachable.stateful" in said
    assert "409 SecurityGroupInUse" in said
    [group] = api.network.security_groups(name="steps-reachable")
    with pytest.raises(HttpException, match="in use") as refusal:
        api.network.update_security_group(group, stateful=False)
    assert refusal.value.status_code == 409
    last["security_groups"]["quick"] = last["security_groups"].pop("reachable")
    last["servers"]["web"]["security_groups"] = ["quick"]
    stack.configure(last)
    assert replaced(stack.up()) == set()
    [group] = api.network.security_groups(name="steps-quick")
    port = stack.outputs()["servers"]["web"]["ports"]["d"]["port_id"]
    assert (group.stateful, api.network.get_port(port).security_group_ids) == (False, [group.id])


def test_a_renamed_key_without_formerly_is_refused(stack: Stack) -> None:
    config = example_topology()
    ports(config)["public"] = ports(config).pop("b")
    stack.configure(config)
    said = stack.refuse()
    assert "formerly: [b]" in said


def test_port_security_can_be_disabled_and_enabled_again(stack: Stack, api: Any) -> None:
    config = example_topology()
    config["servers"]["web"].pop("security_groups")
    ports(config)["b"]["security_groups"] = ["reachable"]
    ports(config)["d"]["port_security_enabled"] = False
    stack.configure(config)
    assert ("update", "Port", "web-d") in changes(stack.up())
    port = stack.outputs()["servers"]["web"]["ports"]["d"]["port_id"]
    found = api.network.get_port(port)
    assert (found.is_port_security_enabled, found.security_group_ids) == (False, [])
    stack.configure(example_topology())
    stack.up()
    found = api.network.get_port(port)
    assert found.is_port_security_enabled is True
    assert len(found.security_group_ids) == 1
