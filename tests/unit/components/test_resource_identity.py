"""A port is its key: its place, its display name and its siblings change nothing of it."""

from functools import cache
from itertools import permutations
from typing import Any

import pytest

from multiport.guest.slots import derived_slot
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import added, changed
from tests.unit.components.programs import BACK, FRONT, OUTSIDE, server

INSTANCE, PARENT = "Instance web-server", "MultiPortInstance web"
FLOATING = "FloatingIps web"

PORTS: dict[str, dict[str, Any]] = {
    "k": {"network": FRONT, "floating_ip": {}},
    "m": {
        "network": FRONT,
        "fixed_ips": {
            "one": {"subnet": "v4", "ip_address": "10.60.0.21", "floating_ip": {}},
            "two": {"subnet": "v4", "ip_address": "10.60.0.22"},
        },
        "allowed_address_pairs": {"x": {"ip_address": "10.60.0.71"}, "y": {"ip_address": "10.60.0.72"}},
    },
    "t": {"network": BACK, "hot": True},
}


def of(ports: dict[str, Any] | None = None, before: Deployment | None = None, **args: Any) -> Deployment:
    return deploy(lambda: server(ports=PORTS if ports is None else ports, **args), after=before)


@cache
def standing(primary: str | None = None) -> Deployment:
    """The server as it stands."""
    return of(primary_port=primary)


def reversed_deeply(value: Any) -> Any:
    return {key: reversed_deeply(each) for key, each in reversed(value.items())} if isinstance(value, dict) else value


@pytest.mark.parametrize("order", list(permutations(PORTS)), ids="".join)
def test_the_order_of_ports_changes_nothing(order: tuple[str, ...]) -> None:
    assert of({key: PORTS[key] for key in order}).resources == standing().resources


def test_the_order_of_anything_in_a_port_changes_nothing() -> None:
    assert of(reversed_deeply(PORTS)).resources == standing().resources


@pytest.mark.parametrize("key", ["a", "l", "z"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("new", [{"network": FRONT}, {"network": BACK}, {"network": OUTSIDE}], ids=["front", "back", "outside"])
def test_another_boot_port_touches_no_sibling(key: str, first: bool, new: dict[str, Any]) -> None:
    before = standing("k")
    after = of({key: new, **PORTS} if first else {**PORTS, key: new}, primary_port="k")
    assert changed(before, after) == {PARENT: {"declared"}, INSTANCE: {"networks", "userData", "metadata"}}
    assert added(before, after) == {f"Port web-{key}"}
    assert added(after, before) == set()


@pytest.mark.parametrize("key", ["a", "l", "z"])
@pytest.mark.parametrize("first", [True, False])
def test_another_hot_port_touches_no_sibling_and_never_replaces_the_server(key: str, first: bool) -> None:
    new = {key: {"network": BACK, "hot": True}}
    before, after = standing(), of({**new, **PORTS} if first else {**PORTS, **new})
    associations = set(after.of_type("FloatingIpAssociate"))
    assert changed(before, after) == {
        PARENT: {"declared"},
        INSTANCE: {"metadata"},
        **{f"FloatingIpAssociate {name}": {"request"} for name in associations},  # it waits for one more attachment
    }
    assert len(associations) == 2
    assert added(before, after) == {f"Port web-{key}", f"InterfaceAttach web-{key}"}


def test_what_may_change_on_a_living_server_never_replaces_it() -> None:
    before = standing()
    second = {"two": {"subnet": "v4", "ip_address": "10.60.0.99"}}
    changes: dict[str, tuple[dict[str, Any], dict[str, set[str]]]] = {
        "fixed IP": (
            {"fixed_ips": {**PORTS["m"]["fixed_ips"], **second}},
            {PARENT: {"declared"}, INSTANCE: {"metadata"}, "Port web-m": {"fixedIps"}},
        ),
        "pair": ({"allowed_address_pairs": {}}, {"Port web-m": {"allowedAddressPairs"}}),
        "held address": (
            {"allowed_address_pairs": {"x": {"ip_address": "10.60.0.71", "virtual": True, "holder": True}}},
            {INSTANCE: {"metadata"}, "Port web-m": {"allowedAddressPairs"}},
        ),
        "security group": ({"security_group_ids": ["other"]}, {"Port web-m": {"securityGroupIds"}}),
        "port security": (
            {"port_security_enabled": False, "allowed_address_pairs": {}},
            {"Port web-m": {"portSecurityEnabled", "noSecurityGroups", "allowedAddressPairs"}},
        ),
        "network's MTU": ({"network": {**FRONT, "mtu": 9000}}, {INSTANCE: {"metadata"}}),
    }
    for what, (change, expected) in changes.items():
        after = of({**PORTS, "m": {**PORTS["m"], **change}})
        assert changed(before, after) == expected, what
        assert added(before, after) == added(after, before) == set(), what


@pytest.mark.parametrize("key", ["m", "t"])
def test_a_display_name_changes_only_the_name(key: str) -> None:
    before, after = standing(), of({**PORTS, key: {**PORTS[key], "name": "shown"}})
    assert changed(before, after) == {PARENT: {"declared"}, f"Port web-{key}": {"name"}}
    assert after[f"Port web-{key}"].inputs["name"] == "shown"
    assert added(before, after) == set()


def test_a_servers_display_name_changes_only_its_name() -> None:
    assert changed(standing(), of(name="shown")) == {INSTANCE: {"name"}}


@pytest.mark.parametrize("new", ["a", "n", "z"])
@pytest.mark.parametrize("old", ["k", "m"])
@pytest.mark.parametrize("primary", [None, "k", "m"])
def test_a_renamed_boot_port_keeps_port_slot_and_server(old: str, new: str, primary: str | None) -> None:
    def called(key: str | None) -> str | None:
        return new if key == old else key

    before = standing(primary)
    ports = {str(called(key)): {**port, **({"formerly": [old]} if key == old else {})} for key, port in PORTS.items()}
    after = of(ports, before, primary_port=called(primary))
    assert added(before, after) == {f"Port web-{new}"}
    assert added(after, before) == {f"Port web-{old}"}
    assert after[f"Port web-{new}"].options["aliases"] == [f"web-{old}"]
    assert same_names(before, after, old, new)[INSTANCE] == {"metadata"}
    assert state(after, new) == state(before, old)


def same_names(before: Deployment, after: Deployment, old: str, new: str) -> dict[str, set[str]]:
    """What differs but for the port's own new name, which an alias makes the old one."""
    found = changed(before, after)
    for called in [each for each in found if found[each] >= {"networks"}]:
        networks = [each["port"] for each in after[called].inputs["networks"]]
        assert networks == [each["port"].replace(f"web-{old}", f"web-{new}") for each in before[called].inputs["networks"]]
        found[called] -= {"networks"}
    return found


def state(found: Deployment, key: str) -> dict[str, Any]:
    port = found.outputs[PARENT]["ports"][key]
    return {field: port[field] for field in ("slot", "table", "priority")}


def test_a_renamed_hot_port_keeps_its_attachment() -> None:
    after = of({"k": PORTS["k"], "m": PORTS["m"], "u": {**PORTS["t"], "formerly": ["r", "t"]}})
    for called in ("Port web-u", "InterfaceAttach web-u"):
        assert after[called].options["aliases"] == ["web-r", "web-t"]
    assert state(after, "u")["slot"] == derived_slot("r")


def test_a_port_that_was_never_renamed_has_no_alias() -> None:
    assert [called for called, each in standing().resources.items() if "aliases" in each.options] == []


def test_a_renamed_port_keeps_its_floating_ip() -> None:
    renamed = {"z": {**PORTS["k"], "formerly": ["k"]}, "m": PORTS["m"], "t": PORTS["t"]}
    before, after = standing(), of(renamed)
    assert before.of_type("FloatingIp") == after.of_type("FloatingIp")
    assert before[FLOATING].inputs == after[FLOATING].inputs
    assert after.outputs[PARENT]["ports"]["z"]["floating_ips"] == before.outputs[PARENT]["ports"]["k"]["floating_ips"]


def test_a_floating_ip_with_a_key_of_its_own_moves_between_ports() -> None:
    here = {"k": {"network": FRONT, "floating_ip": {"key": "www"}}, "m": {"network": FRONT}}
    there = {"k": {"network": FRONT}, "m": {"network": FRONT, "floating_ip": {"key": "www"}}}
    before, after = of(here), of(there)
    assert added(before, after) == added(after, before) == set()
    assert changed(before, after) == {
        PARENT: {"declared"},
        FLOATING: {"declared"},
        "FloatingIpAssociate web-www": {"portId", "fixedIp"},
    }


def test_taking_a_floating_ip_out_takes_only_that_out() -> None:
    before, after = standing(), of({**PORTS, "k": {"network": FRONT}})
    assert added(after, before) == {"FloatingIp web-k.v4", "FloatingIpAssociate web-k.v4"}
    assert changed(before, after) == {PARENT: {"declared"}, FLOATING: {"declared"}}


def test_slots_come_from_keys_unless_they_are_pinned() -> None:
    found = of({"k": {"network": FRONT, "slot": 9}, "m": {"network": FRONT}, "t": {"network": BACK, "hot": True, "slot": 511}})
    slots = {key: port["slot"] for key, port in found.outputs[PARENT]["ports"].items()}
    assert slots == {"k": 9, "m": derived_slot("m"), "t": 511}


def test_the_primary_port_is_the_servers_first() -> None:
    def first(primary: str | None) -> str:
        return str(standing(primary)[INSTANCE].inputs["networks"][0]["port"])

    assert (first(None), first("m")) == ("Port web-k", "Port web-m")


def test_another_server_changes_nothing_of_the_first() -> None:
    def two() -> None:
        server("web", ports=PORTS)
        server("other", ports=PORTS)

    found = deploy(two)
    assert {called: each for called, each in found.resources.items() if "other" not in called} == standing().resources
    assert len(found.resources) == 2 * len(standing().resources)
