"""What comes and goes on a living server, and what that costs: previews and updates by the official engine."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.house import changes, house, ports, replaced
from tests.engine.stack import Stack

SERVER = ("update", "Instance", "web-server")


@pytest.fixture(scope="module")
def deployed(make_stack: Callable[..., Stack]) -> Stack:
    stack = make_stack("ports")
    stack.configure(house())
    stack.up()
    return stack


@pytest.fixture
def stack(deployed: Stack) -> Iterator[Stack]:
    """The house, deployed; after each test the way back is tried as well."""
    yield deployed
    deployed.restore(house())


def server_metadata(stack: Stack) -> dict[str, str]:
    found: dict[str, str] = stack.resource("openstack:compute:Instance", "web-server")["inputs"]["metadata"]
    return found


def test_another_order_in_the_config_is_no_change(deployed: Stack) -> None:
    config = house()
    config["servers"]["web"]["ports"] = dict(reversed(ports(config).items()))
    deployed.configure(config)
    assert deployed.preview() == []


@pytest.mark.parametrize("key", ["a", "c", "e"])
def test_a_boot_port_inserted_first_between_or_last_leaves_its_siblings_alone(stack: Stack, key: str) -> None:
    before = stack.outputs()["servers"]["web"]["ports"]
    config = house()
    ports(config)[key] = {"network": "front", "floating_ip": {}}
    stack.configure(config)
    steps = stack.up()
    assert changes(steps) == {
        ("create", "Port", f"web-{key}"),
        ("create", "FloatingIp", f"web-{key}.v4"),
        ("create", "FloatingIpAssociate", f"web-{key}.v4"),
        ("replace", "Instance", "web-server"),
    }
    after = stack.outputs()["servers"]["web"]["ports"]
    assert {each: after[each] for each in before} == before


def test_a_name_for_display_touches_nothing_else(stack: Stack) -> None:
    config = house()
    ports(config)["b"]["name"] = "the-public-one"
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Port", "web-b")}


def test_a_renamed_key_that_says_so_keeps_everything(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("renamed")
    stack.configure(house())
    stack.up()
    before = stack.outputs()["servers"]["web"]
    config = house()
    ports(config)["public"] = {**ports(config).pop("b"), "formerly": ["b"]}
    stack.configure(config)
    # name, tags and the metadata's key follow; nothing is created, replaced or deleted
    assert changes(stack.up()) == {("update", "Port", "web-public"), SERVER}
    after = stack.outputs()["servers"]["web"]
    assert after["id"] == before["id"]
    assert after["ports"]["public"] == before["ports"]["b"]


@pytest.mark.parametrize("network", ["front", "back"])
def test_a_hot_port_comes_and_goes_without_a_new_server(stack: Stack, network: str) -> None:
    before = stack.outputs()["servers"]["web"]["id"]
    config = house()
    ports(config)["c"] = {"network": network, "hot": True}
    stack.configure(config)
    steps = stack.up()
    assert changes(steps) == {("create", "Port", "web-c"), ("create", "InterfaceAttach", "web-c"), SERVER}
    assert "hot" in server_metadata(stack)["multiport.port.c"].split()
    stack.configure(house())
    assert changes(stack.up()) == {("delete", "Port", "web-c"), ("delete", "InterfaceAttach", "web-c"), SERVER}
    assert stack.outputs()["servers"]["web"]["id"] == before


def test_a_fixed_ip_comes_and_goes_in_one_readable_line(stack: Stack) -> None:
    config = house()
    ports(config)["b"]["fixed_ips"]["second"] = {"subnet": "v4", "ip_address": "192.168.10.13"}
    stack.configure(config)
    steps = stack.up()
    assert changes(steps) == {("update", "Port", "web-b"), SERVER}
    [server] = [step for step in steps if step.name == "web-server"]
    assert list(server.diff) == ['metadata["multiport.port.b"]']
    assert "v4=192.168.10.12/24 v4=192.168.10.13/24" in server_metadata(stack)["multiport.port.b"]
    stack.configure(house())
    assert replaced(stack.up()) == set()


def test_an_address_that_neutron_chose_is_never_lost_silently(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("chosen")
    stack.configure(house())
    stack.up()
    chosen = stack.outputs()["servers"]["web"]["ports"]["d"]["fixed_ips"]["v4"]
    config = house()
    config["networks"]["front"]["subnets"]["v6"] = {"cidr": "fd00:10::/64"}
    stack.configure(config)
    assert f"ip_address: {chosen}" in stack.refuse()
    ports(config)["d"]["fixed_ips"] = {"v4": {"subnet": "v4", "ip_address": chosen}, "v6": {"subnet": "v6"}}
    stack.configure(config)
    steps = stack.up()
    assert replaced(steps) == set()
    assert ("update", "Port", "web-d") in changes(steps)
    after = stack.outputs()["servers"]["web"]["ports"]["d"]["fixed_ips"]
    assert after["v4"] == chosen
    assert f"v6={after['v6']}/64" in server_metadata(stack)["multiport.port.d"]
    ports(config)["d"]["fixed_ips"] = {"v4": {"subnet": "v4", "ip_address": chosen}}
    stack.configure(config)
    assert replaced(stack.up()) == set()
    del ports(config)["d"]["fixed_ips"]["v4"]["ip_address"]
    stack.configure(config)
    assert f"ip_address: {chosen}" in stack.refuse()


def test_a_pair_comes_and_goes_with_its_mask(stack: Stack, api: Any) -> None:
    config = house()
    ports(config)["b"]["allowed_address_pairs"] = {"spare": {"ip_address": "192.168.10.99"}}
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Port", "web-b")}
    port = api.network.get_port(stack.outputs()["servers"]["web"]["ports"]["b"]["port_id"])
    assert [pair["ip_address"] for pair in port.allowed_address_pairs] == ["192.168.10.99/32"]


def test_a_virtual_address_comes_and_goes(stack: Stack, api: Any) -> None:
    config = house()
    config["virtual_ips"] = {
        "shared": {
            "network": "front",
            "subnet": "v4",
            "ip_address": "192.168.10.200",
            "members": {"web": "b"},
            "holder": "web",
            "floating_ip": {},
        }
    }
    stack.configure(config)
    steps = stack.up()
    assert replaced(steps) == set()
    assert SERVER in changes(steps)
    assert "vip=192.168.10.200/24" in server_metadata(stack)["multiport.port.b"]
    port = api.network.get_port(stack.outputs()["servers"]["web"]["ports"]["b"]["port_id"])
    assert [pair["ip_address"] for pair in port.allowed_address_pairs] == ["192.168.10.200"]
    del config["virtual_ips"]["shared"]["holder"]
    stack.configure(config)
    assert changes(stack.up()) == {SERVER}


def test_a_floating_ip_comes_and_goes(stack: Stack, api: Any) -> None:
    config = house()
    del ports(config)["d"]["floating_ip"]
    gone = stack.outputs()["servers"]["web"]["ports"]["d"]["floating_ips"]["v4"]
    stack.configure(config)
    assert changes(stack.up()) == {("delete", "FloatingIp", "web-d.v4"), ("delete", "FloatingIpAssociate", "web-d.v4")}
    assert [each for each in api.network.ips() if each.floating_ip_address == gone] == []


def test_a_keyed_floating_ip_moves_with_its_address(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("keyed")
    config = house()
    ports(config)["d"]["floating_ip"] = {"key": "public"}
    del ports(config)["b"]["fixed_ips"]["main"]["floating_ip"]
    stack.configure(config)
    stack.up()
    address = stack.outputs()["servers"]["web"]["ports"]["d"]["floating_ips"]["v4"]
    del ports(config)["d"]["floating_ip"]
    ports(config)["b"]["fixed_ips"]["main"]["floating_ip"] = {"key": "public"}
    stack.configure(config)
    assert changes(stack.up()) == {("update", "FloatingIpAssociate", "web-public")}
    assert stack.outputs()["servers"]["web"]["ports"]["b"]["floating_ips"]["main"] == address


def test_dhcp_off_and_on_costs_no_server(stack: Stack) -> None:
    config = house()
    config["networks"]["front"]["subnets"]["v4"]["enable_dhcp"] = False
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Subnet", "front-v4")}


def test_options_of_the_guest_cost_no_server(stack: Stack) -> None:
    config = house()
    config["servers"]["web"]["routing"] = {"connmark": True, "echo_url": "http://198.51.100.1/"}
    stack.configure(config)
    assert changes(stack.up()) == {SERVER}
    assert server_metadata(stack)["multiport.options"] == "connmark echo=http://198.51.100.1/"


def test_refresh_shows_no_drift(deployed: Stack) -> None:
    deployed.configure(house())
    assert deployed.refresh() == []


def test_everything_says_whose_it_is(deployed: Stack, api: Any) -> None:
    network = api.network
    mine = f"multiport.stack=multiport.{deployed.name}"
    names = {
        "networks": {each.name for each in network.networks(tags=[mine])},
        "subnets": {each.name for each in network.subnets(tags=[mine])},
        "routers": {each.name for each in network.routers(tags=[mine])},
        "ports": {each.name for each in network.ports(tags=[mine])},
        "groups": {each.name for each in network.security_groups(tags=[mine])},
        "addresses": {each.description for each in network.ips(tags=[mine])},
        "servers": {each.name for each in api.compute.servers(tags=mine)},
    }
    assert names == {
        "networks": {"ports-front", "ports-back"},
        "subnets": {"ports-front-v4", "ports-back-v4"},
        "routers": {"ports-front"},
        "ports": {"ports-web-b", "ports-web-d"},
        "groups": {"ports-reachable"},
        "addresses": {"ports-web-b.main", "ports-web-d.v4"},
        "servers": {"ports-web"},
    }
    [port] = network.ports(tags=[mine, "multiport.owner=web", "multiport.key=b"])
    assert port.name == "ports-web-b"
