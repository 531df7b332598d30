from typing import TYPE_CHECKING, Any, cast

import pulumi
import pytest

from multiport.components.address_pairs import AddressPairs
from multiport.components.config_error import ConfigError
from tests.unit.components.deployment import deploy
from tests.unit.components.expected import asked, by_name, tags
from tests.unit.components.programs import FRONT, OUTSIDE, floating, network, server

if TYPE_CHECKING:
    from multiport.components.arguments import AddressPairsArgs

PARENT = "AddressPairs shared"
ONE = {"subnet": "v4", "ip_address": "192.168.0.200"}
HERE = {"one": {"subnet": "v4", "ip_address": "10.60.0.200"}}
TWO = {"subnet": "v4", "ip_address": "192.168.0.201"}


def pairs(reference: Any, **args: Any) -> AddressPairs:
    return AddressPairs("shared", cast("AddressPairsArgs", {"network": reference, "virtual_ips": {"one": ONE}, **args}))


def test_every_request() -> None:
    found = deploy(lambda: pairs(network().reference, virtual_ips={"one": ONE, "two": TWO}, security_group_ids=["group"]))
    declared = {
        key: {"cidr": "192.168.0.0/24", "ip_address": each["ip_address"], "floating_ip": False}
        for key, each in (("one", ONE), ("two", TWO))
    }
    expected = [
        asked(
            PARENT,
            {"virtualIps": {"one": ONE, "two": TWO}, "declared": declared},
            hooks={"before_update": ["two-steps-virtual_ip_faults-shared"]},
        ),
        *(
            asked(
                f"Port shared-{key}",
                {
                    "name": f"test-shared-{key}",
                    "networkId": "Network front",
                    "adminStateUp": True,
                    "fixedIps": [{"subnetId": "Subnet front-v4", "ipAddress": address}],
                    "securityGroupIds": ["group"],
                    "portSecurityEnabled": True,
                    "tags": tags("shared", key),
                },
                parent=PARENT,
                depends={"networkId": ["Network front", "Subnet front-v4"], "fixedIps": ["Subnet front-v4"]},
            )
            for key, address in (("one", "192.168.0.200"), ("two", "192.168.0.201"))
        ),
    ]
    ours = {called: each for called, each in found.resources.items() if "shared" in called}
    assert ours == by_name(expected)
    assert found.outputs[PARENT] == {
        "portIds": {"one": "Port shared-one", "two": "Port shared-two"},
        "addresses": {"one": "192.168.0.200", "two": "192.168.0.201"},
    }


def test_members_get_the_bare_address_after_the_port_that_reserves_it() -> None:
    def program() -> None:
        front = network()
        shared = pairs(front.reference)
        for name in ("left", "right"):
            pair = shared.pair("one", holder=name == "left")
            server(name, ports={"a": {"network": front.reference, "allowed_address_pairs": {"shared": pair}}})

    found = deploy(program)
    for name in ("left", "right"):
        port = found[f"Port {name}-a"]
        assert port.inputs["allowedAddressPairs"] == [{"ipAddress": "192.168.0.200"}]
        assert port.property_dependencies["allowedAddressPairs"] == {"Port shared-one"}
    told = {name: found[f"Instance {name}-server"].inputs["metadata"]["multiport.port.a"].split() for name in ("left", "right")}
    assert "vip=192.168.0.200/24" in told["left"]
    assert "pair=192.168.0.200/24" in told["right"]
    assert not [token for token in told["right"] if token.startswith("vip=")]
    assert not [token for token in told["left"] if token.startswith("pair=")]


def test_members_are_told_in_a_preview_too() -> None:
    def program() -> None:
        server(ports={"a": {"network": FRONT, "allowed_address_pairs": {"shared": pairs(FRONT, virtual_ips=HERE).pair("one")}}})

    pair = deploy(program, preview=True)["Port web-a"].inputs["allowedAddressPairs"]
    assert pair == [{"ipAddress": "10.60.0.200"}]


@pytest.mark.parametrize(
    ("asked_for", "target"),
    [
        ({"pool": "PUBLICNET"}, {"pool": "PUBLICNET"}),
        ({"address": "203.0.113.50"}, {"address": "203.0.113.50"}),
        ({"pool": "PUBLICNET", "address": "203.0.113.50"}, {"address": "203.0.113.50"}),
        ({}, {}),
    ],
)
def test_where_a_floating_ip_of_a_virtual_address_comes_from(asked_for: Any, target: dict[str, str]) -> None:
    def program() -> None:
        found = pairs(FRONT, virtual_ips=HERE).floating_ip_target("one", asked_for)
        plain = {key: value for key, value in found.items() if key != "port_id"}
        assert plain == {"fixed_ip": "10.60.0.200", "target": "one", **target}
        pulumi.export("port_id", found["port_id"])

    assert deploy(program).exports == {"port_id": "Port shared-one"}


def test_a_floating_ip_of_a_virtual_address_waits_for_the_router() -> None:
    def program() -> None:
        floating("shared", one=pairs(network().reference).floating_ip_target("one", {"pool": "PUBLICNET"}))

    association = deploy(program)["FloatingIpAssociate shared-one"]
    assert association.inputs == {"floatingIp": "203.0.113.146", "portId": "Port shared-one", "fixedIp": "192.168.0.200"}
    assert association.property_dependencies == {
        "floatingIp": {"FloatingIp shared-one"},
        "portId": {"Port shared-one", "Network front", "Subnet front-v4", "RouterInterface front-v4"},
    }


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"virtual_ips": {"one": {"subnet": "v5", "ip_address": "10.60.0.200"}}}, "virtual_ips.one.subnet: "),
        ({"virtual_ips": {"one": {"subnet": "v4", "ip_address": "10.99.0.1"}}}, "virtual_ips.one.ip_address: "),
        ({"virtual_ips": {"one": {"subnet": "v4"}}}, "virtual_ips.one.ip_address: it is missing"),
        ({"network": OUTSIDE}, "network: on an external network a tenant may not choose an address"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked_for(args: dict[str, Any], error: str) -> None:
    def program() -> None:
        with pytest.raises(ConfigError) as refused:
            pairs(FRONT, **args)
        assert str(refused.value).startswith(f"AddressPairs shared.{error}")

    assert deploy(program).resources == {}
