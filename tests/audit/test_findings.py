"""Each kind of finding, made on the real API: it is seen with its object and its remedy, and nothing else is."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openstack
import pytest

from multiport.audit import remedies
from multiport.audit.finding import Finding, Kind
from multiport.audit.state import read
from multiport.components import marks
from tests.audit.conftest import Deployed
from tests.engine.stack import ROOT


def seen(findings: list[Finding]) -> set[tuple[str, str, str, str]]:
    """Findings as (kind, object, name, attribute)."""
    return {(each.kind.value, each.what, each.name, each.attribute) for each in findings}


@pytest.fixture(autouse=True)
def _clean_before_and_after(deployed: Deployed) -> Iterator[None]:
    assert deployed.audit() == []
    yield
    assert deployed.audit() == []


PROPERTIES: dict[str, tuple[str, str, str, dict[str, Any], str]] = {
    # what is changed: object, resource, SDK's name of the update, what it becomes, attribute in the finding
    "network name": ("Network", "front", "update_network", {"name": "other"}, "name"),
    "network admin state": ("Network", "back", "update_network", {"is_admin_state_up": False}, "admin_state_up"),
    "network mtu": ("Network", "front", "update_network", {"mtu": 1300}, "mtu"),
    "network port security": ("Network", "back", "update_network", {"is_port_security_enabled": False}, "port_security_enabled"),
    "subnet name": ("Subnet", "front-v4", "update_subnet", {"name": "other"}, "name"),
    "subnet gateway": ("Subnet", "back-v4", "update_subnet", {"gateway_ip": "192.168.20.1"}, "gateway_ip"),
    "subnet dhcp": ("Subnet", "back-v4", "update_subnet", {"is_dhcp_enabled": True}, "enable_dhcp"),
    "subnet pools": (
        "Subnet",
        "front-v4",
        "update_subnet",
        {"allocation_pools": [{"start": "192.168.10.10", "end": "192.168.10.120"}]},
        "allocation_pools",
    ),
    "subnet resolvers": (
        "Subnet",
        "front-v4",
        "update_subnet",
        {"dns_nameservers": ["192.0.2.54", "192.0.2.53"]},
        "dns_nameservers",
    ),
    "router name": ("Router", "front-router", "update_router", {"name": "other"}, "name"),
    "router admin state": ("Router", "front-router", "update_router", {"is_admin_state_up": False}, "admin_state_up"),
    "security group name": ("SecGroup", "reachable", "update_security_group", {"name": "other"}, "name"),
    "port name": ("Port", "web-a", "update_port", {"name": "other"}, "name"),
    "port description": ("Port", "web-a", "update_port", {"description": "other"}, "description"),
    "port admin state": ("Port", "web-a", "update_port", {"is_admin_state_up": False}, "admin_state_up"),
    "port address pairs": ("Port", "web-b", "update_port", {"allowed_address_pairs": []}, "allowed_address_pairs"),
    "port security groups": ("Port", "web-a", "update_port", {"security_groups": []}, "security_groups"),
    "port security": ("Port", "db-wild", "update_port", {"is_port_security_enabled": True}, "port_security_enabled"),
    "floating IP description": ("FloatingIp", "web-a.v4", "update_ip", {"description": "other"}, "description"),
}


@pytest.mark.parametrize("case", PROPERTIES)
def test_a_property_that_is_not_as_declared(deployed: Deployed, case: str) -> None:
    kind, name, update, change, attribute = PROPERTIES[case]
    call = getattr(deployed.api.network, update)
    object_id = deployed.id(kind, name)
    call(object_id, **change)
    findings = deployed.audit()
    assert {(each.name, each.attribute) for each in findings} == {(name, attribute)}
    [finding] = findings
    assert (finding.kind, finding.remedy, finding.id) == (Kind.DIFFERS, remedies.LOST, object_id)
    # the finding's own repair, sent as it is, makes the audit clean again
    path = {"Network": "networks", "Subnet": "subnets", "Router": "routers", "SecGroup": "security-groups", "Port": "ports"}
    part = path.get(kind, "floatingips")
    body = {part.removesuffix("s").replace("-", "_"): dict(finding.repair)}
    answer = deployed.api.network.put(f"/{part}/{object_id}", json=body)
    assert answer.ok, answer.text


def test_a_pinned_address_is_lost(deployed: Deployed) -> None:
    port = deployed.api.network.get_port(deployed.id("Port", "web-b"))
    kept = [each for each in port.fixed_ips if each["ip_address"] != "192.168.10.22"]
    deployed.api.network.update_port(port, fixed_ips=kept)
    [finding] = deployed.audit()
    assert seen([finding]) == {("differs", "port", "web-b", "fixed_ips")}
    assert "192.168.10.22" in finding.problem
    deployed.api.network.update_port(port, **finding.repair)


def test_an_address_that_neutron_had_chosen_is_another_one(deployed: Deployed) -> None:
    port = deployed.api.network.get_port(deployed.id("Port", "web-later"))
    before = port.fixed_ips
    deployed.api.network.update_port(port, fixed_ips=[{"subnet_id": before[0]["subnet_id"], "ip_address": "192.168.20.77"}])
    [finding] = deployed.audit()
    assert seen([finding]) == {("differs", "port", "web-later", "fixed_ips")}
    assert before[0]["ip_address"] in finding.problem
    deployed.api.network.update_port(port, **finding.repair)
    assert deployed.api.network.get_port(port.id).fixed_ips == before


def test_an_address_more_than_declared(deployed: Deployed) -> None:
    port = deployed.api.network.get_port(deployed.id("Port", "web-b"))
    more = [*port.fixed_ips, {"subnet_id": port.fixed_ips[0]["subnet_id"], "ip_address": "192.168.10.77"}]
    deployed.api.network.update_port(port, fixed_ips=more)
    [finding] = deployed.audit()
    assert seen([finding]) == {("differs", "port", "web-b", "fixed_ips")}
    deployed.api.network.update_port(port, **finding.repair)


def test_tags_that_somebody_took_off(deployed: Deployed) -> None:
    router = deployed.api.network.get_router(deployed.id("Router", "front-router"))
    before = router.tags
    deployed.api.network.set_tags(router, [])
    assert seen(deployed.audit()) == {("differs", "router", "front-router", "tags")}
    deployed.api.network.set_tags(router, before)


def test_metadata_tags_and_name_of_a_server(deployed: Deployed) -> None:
    compute, server = deployed.api.compute, deployed.id("Instance", "web-server")
    before = dict(compute.get_server(server).metadata)
    compute.set_server_metadata(server, role="other")
    assert seen(deployed.audit()) == {("differs", "server", "web-server", "metadata")}
    compute.set_server_metadata(server, role=before["role"])
    compute.delete(f"/servers/{server}/tags/mine", microversion="2.26")
    assert seen(deployed.audit()) == {("differs", "server", "web-server", "tags")}
    compute.put(f"/servers/{server}/tags/mine", microversion="2.26")
    compute.update_server(server, name="other")
    assert seen(deployed.audit()) == {("differs", "server", "web-server", "name")}
    compute.update_server(server, name="audited-web")


def test_a_floating_ip_that_points_elsewhere_or_nowhere(deployed: Deployed) -> None:
    network, address = deployed.api.network, deployed.id("FloatingIp", "web-a.v4")
    before = network.get_ip(address)
    network.update_ip(address, port_id=None)
    [finding] = deployed.audit()
    assert seen([finding]) == {("differs", "floating IP association", "web-a.v4", "port_id")}
    network.update_ip(address, port_id=deployed.id("Port", "web-b"), fixed_ip_address="192.168.10.22")
    assert seen(deployed.audit()) == {("differs", "floating IP association", "web-a.v4", "port_id")}
    network.update_ip(address, **finding.repair)
    assert network.get_ip(address).fixed_ip_address == before.fixed_ip_address


def test_a_rule_that_somebody_added(deployed: Deployed) -> None:
    group = deployed.id("SecGroup", "reachable")
    rule = deployed.api.network.create_security_group_rule(
        security_group_id=group, direction="ingress", protocol="tcp", port_range_min=3389, port_range_max=3389
    )
    [finding] = deployed.audit()
    assert (finding.kind, finding.what, finding.name) == (Kind.UNDECLARED, "security group", "reachable")
    assert "3389" in finding.problem
    assert rule.id in finding.problem
    assert finding.repair == {}
    deployed.api.network.delete_security_group_rule(rule)


def test_a_host_route_that_somebody_added(deployed: Deployed) -> None:
    subnet = deployed.api.network.get_subnet(deployed.id("Subnet", "front-v4"))
    before = subnet.host_routes
    more = [*before, {"destination": "203.0.113.128/25", "nexthop": "192.168.10.253"}]
    deployed.api.network.update_subnet(subnet, host_routes=more)
    [finding] = deployed.audit()
    assert (finding.kind, finding.name) == (Kind.UNDECLARED, "front-v4")
    assert "203.0.113.128/25" in finding.problem
    deployed.api.network.update_subnet(subnet, host_routes=[])
    assert seen(deployed.audit()) == {("gone", "host route", "front-v4.lab", "")}
    deployed.api.network.update_subnet(subnet, host_routes=before)


def test_a_nic_and_a_router_interface_that_somebody_added(deployed: Deployed) -> None:
    network, server = deployed.api.network, deployed.id("Instance", "edge-server")
    port = network.create_port(network_id=deployed.id("Network", "back"), name="by hand")
    deployed.api.compute.create_server_interface(server, port_id=port.id)
    [finding] = deployed.audit()
    assert (finding.kind, finding.what, finding.name) == (Kind.UNDECLARED, "server", "edge-server")
    assert port.id in finding.problem
    deployed.api.compute.delete_server_interface(port.id, server=server)
    deadline = time.monotonic() + 60
    while network.get_port(port.id).device_id and time.monotonic() < deadline:
        time.sleep(0.5)  # Nova detaches after it has answered, and Neutron refuses to delete a server's port until then
    network.delete_port(port)

    stranger = network.create_network(name="stranger")
    subnet = network.create_subnet(network_id=stranger.id, cidr="10.9.0.0/24", ip_version=4)
    router = deployed.id("Router", "front-router")
    network.add_interface_to_router(router, subnet_id=subnet.id)
    [finding] = deployed.audit()
    assert (finding.kind, finding.what, finding.name) == (Kind.UNDECLARED, "router", "front-router")
    network.remove_interface_from_router(router, subnet_id=subnet.id)
    network.delete_network(stranger)


def test_ports_that_are_gone_from_a_server_or_in_another_order(deployed: Deployed) -> None:
    compute, server = deployed.api.compute, deployed.id("Instance", "web-server")
    hot = deployed.id("Port", "web-later")
    compute.delete_server_interface(hot, server=server)
    assert seen(deployed.audit()) == {("gone", "attached port", "web-later", "")}
    compute.create_server_interface(server, port_id=hot)

    first, second = deployed.id("Port", "web-b"), deployed.id("Port", "web-a")
    compute.delete_server_interface(first, server=server)
    findings = deployed.audit()
    assert seen(findings) == {("differs", "server", "web-server", "ports")}
    assert findings[0].remedy == remedies.DETACHED
    compute.create_server_interface(server, port_id=first)
    findings = deployed.audit()
    assert {(each.kind, each.name) for each in findings} == {(Kind.DIFFERS, "web-server")}
    assert findings[0].attribute.startswith("order of ports")
    compute.delete_server_interface(second, server=server)
    compute.create_server_interface(server, port_id=second)


@contextmanager
def orphan(deployed: Deployed, owner: str, key: str, **more: Any) -> Iterator[Any]:
    """A port like one that a lost answer leaves behind."""
    network = deployed.api.network
    name = more.pop("name", f"audited-{owner}-{key}")
    port = network.create_port(**{"network_id": deployed.id("Network", "back"), "name": name, **more})
    tags = ["multiport", marks.stack_mark("multiport", "audited"), marks.owner_mark(owner), marks.key_mark(key)]
    network.set_tags(port, tags)
    try:
        yield port
    finally:
        network.delete_port(port)


def test_an_orphan_and_a_double(deployed: Deployed) -> None:
    with orphan(deployed, "web", "never") as port:
        [finding] = deployed.audit()
        assert (finding.kind, finding.what, finding.id, finding.remedy) == (Kind.ORPHAN, "port", port.id, remedies.ORPHAN)
    with orphan(deployed, "web", "later") as port:
        [finding] = deployed.audit()
        assert (finding.kind, finding.what, finding.id) == (Kind.DOUBLE, "port", port.id)
        assert "web-later" in finding.problem


def test_a_port_with_copied_tags_is_doubted(deployed: Deployed) -> None:
    with orphan(deployed, "web", "later", name="somebody's database") as port:
        [finding] = deployed.audit()
        assert (finding.kind, finding.id, finding.remedy) == (Kind.DOUBTFUL, port.id, remedies.DOUBTFUL)
        assert "somebody's database" in finding.problem


def test_orphans_of_every_tagged_kind(deployed: Deployed) -> None:
    network, tags = deployed.api.network, ["multiport", marks.stack_mark("multiport", "audited"), marks.owner_mark("lost")]
    made: list[tuple[str, Any, Callable[[Any], Any]]] = []
    net = network.create_network(name="audited-lost")
    made.append(("network", net, network.delete_network))
    subnet = network.create_subnet(network_id=net.id, name="audited-lost-v4", cidr="10.8.0.0/24", ip_version=4)
    made.append(("subnet", subnet, network.delete_subnet))
    router = network.create_router(name="audited-lost")
    made.append(("router", router, network.delete_router))
    group = network.create_security_group(name="audited-lost")
    made.append(("security group", group, network.delete_security_group))
    address = network.create_ip(floating_network_id=network.find_network("PUBLICNET").id, description="audited-lost-a")
    made.append(("floating IP", address, network.delete_ip))
    own = {
        "subnet": [*tags, marks.key_mark("v4")],
        "router": [*tags, marks.key_mark("router")],
        "floating IP": [*tags, marks.key_mark("a")],
    }
    try:
        for what, each, _ in made:
            network.set_tags(each, own.get(what, tags))
        assert {(each.kind, each.what, each.id) for each in deployed.audit()} == {
            (Kind.ORPHAN, what, each.id) for what, each, _ in made
        }
    finally:
        for _, each, delete in reversed(made):
            delete(each)


def test_an_orphaned_server(deployed: Deployed) -> None:
    compute = deployed.api.compute
    server = compute.create_server(
        name="audited-lost",
        image_id=next(iter(deployed.api.image.images(name="Debian-12"))).id,
        flavor_id=compute.find_flavor("gp.0.1.2").id,
        networks=[{"uuid": deployed.id("Network", "back")}],
    )
    server = compute.wait_for_server(server)
    for tag in ["multiport", marks.stack_mark("multiport", "audited"), marks.owner_mark("lost")]:
        compute.put(f"/servers/{server.id}/tags/{tag}", microversion="2.26")
    try:
        [finding] = deployed.audit()
        assert (finding.kind, finding.what, finding.id) == (Kind.ORPHAN, "server", server.id)
    finally:
        compute.delete_server(server)
        compute.wait_for_delete(server)


def test_what_is_gone_is_told_for_every_kind(deployed: Deployed) -> None:
    # the cloud is left alone: the state names ids that no cloud has
    text = deployed.stack._call("stack", "export").stdout
    kinds = {
        "server": "Instance", "port": "Port", "network": "Network", "subnet": "Subnet", "router": "Router",
        "floating IP": "FloatingIp", "security group": "SecGroup", "security group rule": "SecGroupRule",
        "router interface": "RouterInterface", "server group": "ServerGroup",
    }  # fmt: skip
    for what, kind in kinds.items():
        resource = next(each for each in deployed.state.resources if each.type.endswith(f":{kind}"))
        other = Deployed(deployed.stack, deployed.api, read(text.replace(f'"id": "{resource.id}"', '"id": "0000-gone"')))
        gone = [each for each in other.audit() if each.kind is Kind.GONE]
        assert (what, resource.name, remedies.GONE) in {(each.what, each.name, each.remedy) for each in gone}


def test_a_server_in_error(deployed: Deployed, cloud: dict[str, str]) -> None:
    admin = _admin(cloud)
    server = deployed.id("Instance", "edge-server")
    admin.compute.reset_server_state(server, state="error")
    [finding] = deployed.audit()
    assert (finding.kind, finding.name, finding.remedy) == (Kind.BROKEN, "edge-server", remedies.BROKEN)
    admin.compute.reset_server_state(server, state="active")


def _admin(cloud: dict[str, str]) -> Any:
    config = openstack.config.OpenStackConfig(config_files=[cloud["OS_CLIENT_CONFIG_FILE"]])
    return openstack.connection.Connection(config=config.get_one("local-admin"))


def test_a_flavor_that_somebody_chose(deployed: Deployed) -> None:
    compute, server = deployed.api.compute, deployed.id("Instance", "edge-server")
    for flavor in ("gp.0.2.4", "gp.0.1.2"):
        compute.resize_server(server, compute.find_flavor(flavor).id)
        compute.wait_for_server(compute.get_server(server), status="VERIFY_RESIZE", wait=60)
        compute.confirm_server_resize(server)
        compute.wait_for_server(compute.get_server(server), wait=60)
        if flavor == "gp.0.2.4":
            [finding] = deployed.audit()
            assert (finding.kind, finding.name, finding.attribute) == (Kind.DIFFERS, "edge-server", "flavor")
            assert finding.remedy == remedies.DRIFTED


def test_pending_operations_are_told(deployed: Deployed) -> None:
    text = json.loads(deployed.stack._call("stack", "export").stdout)
    server = next(each for each in text["deployment"]["resources"] if each["type"].endswith(":Instance"))
    text["deployment"]["pending_operations"] = [{"resource": server, "type": "updating"}]
    [finding] = Deployed(deployed.stack, deployed.api, read(json.dumps(text))).audit()
    assert (finding.kind, finding.urn, finding.remedy) == (Kind.PENDING, server["urn"], remedies.PENDING)


def test_the_command_prints_a_table_or_json_and_tells_by_its_exit_status(deployed: Deployed) -> None:
    command = [sys.executable, "-m", "multiport", "audit", "--project", str(deployed.stack.folder)]
    environment = {**deployed.stack.environment, "PYTHONPATH": str(ROOT)}

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        words = [*command, *(options or ("--stack", "audited"))]
        return subprocess.run(words, env=environment, text=True, capture_output=True, check=False, cwd=ROOT)

    clean = run()
    assert clean.returncode == 0, clean.stderr
    assert "all as declared" in clean.stdout
    with orphan(deployed, "web", "never") as port:
        table, document = run(), run("--json", "--stack", "audited")
    assert (table.returncode, document.returncode) == (1, 1)
    assert "orphan   port    audited-web-never" in table.stdout
    assert "What to do" in table.stdout
    [finding] = json.loads(document.stdout)["findings"]
    assert (finding["kind"], finding["id"]) == ("orphan", port.id)
    assert run("--state", "/dev/null").returncode == 2
