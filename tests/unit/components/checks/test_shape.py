"""The shape of arguments: what is read, and what is said of what cannot be."""

from typing import Any

import pytest

from multiport.components import checks
from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.config_error import ConfigError
from tests.unit.components.configurations import VALID, faults, one_port
from tests.unit.components.unknown_values import instance, output, reference

pytestmark = pytest.mark.usefixtures("event_loop")


def floats(value: Any) -> Any:
    """The value as Pulumi's engine delivers it."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case dict():
            return {key: floats(each) for key, each in value.items()}
        case list():
            return tuple(floats(each) for each in value)
        case _:
            return value


def test_floats_without_a_fraction_are_whole_numbers() -> None:
    read = checks.load(floats(VALID["every-key"]))
    assert read == VALID["every-key"]
    assert type(read["servers"]["web"]["ports"]["eth0"]["slot"]) is int
    assert type(read["servers"]["web"]["boot_volume"]["size"]) is int
    assert type(read["networks"]["private"]["mtu"]) is int
    assert type(read["security_groups"]["web"]["rules"][0]["port_range_min"]) is int


def test_faults_of_shape_come_alone() -> None:
    raw = one_port({"slot": "700"}, {"mtu": 1, "mtv": 2})
    assert [each.partition(":")[0] for each in faults(raw)] == ["networks.private.mtv", "servers.web.ports.a.slot"]


def test_a_misspelt_key_is_not_also_missing() -> None:
    assert faults({"servers": {"web": {"flavour": "x", "prots": {}}}}) == [
        "servers.web.flavour: there is no such key here. Did you mean flavor?",
        "servers.web.prots: there is no such key here. Did you mean ports?",
    ]


def test_arguments_with_inputs_are_read() -> None:
    args = instance({"network": reference(), "slot": 5.0, "hot": False}, guest_generation=1.0)
    read = checks.read("web", args, MultiPortInstanceArgs)
    assert read == {**args, "guest_generation": 1, "ports": {"a": {**args["ports"]["a"], "slot": 5}}}
    assert type(read["ports"]["a"]["slot"]) is int
    with pytest.raises(ConfigError) as caught:
        checks.read("web", {**args, "ports": {"a": {"netwrok": reference(), "slot": "5"}}}, MultiPortInstanceArgs)
    assert [str(fault) for fault in caught.value.faults] == [
        "web.ports.a.netwrok: there is no such key here. Did you mean network?",
        "web.ports.a.slot: '5' is not a whole number. Write one without quotes.",
    ]
    with pytest.raises(ConfigError) as caught:
        checks.read("web", {**args, "flavor": 5, "security_group_ids": ["g1", output(), 7]}, MultiPortInstanceArgs)
    assert [fault.key for fault in caught.value.faults] == ["web.flavor", "web.security_group_ids[2]"]
    with pytest.raises(ConfigError) as caught:
        checks.read("web", {"ports": {}}, MultiPortInstanceArgs)
    assert [str(fault) for fault in caught.value.faults] == ["web.flavor: it is missing. Add it (text)."]
