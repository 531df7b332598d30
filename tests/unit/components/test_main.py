"""The program itself, with each stack's own configuration."""

import hashlib
import json
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiport.components.config_error import ConfigError
from multiport.rendering import Rendering
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import added, changed
from tests.unit.components.wire import UNKNOWN

ROOT = Path(__file__).resolve().parents[3]
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
EXAMPLES = sorted(ROOT.glob("examples/*/__main__.py"))


def stack_config(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    return {key.removeprefix("multiport:"): value for key, value in found.items() if key.startswith("multiport:")}


def main(config: dict[str, Any], *, preview: bool = False, after: Deployment | None = None, stack: str = "test") -> Deployment:
    """Run the program as the CLI does: objects handed over as JSON, text as it is, and other projects' keys beside them."""
    texts = {f"multiport:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    texts |= {"openstack:maxRetries": "3", "multiporter:servers": "none of ours"}
    return deploy(lambda: runpy.run_path(str(ROOT / "__main__.py")), config=texts, preview=preview, after=after, stack=stack)


def values(config: Any, key: str) -> Iterator[Any]:
    """Everything that stands under a key, at whatever depth."""
    if isinstance(config, dict):
        yield from (value for name, value in config.items() if name == key)
        for value in config.values():
            yield from values(value, key)


def test_there_are_the_four_stacks() -> None:
    assert [path.name for path in STACKS] == [f"Pulumi.{name}.yaml" for name in ("dev", "local", "prod", "staging")]


@cache
def deployed(path: Path) -> Deployment:
    return main(stack_config(path))


@pytest.fixture(params=STACKS, ids=lambda path: path.suffixes[0][1:])
def stack(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Deployment]:
    return stack_config(request.param), deployed(request.param)


def test_a_stack_makes_what_its_file_says(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    servers, virtual_ips = config["servers"], config.get("virtual_ips", {})
    ports = {f"{name}-{key}" for name, each in servers.items() for key in each["ports"]}
    hot = {f"{name}-{key}" for name, each in servers.items() for key, port in each["ports"].items() if port.get("hot")}
    assert found.of_type("Instance").keys() == {f"{name}-server" for name in servers}
    assert found.of_type("Port").keys() == ports | {f"{key}-address" for key in virtual_ips}
    assert found.of_type("InterfaceAttach").keys() == hot
    assert len(found.of_type("FloatingIp")) == len(found.of_type("FloatingIpAssociate")) == len([*values(config, "floating_ip")])
    assert found.of_type("Network").keys() == config["networks"].keys()
    assert len(found.of_type("Router")) == len([*values(config["networks"], "router")])
    assert found.of_type("SecGroup").keys() == config["security_groups"].keys()
    assert len(found.of_type("SecGroupRule")) == sum(len(each["rules"]) for each in config["security_groups"].values())
    assert found.of_type("ServerGroup").keys() == config.get("server_groups", {}).keys()


def test_a_stack_exports_what_people_need(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    assert found.exports.keys() == {"servers", "virtual_ips"}
    assert found.exports["servers"].keys() == config["servers"].keys()
    for name, server in config["servers"].items():
        told = found.exports["servers"][name]
        assert told["id"] == f"Instance {name}-server"
        assert told["guest_update_pending"] is False
        assert len(told["user_data_sha256"]) == 64
        assert told["ports"].keys() == told["commands"].keys() == server["ports"].keys()
        for key, port in server["ports"].items():
            floating_ips = told["ports"][key]["floating_ips"]
            assert len(floating_ips) == len([*values(port, "floating_ip")])
            assert len(told["commands"][key]["ssh"]) == len(told["commands"][key]["ping"]) == len(floating_ips)
            assert len(told["commands"][key]["curl"]) == len(told["ports"][key]["fixed_ips"]) >= 1
    for key, virtual_ip in config.get("virtual_ips", {}).items():
        told = found.exports["virtual_ips"][key]
        assert told["ip_address"] == virtual_ip["ip_address"]
        assert ("floating_ip" in told) == ("floating_ip" in virtual_ip)


def test_what_is_rendered_without_a_cloud_is_what_the_server_gets(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    for name, server in config["servers"].items():
        told = found.exports["servers"][name]
        rendering = Rendering(server, {key: port["mac_address"] for key, port in told["ports"].items()})
        assert rendering.complete
        assert hashlib.sha256(rendering.user_data.encode()).hexdigest() == told["user_data_sha256"]


def test_members_of_a_virtual_address_may_use_it(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    for key, virtual_ip in config.get("virtual_ips", {}).items():
        for member, port in virtual_ip["members"].items():
            asked = found[f"Port {member}-{port}"]
            assert {"ipAddress": virtual_ip["ip_address"]} in asked.inputs["allowedAddressPairs"]
            assert asked.property_dependencies["allowedAddressPairs"] == {f"Port {key}-address"}
            told = found[f"Instance {member}-server"].inputs["metadata"][f"multiport.port.{port}"]
            kind = "vip" if virtual_ip.get("holder") == member else "pair"
            tokens = [token for token in told.split() if token.endswith(f"={virtual_ip['ip_address']}/24")]
            assert tokens == [f"{kind}={virtual_ip['ip_address']}/24"]


def test_ports_and_servers_get_their_groups(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    for name, server in config["servers"].items():
        for key, port in server["ports"].items():
            groups = port.get("security_groups", server["security_groups"])
            assert found[f"Port {name}-{key}"].inputs["securityGroupIds"] == [f"SecGroup {each}" for each in groups]
        hints = found[f"Instance {name}-server"].inputs.get("schedulerHints", [])
        assert hints == ([{"group": f"ServerGroup {server['server_group']}"}] if "server_group" in server else [])


def test_a_stack_stands_still(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    preview = main(config, preview=True, after=found)
    assert preview.resources == found.resources
    assert preview.exports == found.exports


def test_a_first_preview_of_a_stack(stack: tuple[dict[str, Any], Deployment]) -> None:
    config, found = stack
    preview = main(config, preview=True)
    assert preview.resources.keys() == found.resources.keys()
    assert {each["id"] for each in preview.exports["servers"].values()} == {UNKNOWN}


def test_the_stacks_together_use_every_kind_of_resource() -> None:
    kinds = {each.type.rsplit(":", 1)[-1] for path in STACKS for each in deployed(path).resources.values()}
    assert kinds == {
        "AddressPairs",
        "FloatingIp",
        "FloatingIpAssociate",
        "FloatingIps",
        "Instance",
        "InterfaceAttach",
        "MultiPortInstance",
        "Network",
        "Port",
        "PrivateNetwork",
        "Router",
        "RouterInterface",
        "SecGroup",
        "SecGroupRule",
        "SecurityGroup",
        "ServerGroup",
        "Subnet",
        "SubnetRoute",
    }


NETWORKS = {"front": {"subnets": {"v4": {"cidr": "192.168.0.0/24"}}, "router": {"external_network": "PUBLICNET"}}}
WEB = {"image": "Debian-12", "flavor": "small", "ports": {"a": {"network": "front", "floating_ip": {}}}}


def test_a_stack_of_nothing_exports_nothing() -> None:
    found = main({})
    assert (found.resources, found.exports, found.calls) == ({}, {"servers": {}, "virtual_ips": {}}, [])


def test_a_server_group_is_named_after_its_stack() -> None:
    found = main({"server_groups": {"spread": {"policy": "anti-affinity"}}}, stack="prod")["ServerGroup spread"]
    assert found.inputs == {"name": "prod-spread", "policies": "anti-affinity"}


def test_an_external_network_is_looked_up_once() -> None:
    ports = {key: {"external_network": "PUBLICNET"} for key in ("a", "b")}
    found = main({"servers": {name: {**WEB, "ports": ports} for name in ("x", "y")}})
    assert len(found.of_type("Port")) == 4
    assert [call.args for call in found.calls] == [{"name": "PUBLICNET", "external": True}]


@pytest.mark.parametrize("config", [{}, {"external_network": "OTHERNET"}, {"external_network": "123"}], ids=repr)
def test_where_floating_ips_come_from(config: dict[str, str]) -> None:
    pool = config.get("external_network", "PUBLICNET")
    networks = {"front": {**NETWORKS["front"], "router": {"external_network": pool}}}
    virtual_ip = {"network": "front", "subnet": "v4", "ip_address": "192.168.0.9", "members": {"web": "a"}, "floating_ip": {}}
    found = main({**config, "networks": networks, "servers": {"web": WEB}, "virtual_ips": {"web": virtual_ip}})
    assert {name: each.inputs["pool"] for name, each in found.of_type("FloatingIp").items()} == {
        "web-a.v4": pool,
        "web-address": pool,
    }


def test_a_servers_own_pairs_stand_beside_its_virtual_addresses() -> None:
    port = {"network": "front", "allowed_address_pairs": {"own": {"ip_address": "192.168.0.8"}}}
    virtual_ip = {"network": "front", "subnet": "v4", "ip_address": "192.168.0.9", "members": {"web": "a"}}
    config = {"networks": NETWORKS, "servers": {"web": {**WEB, "ports": {"a": port}}}}
    before, after = main(config), main({**config, "virtual_ips": {"vip": virtual_ip}})
    assert before["Port web-a"].inputs["allowedAddressPairs"] == [{"ipAddress": "192.168.0.8/32"}]
    assert after["Port web-a"].inputs["allowedAddressPairs"] == [{"ipAddress": "192.168.0.8/32"}, {"ipAddress": "192.168.0.9"}]
    assert changed(before, after) == {"Port web-a": {"allowedAddressPairs"}, "Instance web-server": {"metadata"}}
    assert added(before, after) == {"AddressPairs vip", "Port vip-address"}


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"severs": {}}, "severs: there is no such key here. Did you mean servers?"),
        (
            {"servers": {"web": {**WEB, "flavour": "small"}}},
            "servers.web.flavour: there is no such key here. Did you mean flavor?",
        ),
        ({"servers": "{"}, "servers: "),
        ({"servers": {"web": WEB}}, "servers.web.ports.a.network: 'front' is not the key of a network of this stack"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked_for(config: dict[str, Any], error: str) -> None:
    made: list[object] = []
    with pytest.raises(ConfigError) as refused:
        made.append(main(config))
    assert str(refused.value).startswith(error)
    assert made == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("preview", [False, True])
def test_an_example_runs(path: Path, preview: bool) -> None:
    found = deploy(lambda: runpy.run_path(str(path)), preview=preview)
    assert found.of_type("MultiPortInstance")
    assert len(found.of_type("MultiPortInstance")) == len(found.of_type("Instance"))
    assert found.exports
