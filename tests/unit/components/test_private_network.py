from typing import Any

import pulumi
import pulumi_openstack as openstack
import pytest

from multiport.components.config_error import ConfigError
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import asked, by_name, tags
from tests.unit.components.programs import network, server
from tests.unit.components.wire import UNKNOWN

DUAL: dict[str, Any] = {
    "mtu": 1300,
    "subnets": {
        "v4": {
            "cidr": "192.168.0.0/24",
            "dns_nameservers": ["192.0.2.53"],
            "host_routes": {"lab": {"destination_cidr": "10.9.0.0/16", "next_hop": "192.168.0.9"}},
        },
        "v6": {"cidr": "fd00:1::/64", "ipv6_ra_mode": "slaac"},
        "bare": {"cidr": "192.168.1.0/24", "no_gateway": True},
    },
    "router": {"external_network": "PUBLICNET", "enable_snat": False},
}
UUID = "0c5d8a9e-6f4b-4f0e-9d3c-1a2b3c4d5e6f"
REFERENCE = ("id", "subnets", "mtu", "routed", "ready")


def of(opts: pulumi.ResourceOptions | None = None, **args: Any) -> Deployment:
    """A deployment of one network, its reference exported."""

    def program() -> None:
        made = network("front", opts, **args)
        for key in REFERENCE:
            pulumi.export(key, made.reference.get(key))
        for key in ("id", "ready"):
            reference: Any = made.reference
            pulumi.export(f"{key}_waits_for", pulumi.Output.from_input(_names(reference[key])))

    return deploy(program)


async def _names(output: pulumi.Output[str]) -> list[str]:
    return sorted(f"{type(each).__name__} {each.pulumi_resource_name}" for each in await output.resources())


def test_every_request_of_a_network_with_everything() -> None:
    parent = "PrivateNetwork front"
    child: dict[str, Any] = {"parent": parent}
    on_network = {"networkId": ["Network front"]}
    timeouts: dict[str, Any] = {"custom_timeouts": {"delete": "3m"}}
    bare_pools = [{"start": "192.168.1.2", "end": "192.168.1.254"}]
    expected = [
        asked(parent, {"declared": DUAL}, hooks={"before_update": ["two-steps-network_faults-front"]}),
        asked(
            "Network front",
            {"name": "test-front", "adminStateUp": True, "mtu": 1300, "portSecurityEnabled": True, "tags": tags("front")},
            **child,
            **timeouts,
        ),
        asked(
            "Subnet front-v4",
            {
                "name": "test-front-v4",
                "networkId": "Network front",
                "cidr": "192.168.0.0/24",
                "ipVersion": 4,
                "gatewayIp": "192.168.0.1",
                "enableDhcp": True,
                "allocationPools": [{"start": "192.168.0.2", "end": "192.168.0.254"}],
                "dnsNameservers": ["192.0.2.53"],
                "tags": tags("front", "v4"),
            },
            depends=on_network,
            **child,
            **timeouts,
        ),
        asked(
            "Subnet front-v6",
            {
                "name": "test-front-v6",
                "networkId": "Network front",
                "cidr": "fd00:1::/64",
                "ipVersion": 6,
                "gatewayIp": "fd00:1::1",
                "enableDhcp": True,
                "allocationPools": [{"start": "fd00:1::2", "end": "fd00:1::ffff:ffff:ffff:ffff"}],
                "dnsNameservers": [],
                "ipv6RaMode": "slaac",
                "ipv6AddressMode": "slaac",
                "tags": tags("front", "v6"),
            },
            depends=on_network,
            **child,
            **timeouts,
        ),
        asked(
            "Subnet front-bare",
            {
                "name": "test-front-bare",
                "networkId": "Network front",
                "cidr": "192.168.1.0/24",
                "ipVersion": 4,
                "noGateway": True,
                "enableDhcp": False,
                "allocationPools": bare_pools,
                "dnsNameservers": [],
                "tags": tags("front", "bare"),
            },
            depends=on_network,
            **child,
            **timeouts,
        ),
        asked(
            "SubnetRoute front-v4.lab",
            {"subnetId": "Subnet front-v4", "destinationCidr": "10.9.0.0/16", "nextHop": "192.168.0.9"},
            depends={"subnetId": ["Subnet front-v4"]},
            **child,
        ),
        asked(
            "Router front-router",
            {
                "name": "test-front",
                "adminStateUp": True,
                "externalNetworkId": "network PUBLICNET",
                "enableSnat": False,
                "tags": tags("front", "router"),
            },
            **child,
        ),
        *(
            asked(
                f"RouterInterface front-{key}",
                {"routerId": "Router front-router", "subnetId": f"Subnet front-{key}"},
                depends={"routerId": ["Router front-router"], "subnetId": [f"Subnet front-{key}"]},
                **child,
            )
            for key in ("v4", "v6")  # a subnet without a gateway gets no interface
        ),
    ]
    found = of(**DUAL)
    assert found.resources == by_name(expected)
    assert [(each.token, each.args) for each in found.calls] == [
        ("openstack:networking/getNetwork:getNetwork", {"name": "PUBLICNET", "external": True})
    ]
    assert found.outputs == {
        parent: {
            "networkId": "Network front",
            "subnetIds": {key: f"Subnet front-{key}" for key in ("v4", "v6", "bare")},
            "mtu": 1300,
            "routerId": "Router front-router",
        }
    }


def test_the_reference_tells_ports_what_they_need() -> None:
    found = of(**DUAL).exports
    assert {key: found[key] for key in REFERENCE} == {
        "id": "Network front",
        "subnets": {
            "v4": {
                "id": "Subnet front-v4",
                "cidr": "192.168.0.0/24",
                "gateway_ip": "192.168.0.1",
                "host_routes": ["10.9.0.0/16,192.168.0.9"],
            },
            "v6": {"id": "Subnet front-v6", "cidr": "fd00:1::/64", "gateway_ip": "fd00:1::1", "host_routes": []},
            "bare": {"id": "Subnet front-bare", "cidr": "192.168.1.0/24", "gateway_ip": "", "host_routes": []},
        },
        "mtu": 1300,
        "routed": True,
        "ready": "Network front",
    }
    subnets = ["Subnet front-bare", "Subnet front-v4", "Subnet front-v6"]
    interfaces = ["RouterInterface front-v4", "RouterInterface front-v6"]
    assert found["id_waits_for"] == ["Network front", *subnets]
    assert found["ready_waits_for"] == ["Network front", *interfaces, *subnets, "SubnetRoute front-v4.lab"]


def test_a_network_without_a_router() -> None:
    found = of(router=None)
    assert sorted(found.resources) == ["Network front", "PrivateNetwork front", "Subnet front-v4"]
    assert found.calls == []
    assert found.exports["routed"] is False
    assert found.exports["ready_waits_for"] == ["Network front", "Subnet front-v4"]
    assert "routerId" not in found.outputs["PrivateNetwork front"]
    assert found["Network front"].inputs.keys() == {"name", "adminStateUp", "portSecurityEnabled", "tags"}
    assert found.outputs["PrivateNetwork front"]["mtu"] == 1442  # as Neutron has it


@pytest.mark.parametrize(
    ("subnet", "inputs"),
    [
        ({}, {"gatewayIp": "192.168.0.1", "noGateway": None, "enableDhcp": True}),
        ({"gateway_ip": "192.168.0.254"}, {"gatewayIp": "192.168.0.254", "noGateway": None}),
        ({"no_gateway": True}, {"gatewayIp": None, "noGateway": True, "enableDhcp": False}),
        ({"no_gateway": True, "enable_dhcp": True}, {"gatewayIp": None, "noGateway": True, "enableDhcp": True}),
        ({"enable_dhcp": False}, {"gatewayIp": "192.168.0.1", "enableDhcp": False}),
        ({"name": "mine"}, {"name": "mine"}),
        (
            {"allocation_pools": [{"start": "192.168.0.50", "end": "192.168.0.60"}]},
            {"allocationPools": [{"start": "192.168.0.50", "end": "192.168.0.60"}]},
        ),
        (
            {"gateway_ip": "192.168.0.100"},
            {
                "allocationPools": [
                    {"start": "192.168.0.2", "end": "192.168.0.99"},
                    {"start": "192.168.0.101", "end": "192.168.0.254"},
                ]
            },
        ),
    ],
    ids=repr,
)
def test_what_a_subnet_is_asked_with(subnet: dict[str, Any], inputs: dict[str, Any]) -> None:
    found = of(router=None, subnets={"v4": {"cidr": "192.168.0.0/24", **subnet}})["Subnet front-v4"].inputs
    assert {key: found.get(key) for key in inputs} == inputs


@pytest.mark.parametrize(
    ("args", "inputs"), [({"name": "mine"}, {"name": "mine"}), ({"port_security_enabled": False}, {"portSecurityEnabled": False})]
)
def test_what_a_network_is_asked_with(args: dict[str, Any], inputs: dict[str, Any]) -> None:
    found = of(**args)["Network front"].inputs
    assert {key: found.get(key) for key in inputs} == inputs


def test_what_a_router_is_asked_with() -> None:
    silent = of()["Router front-router"].inputs
    named = of(router={"external_network": "PUBLICNET", "name": "mine"})["Router front-router"].inputs
    assert "enableSnat" not in silent
    assert (silent["name"], named["name"]) == ("test-front", "mine")


@pytest.mark.parametrize(
    ("existing", "identity", "arguments"),
    [
        ({"name": "storage"}, "network storage", {"name": "storage"}),
        ({"id": UUID}, UUID, {"networkId": UUID}),
    ],
    ids=["name", "id"],
)
@pytest.mark.parametrize("routed", [False, True])
def test_an_existing_network_is_looked_up_and_left_alone(
    existing: dict[str, str], identity: str, arguments: dict[str, str], routed: bool
) -> None:
    subnets = {"v4": {"cidr": "10.60.0.0/24"}, "bare": {"cidr": "10.61.0.0/24"}}
    found = of(existing=existing, subnets=subnets, router={"external_network": "PUBLICNET"} if routed else None)
    assert sorted(found.resources) == ["PrivateNetwork front"]
    ids = {"v4": "subnet 10.60.0.0/24", "bare": "subnet 10.61.0.0/24"}
    assert found.outputs == {"PrivateNetwork front": {"networkId": identity, "subnetIds": ids, "mtu": 1400}}
    assert {key: found.exports[key] for key in REFERENCE} == {
        "id": identity,
        "subnets": {
            "v4": {"id": ids["v4"], "cidr": "10.60.0.0/24", "gateway_ip": "10.60.0.1", "host_routes": []},
            "bare": {"id": ids["bare"], "cidr": "10.61.0.0/24", "gateway_ip": "", "host_routes": []},
        },
        "mtu": 1400,
        "routed": routed,
        "ready": identity,
    }
    calls = [(each.token.rsplit(":", 1)[-1], each.args) for each in found.calls]
    assert calls[0] == ("getNetwork", arguments)
    assert sorted(calls[1:], key=repr) == [
        ("getSubnet", {"networkId": identity, "cidr": cidr}) for cidr in ("10.60.0.0/24", "10.61.0.0/24")
    ]


@pytest.mark.parametrize("preview", [False, True])
def test_what_is_adopted_may_come_from_another_resource(preview: bool) -> None:
    def program() -> None:
        theirs = openstack.networking.Network("theirs", name="theirs")
        subnet = openstack.networking.Subnet("theirs", network_id=theirs.id, cidr="10.70.0.0/24", no_gateway=True)
        options = pulumi.ResourceOptions(depends_on=[subnet])
        adopted = network("front", options, existing={"name": "theirs"}, subnets={"v4": {"cidr": "10.70.0.0/24"}}, router=None)
        server(ports={"a": {"network": adopted.reference}})

    found = deploy(program, preview=preview)
    # a preview of what is not there yet asks nobody for it
    assert [each.token.rsplit(":", 1)[-1] for each in found.calls] == ([] if preview else ["getNetwork", "getSubnet"])
    assert found["Port web-a"].inputs["networkId"] == (UNKNOWN if preview else "Network theirs")
    if not preview:  # the SDK forgets what an unknown answer waits for
        assert found["Port web-a"].dependencies == {"Subnet theirs"}


def test_the_order_of_keys_changes_nothing() -> None:
    backwards = {**DUAL, "subnets": dict(reversed(DUAL["subnets"].items()))}
    assert of(**DUAL).resources == of(**backwards).resources


def test_whole_numbers_may_come_as_floats() -> None:
    assert of(mtu=1400.0)["Network front"].inputs["mtu"] == 1400


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"subnet": {}}, "PrivateNetwork front.subnet: there is no such key here. Did you mean subnets?"),
        ({"mtu": "big"}, "PrivateNetwork front.mtu: "),
        ({"subnets": {"v4": {"cidr": "192.168.0.1/24"}}}, "PrivateNetwork front.subnets.v4.cidr: "),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked_for(args: dict[str, Any], error: str) -> None:
    def program() -> None:
        with pytest.raises(ConfigError) as refused:
            network(**args)
        assert str(refused.value).startswith(error)

    found = deploy(program)
    assert (found.resources, found.calls) == ({}, [])
