"""Tests of the direct driver on the real services: it creates what the program declares, and deletes all of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
import pytest

from tests.lab.command import LabCommand

pytestmark = pytest.mark.lab

CHECKOUT = Path(__file__).resolve().parents[3]
SAMPLE = Path(__file__).parent / "program"


@dataclass(frozen=True)
class Driver:
    """Runs `python -m lab.direct` on one lab."""

    lab: LabCommand
    states: Path

    @property
    def environment(self) -> dict[str, str]:
        clouds = str(self.lab.directory / "clouds.yaml")
        return {**os.environ, "OS_CLIENT_CONFIG_FILE": clouds, "OS_CLOUD": "local", "PYTHONUNBUFFERED": "1"}

    def command(self, verb: str, stack: str, *options: str, project: Path = SAMPLE) -> list[str]:
        state = str(self.states / f"{project.name}-{stack}.json")
        return [sys.executable, "-m", "lab.direct", verb, "--project", str(project), "--stack", stack, "--state", state, *options]

    def run(self, verb: str, stack: str, *options: str, project: Path = SAMPLE) -> subprocess.CompletedProcess[str]:
        command = self.command(verb, stack, *options, project=project)
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )

    def succeed(self, verb: str, stack: str, *options: str, project: Path = SAMPLE) -> str:
        done = self.run(verb, stack, *options, project=project)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def outputs(self, stack: str, project: Path = SAMPLE) -> dict[str, Any]:
        return dict(json.loads(self.succeed("outputs", stack, "--json", "--show-secrets", project=project)))


@dataclass(frozen=True)
class Cloud:
    """Reads the objects that really exist."""

    connection: openstack.connection.Connection

    def list(self, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
        response = getattr(self.connection, service).get(path, params=query)
        assert response.status_code == 200, response.text
        return list(next(value for key, value in response.json().items() if not key.endswith("_links")))

    def one(self, path: str, name: str) -> dict[str, Any]:
        (found,) = self.list("network", path, name=name)
        return found

    def server(self, name: str) -> dict[str, Any]:
        servers = self.connection.compute.get("/servers/detail", microversion="2.52").json()["servers"]
        (found,) = [server for server in servers if server["name"] == name]
        return dict(found)


@pytest.fixture
def driver(lab: LabCommand, tmp_path: Path) -> Driver:
    return Driver(lab, tmp_path)


@pytest.fixture
def cloud(member: openstack.connection.Connection) -> Cloud:
    return Cloud(member)


@pytest.fixture(scope="module", autouse=True)
def _nothing_to_begin_with(lab: LabCommand) -> None:
    assert lab("leftovers").stdout == ""


@pytest.fixture(autouse=True)
def _nothing_stays(lab: LabCommand) -> Iterator[None]:
    yield
    assert lab("leftovers").stdout == ""


def written(folder: Path, program: str) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
    (folder / "__main__.py").write_text(program)
    return folder


def test_every_type_and_option_is_created_as_declared_and_deleted_again(driver: Driver, cloud: Cloud) -> None:
    try:
        made = driver.succeed("up", "one")
        assert "Resources: 26 created" in made
        assert "let-me-in" not in made
        outputs = driver.outputs("one")
        networks_are_as_declared(cloud)
        ports_are_as_declared(cloud, outputs)
        servers_are_as_declared(cloud, outputs, driver.lab.directory)
        outputs_are_the_providers(outputs)

        state = driver.states / "program-one.json"
        before = state.read_bytes()
        assert "Resources: 26 unchanged" in driver.succeed("up", "one")
        assert state.read_bytes() == before
        assert state.stat().st_mode & 0o777 == 0o600
    finally:
        gone = driver.succeed("down", "one")
    assert "Resources: 26 deleted" in gone
    assert "nothing to delete" in driver.succeed("down", "one")


def networks_are_as_declared(cloud: Cloud) -> None:
    network = cloud.one("/networks", "sample-network")
    assert network["mtu"] == 1400
    assert network["description"] == "a description"
    assert network["port_security_enabled"] is True
    assert sorted(network["tags"]) == ["one", "sample-tag"]
    v4 = cloud.one("/subnets", "sample-v4")
    assert v4["allocation_pools"] == [{"start": "192.168.10.100", "end": "192.168.10.150"}]
    assert v4["dns_nameservers"] == ["192.0.2.53", "192.0.2.54"]
    assert v4["enable_dhcp"] is True
    assert {(route["destination"], route["nexthop"]) for route in v4["host_routes"]} == {
        ("10.90.0.0/16", "192.168.10.9"),
        ("10.91.0.0/16", "192.168.10.9"),
    }
    (v6,) = cloud.list("network", "/subnets", network_id=network["id"], ip_version=6)
    assert v6["name"].startswith("site-v6-")
    assert (v6["ipv6_ra_mode"], v6["ipv6_address_mode"]) == ("dhcpv6-stateful", "dhcpv6-stateful")
    quiet = cloud.one("/subnets", "sample-quiet")
    assert quiet["gateway_ip"] is None
    assert quiet["enable_dhcp"] is False
    router = cloud.one("/routers", "sample-router")
    (public,) = cloud.list("network", "/networks", name="PUBLICNET")
    assert router["external_gateway_info"]["network_id"] == public["id"]
    assert sorted(router["tags"]) == ["one", "sample-tag"]
    (interface,) = cloud.list("network", "/ports", device_id=router["id"], device_owner="network:router_interface")
    assert interface["fixed_ips"][0]["subnet_id"] == v4["id"]


def ports_are_as_declared(cloud: Cloud, outputs: dict[str, Any]) -> None:
    group = cloud.one("/security-groups", "sample-group")
    rules = {
        (rule["direction"], rule["ethertype"], rule["protocol"], rule["port_range_min"]) for rule in group["security_group_rules"]
    }
    assert rules == {("ingress", "IPv4", "tcp", 22), ("ingress", "IPv6", None, None)}  # without Neutron's default rules
    assert sorted(group["tags"]) == ["one", "sample-tag"]
    defaults = cloud.one("/security-groups", "sample-defaults")
    assert {rule["direction"] for rule in defaults["security_group_rules"]} == {"egress"}
    assert defaults["stateful"] is True

    front = cloud.one("/ports", "sample-front")
    v4 = [address["ip_address"] for address in front["fixed_ips"] if ":" not in address["ip_address"]]
    assert sorted(v4) == ["192.168.10.10", "192.168.10.20"]
    assert {pair["ip_address"] for pair in front["allowed_address_pairs"]} == {"192.168.10.200", "10.5.0.0/24"}
    assert front["security_groups"] == [group["id"]]
    assert [(option["opt_name"], option["opt_value"]) for option in front["extra_dhcp_opts"]] == [
        ("domain-search", "example.org")
    ]
    assert sorted(front["tags"]) == ["one", "sample-tag"]
    assert outputs["front"]["mac"] == front["mac_address"]
    back = next(
        port for port in cloud.list("network", "/ports", mac_address="fa:16:3e:00:00:77") if port["name"].startswith("back-")
    )
    assert back["port_security_enabled"] is False
    assert back["security_groups"] == []

    addresses = {fip["floating_ip_address"]: fip for fip in cloud.list("network", "/floatingips")}
    first, second, _ = outputs["floating"]
    assert (addresses[first]["port_id"], addresses[first]["fixed_ip_address"]) == (front["id"], "192.168.10.10")
    assert addresses[first]["description"] == "first"
    assert sorted(addresses[first]["tags"]) == ["one", "sample-tag"]
    assert addresses[second]["fixed_ip_address"] == "192.168.10.200"


def servers_are_as_declared(cloud: Cloud, outputs: dict[str, Any], lab: Path) -> None:
    server = cloud.server("sample-server")
    assert server["status"] == "ACTIVE"
    assert server["key_name"] == "sample-key"
    assert server["metadata"] == {"role": "web", "count": "2"}
    assert sorted(server["tags"]) == ["one", "sample-tag"]
    drive = lab / "config-drives" / server["id"] / "openstack" / "latest"
    assert (drive / "user_data").read_text() == "#!/bin/sh\necho sample\n"
    attached = {port["id"]: port["name"] for port in cloud.list("network", "/ports", device_id=server["id"])}
    assert len(attached) == 3
    assert attached[outputs["attached"]] == "sample-hot"
    groups = cloud.connection.compute.get("/os-server-groups", microversion="2.64").json()["server_groups"]
    (apart,) = [group for group in groups if group["name"] == "sample-apart"]
    assert (apart["policy"], apart["rules"], apart["members"]) == ("anti-affinity", {"max_server_per_host": 2}, [server["id"]])
    plain = cloud.server(outputs["names"][1])
    assert plain["status"] == "SHUTOFF"
    assert list(plain["addresses"]) == ["sample-network"]
    assert {group["name"] for group in plain["security_groups"]} == {"sample-defaults"}
    blocky = cloud.server("sample-blocky")
    assert blocky["addresses"] == {}
    assert blocky["OS-EXT-AZ:availability_zone"] == "az1"


def outputs_are_the_providers(outputs: dict[str, Any]) -> None:
    assert outputs["user_data"] == "e5d79accbc021e71c99dabf870ac0b59dab3df4f"  # sha1sum of the text
    assert outputs["network"]["mtu"] == 1400
    assert sorted(outputs["network"]["tags"]) == ["one", "sample-tag"]
    assert outputs["server"]["v4"] == "192.168.10.20"  # the last address of the port, as in the provider
    assert [network["name"] for network in outputs["server"]["networks"]] == ["sample-network", outputs["names"][0]]
    assert (outputs["server"]["flavor"], outputs["server"]["image"]) == ("gp.0.1.2", "Ubuntu-24.04")
    assert outputs["plain"] == {"state": "shutoff", "password": "let-me-in"}
    assert outputs["back_groups"] == []
    assert all(name.split("-")[-1].isalnum() and len(name.split("-")[-1]) == 7 for name in outputs["names"])
    assert outputs["known"] == "PUBLICNET-ROUTED"
    assert (outputs["seen"]["name"], outputs["seen"]["owner"]) == ("sample-hot", "compute:az1")
    assert outputs["seen_subnet"] == {"gateway": "192.168.10.1", "dns": ["192.0.2.53", "192.0.2.54"]}
    looked_up = outputs["looked_up"]
    assert len(looked_up.pop("subnet_ids")) == len(looked_up.pop("port_ids")) == 1
    assert looked_up.pop("router")
    assert looked_up == {"group": "sample-group", "floating_ip": True, "image": "Ubuntu-24.04", "vcpus": 1}


def test_two_stacks_are_created_and_deleted_at_the_same_time(driver: Driver) -> None:
    with ThreadPoolExecutor(2) as pool:
        for verb in ("up", "down"):
            outcomes = list(pool.map(driver.run, (verb, verb), ("one", "two")))
            assert [outcome.returncode for outcome in outcomes] == [0, 0], "".join(o.stdout + o.stderr for o in outcomes)


CLASH = """
import pulumi
from pulumi_openstack import compute, networking
network = networking.Network("net")
subnet = networking.Subnet("sub", network_id=network.id, cidr="10.9.0.0/24", gateway_ip="10.9.0.1")
ips = [{"subnet_id": subnet.id, "ip_address": "10.9.0.9"}]
first = networking.Port("first", network_id=network.id, fixed_ips=ips)
second = networking.Port("second", network_id=network.id, fixed_ips=ips, opts=pulumi.ResourceOptions(depends_on=[first]))
group = compute.ServerGroup("apart", policies="anti-affinity")
common = dict(image_name="Debian-12", flavor_name="gp.0.1.2", scheduler_hints=[{"group": group.id}])
one = compute.Instance("one", networks=[{"port": first.id}], **common)
two = compute.Instance("two", network_mode="none", **common, opts=pulumi.ResourceOptions(depends_on=[one]))
waiting = compute.Instance("waiting", networks=[{"port": second.id}], **common)
networking.SecGroup("after", opts=pulumi.ResourceOptions(depends_on=[one]))
"""


def test_a_failure_is_reported_other_resources_are_created_and_down_deletes_all(driver: Driver, tmp_path: Path) -> None:
    project = written(tmp_path / "clash", CLASH)
    try:
        failed = driver.run("up", "x", project=project)
        assert failed.returncode == 1
        assert "error: openstack:networking/port:Port second: 409 IpAddressAlreadyAllocated: " in failed.stderr
        assert "error: openstack:compute/instance:Instance two: the server has the status ERROR: " in failed.stderr
        assert "Traceback" not in failed.stderr
        assert "waiting" not in failed.stderr
        assert "7 resources were created" in failed.stderr  # including the server in the status ERROR
        assert "openstack:networking:SecGroup            after  created" in failed.stdout
        refused = driver.run("up", "x", project=project)
        assert refused.returncode == 1
        assert "did not finish" in refused.stderr
    finally:
        driver.succeed("down", "x", project=project)


def test_after_ctrl_c_running_calls_finish_and_down_deletes_their_resources(driver: Driver, tmp_path: Path) -> None:
    project = written(
        tmp_path / "many",
        'from pulumi_openstack import networking\nlast = None\nfor i in range(200):\n    last = networking.Network(f"n{i}")\n',
    )
    process = subprocess.Popen(
        driver.command("up", "x", project=project),
        cwd=CHECKOUT,
        env=driver.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "created" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
        assert process.returncode == 130, out + err
        assert "interrupted." in err
        assert "Traceback" not in err
        assert out.count("created") < 100
    finally:
        process.kill()
        process.wait()
        driver.succeed("down", "x", project=project)


def test_a_run_that_created_nothing_leaves_nothing_to_delete(driver: Driver, tmp_path: Path) -> None:
    source = 'from pulumi_openstack import compute\ncompute.Keypair("k", name="k", public_key="nonsense")\n'
    project = written(tmp_path / "nothing", source)
    failed = driver.run("up", "x", project=project)
    assert failed.returncode == 1
    assert "Keypair k: 400 " in failed.stderr
    assert driver.succeed("down", "x", project=project) == "Resources: nothing to delete\n"


def test_a_key_pair_without_public_key_is_refused_because_nova_would_return_a_private_key(driver: Driver, tmp_path: Path) -> None:
    project = written(tmp_path / "keyless", 'from pulumi_openstack import compute\ncompute.Keypair("k", name="k")\n')
    assert "the key pair needs a publicKey" in driver.run("up", "x", project=project).stderr


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (
            'networking.Network("n", qos_policy_id="q")',
            "openstack:networking/network:Network: the direct driver does not map qosPolicyId",
        ),
        ('networking.Trunk("t", port_id="p")', "resource type openstack:networking/trunk:Trunk is not supported"),
        ('networking.get_network(name="nowhere")', "getNetwork(name='nowhere'): 0 networks match; exactly one is needed"),
        (
            'networking.get_network(name="PUBLICNET", transparent_vlan=True)',
            "getNetwork: the direct driver does not map transparentVlan",
        ),
        ('raise pulumi.RunError("servers: none given")', "error: servers: none given"),
    ],
)
def test_errors_that_need_no_change_to_be_found_are_reported_before_anything_is_created(
    driver: Driver, tmp_path: Path, program: str, text: str
) -> None:
    source = f'import pulumi\nfrom pulumi_openstack import networking\nnetworking.Network("innocent")\n{program}\n'
    refused = driver.run("up", "x", project=written(tmp_path / "refused", source))
    assert refused.returncode == 1
    assert text in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == "Checking the program ...\n"


def test_a_changed_program_changes_nothing_in_the_cloud(driver: Driver, cloud: Cloud, tmp_path: Path) -> None:
    source = 'from pulumi_openstack import networking\nnetworking.Network("n", name="renamed", mtu=1300)\n'
    project = written(tmp_path / "changed", source)
    try:
        driver.succeed("up", "x", project=project)
        (project / "__main__.py").write_text(source.replace("1300", "1200"))
        changed = driver.run("up", "x", project=project)
        assert changed.returncode == 1
        assert "~ openstack:networking/network:Network n: mtu changed" in changed.stderr
        assert "this needs the Pulumi CLI" in changed.stderr
        assert cloud.one("/networks", "renamed")["mtu"] == 1300
    finally:
        driver.succeed("down", "x", project=project)
