from typing import TYPE_CHECKING, Any, cast

import pulumi
import pytest

from multiport.components.config_error import ConfigError
from multiport.components.floating_ips import FloatingIps
from tests.unit.components.deployment import deploy
from tests.unit.components.expected import added, asked, by_name, changed, tags
from tests.unit.components.programs import floating
from tests.unit.components.wire import UNKNOWN

if TYPE_CHECKING:
    from multiport.components.arguments import FloatingIpsArgs

PARENT = "FloatingIps web"
NEW: dict[str, Any] = {"port_id": "port-1", "fixed_ip": "10.60.0.8", "pool": "PUBLICNET", "target": "a.v4"}
ADOPTED: dict[str, Any] = {"port_id": "port-2", "fixed_ip": "10.60.0.9", "address": "203.0.113.50"}


def test_every_request() -> None:
    declared = {"new": {"pool": "PUBLICNET", "target": "a.v4"}, "adopted": {"address": "203.0.113.50"}}
    expected = [
        asked(PARENT, {"declared": declared}, hooks={"before_update": ["two-steps-floating_ip_faults-web"]}),
        asked(
            "FloatingIp web-new", {"pool": "PUBLICNET", "description": "test-web-new", "tags": tags("web", "new")}, parent=PARENT
        ),
        asked(
            "FloatingIpAssociate web-new",
            {"floatingIp": "203.0.113.173", "portId": "port-1", "fixedIp": "10.60.0.8"},
            parent=PARENT,
            depends={"floatingIp": ["FloatingIp web-new"]},
            delete_before_replace=True,
        ),
        asked(
            "FloatingIpAssociate web-adopted",
            {"floatingIp": "203.0.113.50", "portId": "port-2", "fixedIp": "10.60.0.9"},
            parent=PARENT,
            delete_before_replace=True,
        ),
    ]
    found = deploy(lambda: floating(new=NEW, adopted=ADOPTED))
    assert found.resources == by_name(expected)
    assert found.outputs == {PARENT: {"addresses": {"new": "203.0.113.173", "adopted": "203.0.113.50"}}}
    assert found.calls == []


def test_a_floating_ip_is_never_bound_to_a_port_when_it_is_allocated() -> None:
    # the provider never takes a port_id out again
    assert deploy(lambda: floating(new=NEW))["FloatingIp web-new"].inputs.keys() == {"pool", "description", "tags"}


def test_addresses_are_known_once_they_are_associated() -> None:
    assert deploy(lambda: floating(new=NEW), preview=True).outputs[PARENT] == {"addresses": UNKNOWN}


def test_a_floating_ip_keeps_its_address_wherever_it_points() -> None:
    before = deploy(lambda: floating(new=NEW))
    moved = deploy(lambda: floating(new={**NEW, "port_id": "port-3", "fixed_ip": "10.60.0.10", "target": "b.v4"}))
    assert changed(before, moved) == {PARENT: {"declared"}, "FloatingIpAssociate web-new": {"portId", "fixedIp"}}
    assert added(before, moved) == added(moved, before) == set()


def test_one_more_leaves_the_others_alone() -> None:
    before, after = deploy(lambda: floating(new=NEW)), deploy(lambda: floating(adopted=ADOPTED, new=NEW))
    assert changed(before, after) == {PARENT: {"declared"}}
    assert added(before, after) == {"FloatingIpAssociate web-adopted"}


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({**NEW, "address": "203.0.113.50"}, "pool allocates a floating IP, and address adopts one"),
        ({"port_id": "p", "fixed_ip": "10.60.0.8"}, "it names neither pool nor address"),
        ({**NEW, "fixed_ip": "fd00::1"}, "fixed_ip: fd00::1 is IPv6"),
        ({**NEW, "port": "p"}, "port: there is no such key here"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked_for(entry: dict[str, Any], error: str) -> None:
    def program() -> None:
        with pytest.raises(ConfigError) as refused:
            FloatingIps("web", cast("FloatingIpsArgs", {"addresses": {"new": entry}}))
        assert "FloatingIps web.addresses.new" in str(refused.value)
        assert error in str(refused.value)

    assert deploy(program).resources == {}


def test_ports_and_addresses_may_be_outputs() -> None:
    def program() -> None:
        later = {key: pulumi.Output.from_input(NEW[key]) for key in ("port_id", "fixed_ip")}
        floating(new={**NEW, **later})

    assert deploy(program).resources == deploy(lambda: floating(new=NEW)).resources
