"""What a server and its ports are asked for with."""

from typing import Any

import pulumi
import pytest
import yaml

from multiport.components.config_error import ConfigError
from multiport.components.network_ref import external_network
from multiport.guest.files import PLAN_PATH
from multiport.guest.slots import derived_slot
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import asked, by_name, tags
from tests.unit.components.programs import BACK, FRONT, OUTSIDE, SUBNET, network, server

UUID = "0c5d8a9e-6f4b-4f0e-9d3c-1a2b3c4d5e6f"
PARENT = "MultiPortInstance web"
NESTED = "FloatingIps web"
LOOK_UP = "look-up-multiport:index:MultiPortInstance-web"
MACS = {"a": "fa:16:3e:53:03:82", "b": "fa:16:3e:c3:f5:a8", "h": "fa:16:3e:34:50:3d"}


def of(**args: Any) -> Deployment:
    return deploy(lambda: server(**args))


def everything() -> None:
    """Two boot ports on a routed network, one directly outside, one hot on a network without a gateway."""
    front = network("front", subnets={"v4": {"cidr": "192.168.0.0/24"}, "v6": {"cidr": "fd00:1::/64"}})
    back = network(
        "back",
        router=None,
        subnets={
            "v4": {
                "cidr": "192.168.9.0/24",
                "no_gateway": True,
                "host_routes": {"lab": {"destination_cidr": "10.9.0.0/16", "next_hop": "192.168.9.9"}},
            }
        },
    )
    server(
        ports={
            "b": {
                "network": front.reference,
                "fixed_ips": {
                    "second": {"subnet": "v4", "ip_address": "192.168.0.22", "floating_ip": {"address": "203.0.113.50"}},
                    "first": {"subnet": "v4", "ip_address": "192.168.0.21"},
                },
                "security_group_ids": ["own"],
                "allowed_address_pairs": {"z": {"ip_address": "192.168.0.77"}, "range": {"ip_address": "192.168.0.128/25"}},
            },
            "a": {"network": front.reference, "floating_ip": {}},
            "edge": {"network": external_network("PUBLICNET")},
            "h": {"network": back.reference, "hot": True},
        },
        security_group_ids=["shared"],
        primary_port="b",
    )


FRONT_READY = ["Network front", "Subnet front-v4", "Subnet front-v6"]
INTERFACES = ["RouterInterface front-v4", "RouterInterface front-v6"]
BACK_READY = ["Network back", "Subnet back-v4"]
SERVERS = ["Instance web-server", "InterfaceAttach web-h"]


def port(key: str, inputs: dict[str, Any], depends: dict[str, list[str]]) -> Any:
    common = {"name": f"test-web-{key}", "adminStateUp": True, "tags": tags("web", key), "allowedAddressPairs": []}
    return asked(f"Port web-{key}", {**common, **inputs}, parent=PARENT, depends=depends, delete_before_replace=True)


def test_every_request() -> None:
    found = deploy(everything)
    v4 = {"cidr": "192.168.0.0/24"}
    declared = {
        "a": {"fixed_ips": {"v4": {**v4, "floating_ip": True}, "v6": {"cidr": "fd00:1::/64"}}},
        "b": {
            "fixed_ips": {
                "first": {**v4, "ip_address": "192.168.0.21"},
                "second": {**v4, "ip_address": "192.168.0.22", "floating_ip": True},
            }
        },
        "h": {"hot": True, "fixed_ips": {"v4": {"cidr": "192.168.9.0/24"}}},
        "edge": {"fixed_ips": {}},
    }
    metadata = {
        "multiport.port.a": f"slot=366 mac={MACS['a']} mtu=1442"
        " v4=192.168.0.151/24 gw4=192.168.0.1 v6=fd00:1::97/64 gw6=fd00:1::1",
        "multiport.port.b": f"slot=343 mac={MACS['b']} mtu=1442 v4=192.168.0.21/24 v4=192.168.0.22/24 gw4=192.168.0.1",
        "multiport.port.h": f"slot=230 mac={MACS['h']} mtu=1442 hot v4=192.168.9.192/24 route=10.9.0.0/16,192.168.9.9",
        "multiport.port.edge": f"slot={derived_slot('edge')} mac={found_mac(found, 'edge')}",
    }
    ports = ["Port web-b", "Port web-a", "Port web-edge"]
    expected = [
        asked(PARENT, {"declared": declared}, hooks={"before_update": ["two-steps-port_faults-web"]}),
        port(
            "a",
            {
                "networkId": "Network front",
                "fixedIps": [{"subnetId": "Subnet front-v4"}, {"subnetId": "Subnet front-v6"}],
                "portSecurityEnabled": True,
                "securityGroupIds": ["shared"],
            },
            {"networkId": FRONT_READY, "fixedIps": FRONT_READY[1:]},
        ),
        port(
            "b",
            {
                "networkId": "Network front",
                "fixedIps": [
                    {"subnetId": "Subnet front-v4", "ipAddress": "192.168.0.21"},
                    {"subnetId": "Subnet front-v4", "ipAddress": "192.168.0.22"},
                ],
                "portSecurityEnabled": True,
                "securityGroupIds": ["own"],
                "allowedAddressPairs": [{"ipAddress": "192.168.0.128/25"}, {"ipAddress": "192.168.0.77/32"}],
            },
            {"networkId": FRONT_READY, "fixedIps": ["Subnet front-v4"]},
        ),
        port("edge", {"networkId": "network PUBLICNET", "securityGroupIds": ["shared"]}, {}),
        port(
            "h",
            {
                "networkId": "Network back",
                "fixedIps": [{"subnetId": "Subnet back-v4"}],
                "portSecurityEnabled": True,
                "securityGroupIds": ["shared"],
            },
            {"networkId": BACK_READY, "fixedIps": ["Subnet back-v4"]},
        ),
        asked(
            "Instance web-server",
            {
                "name": "test-web",
                "flavorName": "small",
                "imageName": "Debian-12",
                "networks": [{"port": each} for each in ports],
                "configDrive": True,
                "userData": found["Instance web-server"].inputs["userData"],
                "metadata": metadata,
                "tags": sorted(tags("web")),
            },
            parent=PARENT,
            depends={
                "networks": ports,
                "userData": ports,
                "metadata": [*ports, "Port web-h", *FRONT_READY, *INTERFACES, *BACK_READY, "SubnetRoute back-v4.lab"],
            },
            delete_before_replace=True,
            additional_secret_outputs=["adminPass"],
            hooks={"before_create": [LOOK_UP], "before_update": [LOOK_UP]},
        ),
        asked(
            "InterfaceAttach web-h",
            {"instanceId": "Instance web-server", "portId": "Port web-h"},
            parent=PARENT,
            depends={"instanceId": ["Instance web-server"], "portId": ["Port web-h"]},
        ),
        asked(
            NESTED,
            {
                "declared": {
                    "a.v4": {"pool": "PUBLICNET", "target": "a.v4"},
                    "b.second": {"address": "203.0.113.50", "target": "b.second"},
                }
            },
            parent=PARENT,
            hooks={"before_update": ["two-steps-floating_ip_faults-multiport:index:MultiPortInstance-web-web"]},
        ),
        asked(
            "FloatingIp web-a.v4",
            {"pool": "PUBLICNET", "description": "test-web-a.v4", "tags": tags("web", "a.v4")},
            parent=NESTED,
        ),
        asked(
            "FloatingIpAssociate web-a.v4",
            {"floatingIp": "203.0.113.176", "portId": "Port web-a", "fixedIp": "192.168.0.151"},
            parent=NESTED,
            depends={
                "floatingIp": ["FloatingIp web-a.v4"],
                "fixedIp": ["Port web-a"],
                "portId": ["Port web-a", *FRONT_READY, *INTERFACES, *SERVERS],
            },
            delete_before_replace=True,
        ),
        asked(
            "FloatingIpAssociate web-b.second",
            {"floatingIp": "203.0.113.50", "portId": "Port web-b", "fixedIp": "192.168.0.22"},
            parent=NESTED,
            depends={"fixedIp": ["Port web-b"], "portId": ["Port web-b", *FRONT_READY, *INTERFACES, *SERVERS]},
            delete_before_replace=True,
        ),
    ]
    ours = {called: each for called, each in found.resources.items() if " web" in called}
    assert ours == by_name(expected)


def found_mac(found: Deployment, key: str) -> str:
    return str(found.outputs[PARENT]["ports"][key]["mac_address"])


def test_what_became_of_it() -> None:
    found = deploy(everything)
    instance = found["Instance web-server"].inputs
    slots = {"a": 366, "b": 343, "h": 230, "edge": derived_slot("edge")}
    addresses = {
        "a": {"v4": "192.168.0.151", "v6": "fd00:1::97"},
        "b": {"first": "192.168.0.21", "second": "192.168.0.22"},
        "h": {"v4": "192.168.9.192"},
        "edge": {"0": "203.0.113.7"},
    }
    floating_ips = {"a": {"v4": "203.0.113.176"}, "b": {"second": "203.0.113.50"}}
    digest = found.outputs[PARENT].pop("userDataSha256")
    assert len(digest) == 64
    assert found.outputs[PARENT] == {
        "serverId": "Instance web-server",
        "userData": instance["userData"],
        "guestUpdatePending": False,
        "metadata": instance["metadata"],
        "ports": {
            key: {
                "port_id": f"Port web-{key}",
                "mac_address": found_mac(found, key),
                "fixed_ips": addresses[key],
                "floating_ips": floating_ips.get(key, {}),
                "slot": slot,
                "table": 21000 + slot,
                "priority": 21000 + 16 * slot,
            }
            for key, slot in slots.items()
        },
    }


def test_the_plan_in_user_data_names_the_boot_ports() -> None:
    found = deploy(everything)
    files = yaml.safe_load(found["Instance web-server"].inputs["userData"])["write_files"]
    [text] = [each["content"] for each in files if each["path"] == PLAN_PATH]
    told = [line for line in text.splitlines() if "fa:16:3e" in line]
    assert len(told) == 3
    for key in ("a", "b", "edge"):
        assert [line for line in told if found_mac(found, key) in line and ("primary" in line) == (key == "b")], key


@pytest.mark.parametrize(
    ("args", "inputs"),
    [
        ({}, {"flavorName": "small", "imageName": "Debian-12", "imageId": None, "configDrive": True, "keyPair": None}),
        ({"name": "mine"}, {"name": "mine"}),
        ({"image": None, "image_id": UUID}, {"imageName": None, "imageId": UUID}),
        ({"key_pair": "me"}, {"keyPair": "me"}),
        ({"availability_zone": "az1"}, {"availabilityZone": "az1"}),
        ({"server_group_id": UUID}, {"schedulerHints": [{"group": UUID}]}),
        ({"config_drive": False}, {"configDrive": False}),
        ({"tags": ["zeta", "alpha"]}, {"tags": sorted([*tags("web"), "alpha", "zeta"])}),
        (
            {"boot_volume": {"size": 20}},
            {
                "imageName": None,
                "imageId": None,
                "blockDevices": [
                    {
                        "uuid": "image Debian-12",
                        "sourceType": "image",
                        "destinationType": "volume",
                        "bootIndex": 0,
                        "volumeSize": 20,
                        "deleteOnTermination": True,
                    }
                ],
            },
        ),
        (
            {
                "image": None,
                "image_id": UUID,
                "boot_volume": {"size": 1, "volume_type": "fast", "delete_on_termination": False},
            },
            {
                "imageName": None,
                "imageId": None,
                "blockDevices": [
                    {
                        "uuid": UUID,
                        "sourceType": "image",
                        "destinationType": "volume",
                        "bootIndex": 0,
                        "volumeSize": 1,
                        "volumeType": "fast",
                        "deleteOnTermination": False,
                    }
                ],
            },
        ),
    ],
    ids=repr,
)
def test_what_a_server_is_asked_with(args: dict[str, Any], inputs: dict[str, Any]) -> None:
    found = of(**args)["Instance web-server"].inputs
    assert {key: found.get(key) for key in inputs} == inputs


def test_an_image_is_looked_up_only_to_make_a_volume_of_it() -> None:
    assert of().calls == []
    assert of(image=None, image_id=UUID, boot_volume={"size": 1}).calls == []
    [call] = of(boot_volume={"size": 1}).calls
    assert (call.token, call.args) == ("openstack:images/getImage:getImage", {"name": "Debian-12", "mostRecent": True})


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ({}, {"securityGroupIds": ["shared"], "portSecurityEnabled": True, "noSecurityGroups": None, "macAddress": None}),
        ({"security_group_ids": ["own"]}, {"securityGroupIds": ["own"]}),
        (
            {"port_security_enabled": False},
            {"securityGroupIds": None, "portSecurityEnabled": False, "noSecurityGroups": True, "allowedAddressPairs": []},
        ),
        ({"mac_address": "fa:16:3e:00:00:01"}, {"macAddress": "fa:16:3e:00:00:01"}),
        ({"name": "mine"}, {"name": "mine", "description": None}),
        ({"description": "uplink of rack 7"}, {"description": "uplink of rack 7"}),
        ({"network": BACK}, {"networkId": "net-back", "fixedIps": [{"subnetId": "subnet 10.61.0.0/24"}]}),
        ({"network": {"id": "net-unknown"}}, {"networkId": "net-unknown", "fixedIps": [], "portSecurityEnabled": True}),
        # the form of a pair decides its meaning on OVN
        ({"allowed_address_pairs": {"x": {"ip_address": "10.60.0.9"}}}, {"allowedAddressPairs": [{"ipAddress": "10.60.0.9/32"}]}),
        ({"allowed_address_pairs": {"x": {"ip_address": "fd00::9"}}}, {"allowedAddressPairs": [{"ipAddress": "fd00::9/128"}]}),
        (
            {"allowed_address_pairs": {"x": {"ip_address": "10.60.0.9", "virtual": True}}},
            {"allowedAddressPairs": [{"ipAddress": "10.60.0.9"}]},
        ),
    ],
    ids=repr,
)
def test_what_a_port_is_asked_with(given: dict[str, Any], inputs: dict[str, Any]) -> None:
    found = of(ports={"a": {"network": FRONT, **given}}, security_group_ids=["shared"])["Port web-a"].inputs
    assert {key: found.get(key) for key in inputs} == inputs


def test_the_projects_default_group_is_left_to_neutron() -> None:
    assert "securityGroupIds" not in of()["Port web-a"].inputs


def test_a_port_outside_sets_only_what_a_tenant_may_set() -> None:
    ports = {"a": {"network": OUTSIDE, "name": "mine", "description": "uplink"}}
    given = of(ports=ports, security_group_ids=["shared"])["Port web-a"].inputs
    assert {key: value for key, value in given.items() if value != []} == {
        "name": "mine",
        "description": "uplink",
        "networkId": "net-outside",
        "adminStateUp": True,
        "securityGroupIds": ["shared"],
        "tags": tags("web", "a"),
    }


def test_hot_ports_are_no_networks_of_the_server() -> None:
    ports = {"a": {"network": FRONT}, "h": {"network": FRONT, "hot": True}, "g": {"network": BACK, "hot": True}}
    found = of(ports=ports)
    assert found["Instance web-server"].inputs["networks"] == [{"port": "Port web-a"}]
    assert found.of_type("InterfaceAttach").keys() == {"web-h", "web-g"}
    assert MACS["h"] not in found["Instance web-server"].inputs["userData"]


@pytest.mark.parametrize(
    ("asked_for", "inputs"),
    [
        ({}, {"pool": "PUBLICNET"}),
        ({"pool": "OTHERNET"}, {"pool": "OTHERNET"}),
        ({"key": "www"}, {"pool": "PUBLICNET", "description": "test-web-www"}),
    ],
)
def test_where_a_floating_ip_comes_from(asked_for: dict[str, str], inputs: dict[str, str]) -> None:
    [found] = of(ports={"a": {"network": FRONT, "floating_ip": asked_for}}).of_type("FloatingIp").values()
    assert {key: found.inputs[key] for key in inputs} == inputs


def test_the_servers_external_network_is_the_default_pool() -> None:
    ports = {"a": {"network": FRONT, "floating_ip": {}}}
    [found] = of(ports=ports, external_network="OTHERNET").of_type("FloatingIp").values()
    assert found.inputs["pool"] == "OTHERNET"


def test_a_server_without_floating_ips_has_no_component_for_them() -> None:
    assert of().of_type("FloatingIps") == {}


@pytest.mark.parametrize(
    ("cloud_config", "inputs"),
    [(None, {}), ("#cloud-config\npackages: [tcpdump]\n", {"userData": "#cloud-config\npackages: [tcpdump]\n"})],
)
def test_return_path_none_installs_nothing(cloud_config: str | None, inputs: dict[str, str]) -> None:
    ports = {"a": {"network": FRONT}, "h": {"network": FRONT, "hot": True}}
    found = of(ports=ports, return_path="none", cloud_config=cloud_config, metadata={"role": "web"})
    instance = found["Instance web-server"].inputs
    assert {key: instance[key] for key in ("userData",) if key in instance} == inputs
    assert instance["metadata"] == {"role": "web"}
    assert found.outputs[PARENT]["guestUpdatePending"] is False
    assert found.outputs[PARENT]["ports"]["a"]["table"] == 21366


@pytest.mark.parametrize(
    ("routing", "options"),
    [
        ({}, None),
        ({"connmark": False}, None),
        ({"connmark": True, "forward": True, "table_names": True}, "connmark forward table_names"),
        ({"echo_url": "http://203.0.113.1/ip"}, "echo=http://203.0.113.1/ip"),
    ],
)
def test_options_reach_the_guest_through_metadata(routing: dict[str, Any], options: str | None) -> None:
    plain, found = of()["Instance web-server"].inputs, of(routing=routing, metadata={"role": "web"})["Instance web-server"].inputs
    assert found["metadata"].get("multiport.options") == options
    assert found["metadata"]["role"] == "web"
    assert found["userData"] == plain["userData"]


def test_the_users_cloud_config_is_merged() -> None:
    found = yaml.safe_load(of(cloud_config="#cloud-config\npackages: [tcpdump]\n")["Instance web-server"].inputs["userData"])
    assert found["packages"] == ["tcpdump"]
    assert PLAN_PATH in [each["path"] for each in found["write_files"]]


@pytest.mark.parametrize("address", ["10.60.0.9", "10.60.0.9/32"])
@pytest.mark.parametrize("reference", [FRONT, BACK])
def test_a_holder_is_told_its_address_with_the_subnets_prefix(address: str, reference: Any) -> None:
    ports = {"a": {"network": reference, "allowed_address_pairs": {"x": {"ip_address": address, "holder": True}}}}
    told = of(ports=ports)["Instance web-server"].inputs["metadata"]["multiport.port.a"]
    assert told.split()[-1] == ("vip=10.60.0.9/24" if reference is FRONT else "vip=10.60.0.9/32")


def test_outputs_may_stand_where_values_are() -> None:
    def program() -> None:
        def output(text: str) -> Any:
            return pulumi.Output.from_input(text)

        reference = {
            **FRONT,
            "id": output("net-front"),
            "mtu": output("1400").apply(int),
            "subnets": {"v4": {"id": output("subnet 10.60.0.0/24"), "cidr": SUBNET, "gateway_ip": output("10.60.0.1")}},
        }
        groups = [output("group")]
        server(
            ports={"a": {"network": reference, "security_group_ids": groups}},
            flavor=output("small"),
            image=output("Debian-12"),
            key_pair=output("me"),
            server_group_id=output(UUID),
            cloud_config=output("#cloud-config\n"),
        )

    ports = {"a": {"network": FRONT, "security_group_ids": ["group"]}}
    assert (
        deploy(program).resources
        == of(ports=ports, key_pair="me", server_group_id=UUID, cloud_config="#cloud-config\n").resources
    )


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"ports": {"a": {"network": FRONT, "flaoting_ip": {}}}}, "ports.a.flaoting_ip: there is no such key"),
        ({"ports": {"h": {"network": FRONT, "hot": True}}}, "ports: there is no boot port"),
        ({"ports": {"a": {"network": FRONT, "slot": 7}, "b": {"network": FRONT, "slot": 7}}}, "ports.b.slot: 7 is the slot"),
        ({"ports": {"a": {"network": OUTSIDE, "mac_address": "fa:16:3e:00:00:01"}}}, "ports.a.mac_address: "),
        ({"ports": {"a": {"network": BACK, "floating_ip": {}}}}, "ports.a.floating_ip: "),
        ({"ports": {"a": {"network": {"id": "n", "routed": True}, "floating_ip": {}}}}, "ports.a.floating_ip: "),
        ({"cloud_config": "#cloud-config\nfinal_message: " + "x" * 60000}, "cloud_config: "),
        ({"image": None}, "image: neither image nor image_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nonsense_is_refused_before_anything_is_asked_for(args: dict[str, Any], error: str) -> None:
    def program() -> None:
        with pytest.raises(ConfigError) as refused:
            server(**args)
        assert str(refused.value).startswith(f"{PARENT}.{error}")

    found = deploy(program)
    assert (found.resources, found.calls) == ({}, [])
