"""What a preview shows: nothing where nothing changes, and never a wrong value where one is not known yet."""

from typing import Any

import pytest

from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import added, changed
from tests.unit.components.programs import network, server
from tests.unit.components.wire import UNKNOWN

INSTANCE, PARENT = "Instance web-server", "MultiPortInstance web"
DUAL = {"v4": {"cidr": "192.168.0.0/24"}, "v6": {"cidr": "fd00:1::/64"}}


def program(*, front: dict[str, Any] | None = None, ports: dict[str, Any] | None = None, a: dict[str, Any] | None = None) -> None:
    made = network("front", subnets=DUAL, **(front or {})).reference
    given = {"b": {"fixed_ips": {"v4": {"subnet": "v4", "ip_address": "192.168.0.22", "floating_ip": {}}}}, **(ports or {})}
    server(
        ports={
            "a": {"network": made, "floating_ip": {}, **(a or {})},
            **{key: {"network": made, **each} for key, each in given.items()},
        }
    )


def previewed(**changes: Any) -> tuple[Deployment, Deployment]:
    """Return the deployed program, and a preview of the program with changes."""
    standing = deploy(program)
    return standing, deploy(lambda: program(**changes), preview=True, after=standing)


def test_a_second_run_asks_for_the_same() -> None:
    first = deploy(program)
    second = deploy(program, after=first)
    assert len(first.resources) == 16
    assert second.resources == first.resources
    assert second.outputs == first.outputs


def test_a_preview_of_no_change_shows_none() -> None:
    standing, preview = previewed()
    assert preview.resources == standing.resources
    assert preview.outputs == standing.outputs


def test_a_first_preview_guesses_nothing() -> None:
    found = deploy(program, preview=True)
    inputs = found[INSTANCE].inputs
    assert len(found.resources) == 16
    assert (inputs["userData"], inputs["metadata"]) == (UNKNOWN, UNKNOWN)
    assert inputs["networks"] == [{"port": UNKNOWN}, {"port": UNKNOWN}]
    assert found["Port web-b"].inputs["fixedIps"] == [{"subnetId": UNKNOWN, "ipAddress": "192.168.0.22"}]
    # an address from the configuration is known all the same
    assert found["FloatingIpAssociate web-b.v4"].inputs["fixedIp"] == "192.168.0.22"
    assert found["FloatingIpAssociate web-a.v4"].inputs["fixedIp"] is UNKNOWN
    assert found.outputs[PARENT] == dict.fromkeys(
        ("serverId", "ports", "userData", "userDataSha256", "guestUpdatePending", "metadata"), UNKNOWN
    )


def test_a_new_hot_port_is_one_line_of_metadata() -> None:
    standing, preview = previewed(ports={"h": {"hot": True}})
    assert added(standing, preview) == {"Port web-h", "InterfaceAttach web-h"}
    found = changed(standing, preview)
    assert found.pop(INSTANCE) == {"metadata"}
    assert found.pop(PARENT) == {"declared"}
    assert preview[INSTANCE].inputs["metadata"] is UNKNOWN
    # that they wait for one more attachment makes neither port nor address unknown
    assert found == {"FloatingIpAssociate web-a.v4": {"request"}, "FloatingIpAssociate web-b.v4": {"request"}}


MAIN = {"subnet": "v4", "ip_address": "192.168.0.30", "floating_ip": {}}
MORE = {"subnet": "v4", "ip_address": "192.168.0.31"}
SIX = {"subnet": "v6"}


def addressed(fixed_ips: dict[str, Any]) -> None:
    server(ports={"a": {"network": network("front", subnets=DUAL).reference, "fixed_ips": fixed_ips}})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"main": MAIN}, {"main": MAIN, "more": MORE}, ["v4=192.168.0.30/24", "v4=192.168.0.31/24"]),
        ({"main": MAIN, "more": MORE}, {"main": MAIN}, ["v4=192.168.0.30/24"]),
        ({"main": MAIN, "six": SIX}, {"main": MAIN}, ["v4=192.168.0.30/24"]),
        ({"main": MAIN}, {"main": MAIN, "six": SIX}, None),  # Neutron has yet to choose
        ({"six": SIX}, {"main": MAIN, "six": SIX}, ["v4=192.168.0.30/24", "v6=fd00:1::97/64"]),
    ],
)
def test_another_fixed_ip(before: dict[str, Any], after: dict[str, Any], told: list[str] | None) -> None:
    standing = deploy(lambda: addressed(before))
    preview = deploy(lambda: addressed(after), preview=True, after=standing)
    assert (
        changed(standing, preview).items() >= {PARENT: {"declared"}, "Port web-a": {"fixedIps"}, INSTANCE: {"metadata"}}.items()
    )
    assert added(standing, preview) <= {"FloatingIps web", "FloatingIp web-a.main", "FloatingIpAssociate web-a.main"}
    metadata = preview[INSTANCE].inputs["metadata"]
    if told is None:
        assert metadata is UNKNOWN
    else:
        assert [token for token in metadata["multiport.port.a"].split() if token.startswith("v")] == told


def test_what_a_server_waits_for_makes_nothing_of_it_unknown() -> None:
    route = {"lab": {"destination_cidr": "10.9.0.0/16", "next_hop": "192.168.0.9"}}
    standing = deploy(lambda: server(ports={"a": {"network": network().reference, "floating_ip": {}}}))

    def with_route() -> None:
        front = network(subnets={"v4": {"cidr": "192.168.0.0/24", "host_routes": route}})
        server(ports={"a": {"network": front.reference, "floating_ip": {}}})

    preview = deploy(with_route, preview=True, after=standing)
    assert added(standing, preview) == {"SubnetRoute front-v4.lab"}
    assert changed(standing, preview) == {
        "PrivateNetwork front": {"declared"},
        INSTANCE: {"metadata"},
        "FloatingIpAssociate web-a.v4": {"request"},
    }
    told = preview[INSTANCE].inputs["metadata"]["multiport.port.a"]
    assert told.split()[-1] == "route=10.9.0.0/16,192.168.0.9"
    assert preview[INSTANCE].dependencies >= {"SubnetRoute front-v4.lab"}
    assert preview["FloatingIpAssociate web-a.v4"].dependencies >= {"SubnetRoute front-v4.lab"}
