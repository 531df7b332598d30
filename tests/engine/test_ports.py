"""Additions and removals on a running server, and whether they replace it: previews and updates of the official engine."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.example_topology import changes, example_topology, ports, replaced
from tests.engine.stack import Stack

SERVER = ("update", "Instance", "web-server")


@pytest.fixture(scope="module")
def deployed(make_stack: Callable[..., Stack]) -> Stack:
    stack = make_stack("ports")
    stack.configure(example_topology())
    stack.up()
    return stack


@pytest.fixture
def stack(deployed: Stack) -> Iterator[Stack]:
    """The deployed example topology. After each test it is restored, so the change back is tested too."""
    yield deployed
    deployed.restore(example_topology())


def server_metadata(stack: Stack) -> dict[str, str]:
    found: dict[str, str] = stack.resource("openstack:compute:Instance", "web-server")["inputs"]["metadata"]
    return found


def test_the_order_of_keys_in_the_configuration_does_not_matter(deployed: Stack) -> None:
    config = example_topology()
    config["servers"]["web"]["ports"] = dict(reversed(ports(config).items()))
    deployed.configure(config)
    assert deployed.preview() == []


@pytest.mark.parametrize("key", ["a", "c", "e"])
def test_an_added_boot_port_does_not_change_the_other_ports_wherever_its_key_sorts(stack: Stack, key: str) -> None:
    before = stack.outputs()["servers"]["web"]["ports"]
    config = example_topology()
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
    assert {other: after[other] for other in before} == before


def test_a_changed_display_name_updates_only_the_port(stack: Stack) -> None:
    config = example_topology()
    ports(config)["b"]["name"] = "the-public-one"
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Port", "web-b")}


def test_a_description_comes_changes_and_goes_in_place(stack: Stack, api: Any) -> None:
    port_id = stack.outputs()["servers"]["web"]["ports"]["b"]["port_id"]
    config = example_topology()
    for description in ("uplink of rack 7", "ä" * 255):
        ports(config)["b"]["description"] = description
        stack.configure(config)
        assert changes(stack.up()) == {("update", "Port", "web-b")}
        assert api.network.get_port(port_id).description == description
    stack.configure(example_topology())
    assert changes(stack.up()) == {("update", "Port", "web-b")}
    assert not api.network.get_port(port_id).description


def test_a_renamed_key_with_formerly_keeps_the_port_and_the_server(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("renamed")
    stack.configure(example_topology())
    stack.up()
    before = stack.outputs()["servers"]["web"]
    config = example_topology()
    ports(config)["public"] = {**ports(config).pop("b"), "formerly": ["b"]}
    stack.configure(config)
    # Name, tags and the key of the metadata change; nothing is created, replaced or deleted.
    assert changes(stack.up()) == {("update", "Port", "web-public"), SERVER}
    after = stack.outputs()["servers"]["web"]
    assert after["id"] == before["id"]
    assert after["ports"]["public"] == before["ports"]["b"]


@pytest.mark.parametrize("network", ["front", "back"])
def test_adding_and_removing_a_hot_port_keeps_the_server(stack: Stack, network: str) -> None:
    before = stack.outputs()["servers"]["web"]["id"]
    config = example_topology()
    ports(config)["c"] = {"network": network, "hot": True}
    stack.configure(config)
    steps = stack.up()
    assert changes(steps) == {("create", "Port", "web-c"), ("create", "InterfaceAttach", "web-c"), SERVER}
    assert "hot" in server_metadata(stack)["multiport.port.c"].split()
    stack.configure(example_topology())
    assert changes(stack.up()) == {("delete", "Port", "web-c"), ("delete", "InterfaceAttach", "web-c"), SERVER}
    assert stack.outputs()["servers"]["web"]["id"] == before


def test_adding_and_removing_a_fixed_ip_keeps_the_server_and_changes_one_metadata_item(stack: Stack) -> None:
    config = example_topology()
    ports(config)["b"]["fixed_ips"]["second"] = {"subnet": "v4", "ip_address": "192.168.10.13"}
    stack.configure(config)
    steps = stack.up()
    assert changes(steps) == {("update", "Port", "web-b"), SERVER}
    [server] = [step for step in steps if step.name == "web-server"]
    assert list(server.diff) == ['metadata["multiport.port.b"]']
    assert "v4=192.168.10.12/24 v4=192.168.10.13/24" in server_metadata(stack)["multiport.port.b"]
    stack.configure(example_topology())
    assert replaced(stack.up()) == set()


def test_a_change_that_would_lose_an_address_chosen_by_neutron_is_refused(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("chosen")
    stack.configure(example_topology())
    stack.up()
    chosen = stack.outputs()["servers"]["web"]["ports"]["d"]["fixed_ips"]["v4"]
    config = example_topology()
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


def test_an_added_address_pair_gets_its_prefix_length(stack: Stack, api: Any) -> None:
    config = example_topology()
    ports(config)["b"]["allowed_address_pairs"] = {"spare": {"ip_address": "192.168.10.99"}}
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Port", "web-b")}
    port = api.network.get_port(stack.outputs()["servers"]["web"]["ports"]["b"]["port_id"])
    assert [pair["ip_address"] for pair in port.allowed_address_pairs] == ["192.168.10.99/32"]


def test_adding_and_changing_a_virtual_ip_keeps_the_server(stack: Stack, api: Any) -> None:
    config = example_topology()
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


def test_removing_a_floating_ip_deletes_only_the_floating_ip(stack: Stack, api: Any) -> None:
    config = example_topology()
    del ports(config)["d"]["floating_ip"]
    gone = stack.outputs()["servers"]["web"]["ports"]["d"]["floating_ips"]["v4"]
    stack.configure(config)
    assert changes(stack.up()) == {("delete", "FloatingIp", "web-d.v4"), ("delete", "FloatingIpAssociate", "web-d.v4")}
    assert not list(api.network.ips(floating_ip_address=gone))


def test_a_keyed_floating_ip_moves_with_its_address(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("keyed")
    config = example_topology()
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


def test_changing_dhcp_keeps_the_server(stack: Stack) -> None:
    config = example_topology()
    config["networks"]["front"]["subnets"]["v4"]["enable_dhcp"] = False
    stack.configure(config)
    assert changes(stack.up()) == {("update", "Subnet", "front-v4")}


def test_changing_routing_options_keeps_the_server(stack: Stack) -> None:
    config = example_topology()
    config["servers"]["web"]["routing"] = {"connmark": True, "echo_url": "http://198.51.100.1/"}
    stack.configure(config)
    assert changes(stack.up()) == {SERVER}
    assert server_metadata(stack)["multiport.options"] == "connmark echo=http://198.51.100.1/"


def test_refresh_finds_no_difference(deployed: Stack) -> None:
    deployed.configure(example_topology())
    assert deployed.refresh() == []


def test_every_object_has_the_tags_and_names_of_its_stack(deployed: Stack, api: Any) -> None:
    neutron = api.network
    mine = f"multiport.stack=multiport.{deployed.name}"
    names = {
        "networks": {network.name for network in neutron.networks(tags=[mine])},
        "subnets": {subnet.name for subnet in neutron.subnets(tags=[mine])},
        "routers": {router.name for router in neutron.routers(tags=[mine])},
        "ports": {port.name for port in neutron.ports(tags=[mine])},
        "groups": {group.name for group in neutron.security_groups(tags=[mine])},
        "addresses": {floating_ip.description for floating_ip in neutron.ips(tags=[mine])},
        "servers": {server.name for server in api.compute.servers(tags=mine)},
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
    [port] = neutron.ports(tags=[mine, "multiport.owner=web", "multiport.key=b"])
    assert port.name == "ports-web-b"
