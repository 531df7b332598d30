"""What the fixtures of tests/invalid cannot show: what is right, what is not known yet, and what nobody would write."""

import ast
import asyncio
import copy
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pulumi
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import is_typeddict

from multiport.components import addressing, arguments, checks, topology
from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.checks.shape import hints_of
from multiport.components.config_error import ConfigError
from multiport.components.topology import PrivateNetworkArgs, Topology
from multiport.guest.cloud_config import BYTES_MAX

VALID = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "valid").glob("*.yaml")}


def faults(raw: object) -> list[str]:
    try:
        checks.load(raw)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


# what is right


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_valid_configuration_passes_unchanged(name: str) -> None:
    raw = copy.deepcopy(VALID[name])
    assert checks.load(raw) == VALID[name]
    assert raw == VALID[name]


def used(kind: Any, value: Any) -> set[tuple[str, str]]:
    """The keys of TypedDicts that a value has."""
    if is_typeddict(kind):
        hints = hints_of(kind)
        return {(kind.__name__, key) for key in value}.union(*(used(hints[key], each) for key, each in value.items()))
    if get_origin(kind) is dict:
        return set().union(*(used(get_args(kind)[1], each) for each in value.values()))
    if get_origin(kind) is list:
        return set().union(*(used(get_args(kind)[0], each) for each in value))
    return set()


def parts(kind: Any) -> set[Any]:
    """The TypedDicts that values of a kind hold."""
    inner = hints_of(kind).values() if is_typeddict(kind) else get_args(kind)
    return {kind}.union(*map(parts, inner)) if is_typeddict(kind) else set().union(*map(parts, inner))


def test_the_valid_configurations_use_every_key() -> None:
    records = parts(Topology)
    keys = {(record.__name__, key) for record in records for key in hints_of(record)}
    assert set().union(*(used(Topology, each) for each in VALID.values())) == keys


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


def one_port(port: Mapping[str, Any] | None = None, network: Mapping[str, Any] | None = None, **server: Any) -> dict[str, Any]:
    return {
        "networks": {"private": {"subnets": {"a": {"cidr": "192.168.0.0/24"}}, **(network or {})}},
        "servers": {
            "web": {
                "flavor": "gp.0.2.4",
                "image": "Ubuntu-24.04",
                "ports": {"a": {"network": "private", **(port or {})}},
                **server,
            }
        },
    }


def rule(**rule: Any) -> dict[str, Any]:
    return {"security_groups": {"web": {"rules": [rule]}}}


@pytest.mark.parametrize(
    "raw",
    [
        one_port({"slot": 1}),
        one_port({"slot": 511}),
        one_port({"slot": 254}),
        one_port({"formerly": ["b"]}),
        one_port({"mac_address": "02:00:00:00:00:00"}),
        one_port({"fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.2"}}}),
        one_port({"fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.254"}}}),
        one_port({"allowed_address_pairs": {f"x{n}": {"ip_address": f"10.0.0.{n}"} for n in range(10)}}),
        one_port({"allowed_address_pairs": {"own-subnet": {"ip_address": "192.168.0.0/24"}}}),
        one_port({"name": "n" * 255}),
        one_port(network={"mtu": 68}),
        one_port(network={"mtu": 65535}),
        one_port(name="w" * 63),
        one_port(name="a"),
        one_port(tags=["t" * 60]),
        one_port(tags=[f"t{n}" for n in range(47)]),
        one_port(tags=["multiports"]),
        one_port(metadata={f"k{n}": "v" * 255 for n in range(126)}),
        one_port(guest_generation=0),
        one_port(guest_update="keep", guest_generation=1),
        one_port(config_drive=False),
        one_port(boot_volume={"size": 1}),
        one_port(return_path="none", cloud_config="#cloud-config\n#" + "x" * (BYTES_MAX - 15)),
        {"networks": {"k" * 32: {"subnets": {"0": {"cidr": "10.0.0.0/8"}}}}},
        {"networks": {"a": {"subnets": {"x": {"cidr": "10.0.0.0/24"}}}, "b": {"subnets": {"x": {"cidr": "10.0.0.0/24"}}}}},
        rule(protocol="0"),
        rule(protocol="255"),
        rule(protocol="tcp", port_range_min=1, port_range_max=65534),
        rule(protocol="tcp", port_range_min=65535),
        rule(protocol="17", port_range_min=53, port_range_max=53),
        rule(protocol="icmp", port_range_min=0, port_range_max=255),
        rule(protocol="ipv6-icmp", ethertype="IPv6", port_range_min=128),
        rule(protocol="58", remote_ip_prefix="2001:db8::/32"),
        rule(direction="egress", protocol="tcp"),
        rule(direction="egress", remote_ip_prefix="10.0.0.0/8"),
        rule(),
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


def test_every_fault_is_reported_at_once() -> None:
    raw = one_port({"slot": 700, "mac_address": "x"}, {"mtu": 1}, flavor="", name="_")
    assert [each.partition(":")[0] for each in faults(raw)] == [
        "networks.private.mtu",
        "servers.web.name",
        "servers.web.flavor",
        "servers.web.ports.a.slot",
        "servers.web.ports.a.mac_address",
    ]


def test_faults_of_shape_come_alone() -> None:
    raw = one_port({"slot": "700"}, {"mtu": 1, "mtv": 2})
    assert [each.partition(":")[0] for each in faults(raw)] == ["networks.private.mtv", "servers.web.ports.a.slot"]


def test_a_misspelt_key_is_not_also_missing() -> None:
    assert faults({"servers": {"web": {"flavour": "x", "prots": {}}}}) == [
        "servers.web.flavour: there is no such key here. Did you mean flavor?",
        "servers.web.prots: there is no such key here. Did you mean ports?",
    ]


def test_a_faulty_network_hides_no_fault_of_its_ports_and_makes_none() -> None:
    raw = one_port(
        {"slot": 700, "floating_ip": {}, "fixed_ips": {"x": {"subnet": "a", "ip_address": "192.168.0.5"}}},
        {"subnets": {"a": {"cidr": "nonsense"}}, "router": {"external_network": "PUBLICNET"}},
    )
    assert [each.partition(":")[0] for each in faults(raw)] == [
        "networks.private.subnets.a.cidr",
        "servers.web.ports.a.slot",
    ]


def test_user_data_that_only_our_part_makes_too_big() -> None:
    text = "#cloud-config\nfinal_message: " + "x" * (BYTES_MAX - 100)
    assert faults(one_port(return_path="none", cloud_config=text)) == []
    [fault] = faults(one_port(cloud_config=text))
    assert fault.startswith("servers.web.cloud_config: ")


# what is not known yet


@pytest.fixture(scope="module", autouse=True)
def event_loop() -> Iterator[None]:
    """Outputs are made of futures, and futures need a loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def output(value: Any = None) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value)


def reference(**more: Any) -> Any:
    subnet = {"id": output("s1"), "cidr": "192.168.0.0/24", "gateway_ip": output()}
    return {"id": output("n1"), "mtu": output(1442), "ready": output("n1"), "subnets": {"a": subnet}, **more}


def instance(port: dict[str, Any], **server: Any) -> Any:
    unknown = {"flavor": output(), "image": output(), "key_pair": output(), "server_group_id": output(), "cloud_config": output()}
    return {**unknown, "ports": {"a": port}, **server}


def test_outputs_are_passed_over() -> None:
    port = {
        "network": reference(routed=True),
        "security_group_ids": [output("g1")],
        "floating_ip": {},
        "allowed_address_pairs": {"shared": {"ip_address": output(), "virtual": True}},
    }
    checks.raise_if(checks.check_instance("web", instance(port)))
    checks.raise_if(checks.check_address_pairs("shared", {"network": reference(), "virtual_ips": {}}))
    addresses: Any = {key: {"port_id": output(), "fixed_ip": output(), "pool": "PUBLICNET"} for key in "ab"}
    checks.raise_if(checks.check_floating_ips("ips", {"addresses": addresses}))


def test_outputs_hide_no_fault_beside_them() -> None:
    port = {"network": reference(), "slot": 700, "fixed_ips": {"x": {"subnet": "b"}}}
    found = [fault.key for fault in checks.check_instance("web", instance(port, name="_"))]
    assert found == ["web.name", "web.ports.a.slot", "web.ports.a.fixed_ips.x.subnet"]


def outputs_for_inputs(kind: Any, value: Any) -> Any:
    """The value with an output wherever its TypedDict takes one."""
    if get_origin(kind) in (Union, UnionType):
        return output(value)
    if is_typeddict(kind):
        hints = hints_of(kind)
        return {key: outputs_for_inputs(hints[key], part) for key, part in value.items()}
    if get_origin(kind) is dict:
        return {key: outputs_for_inputs(get_args(kind)[1], part) for key, part in value.items()}
    if get_origin(kind) is list:
        return [outputs_for_inputs(get_args(kind)[0], part) for part in value]
    return value


def every_key(kind: Any) -> Any:
    """A value with every key that a kind has."""
    if get_origin(kind) in (Union, UnionType):
        return every_key(get_args(kind)[0])
    if is_typeddict(kind):
        return {key: every_key(hint) for key, hint in hints_of(kind).items()}
    if get_origin(kind) is dict:
        return {"a": every_key(get_args(kind)[1])}
    if get_origin(kind) is list:
        return [every_key(get_args(kind)[0])]
    return {str: "a", int: 1, bool: True}[kind]


def test_an_output_changes_no_fault_but_those_of_its_own_value() -> None:
    """Whatever a rule reads, it reads an output as nothing: with nonsense everywhere, only that nonsense is complained of."""
    for kind, check in (
        (arguments.MultiPortInstanceArgs, checks.check_instance),
        (arguments.AddressPairsArgs, checks.check_address_pairs),
        (arguments.FloatingIpsArgs, checks.check_floating_ips),
        (PrivateNetworkArgs, checks.check_network),
    ):
        nonsense = every_key(kind)
        known: Any = checks.read("args", nonsense, kind)
        unknown: Any = checks.read("args", outputs_for_inputs(kind, nonsense), kind)
        of_known = {str(fault) for fault in check("args", known)}
        of_unknown = {str(fault) for fault in check("args", unknown)}
        assert of_unknown <= of_known


def test_a_reference_without_subnets_or_gateway() -> None:
    def found(network: dict[str, Any]) -> list[str]:
        return [fault.key for fault in checks.check_instance("web", instance({"network": network, "floating_ip": {}}))]

    assert found({"id": output("n1"), "routed": True}) == ["web.ports.a.floating_ip"]
    for gateway in ({}, {"gateway_ip": ""}):
        subnet = {"id": output("s1"), "cidr": "192.168.0.0/24", **gateway}
        assert found(reference(routed=True, subnets={"a": subnet})) == ["web.ports.a.floating_ip"]
    assert found(reference(routed=True, subnets={"a": {"id": output("s1"), "cidr": "nonsense"}})) == []
    assert found(reference(routed=True)) == []


def test_networks_are_told_apart_by_their_ids() -> None:
    ids = [output("n1"), output("n2"), "n3"]
    for first in ids:
        for second in ids:
            ports: Any = {
                key: {"network": reference(id=each), "slot": slot}
                for slot, (key, each) in enumerate([("a", first), ("b", second)], 1)
            }
            found = [fault.key for fault in checks.check_instance("web", {"flavor": "f", "image": "i", "ports": ports})]
            assert found == ([] if first is second else ["web.ports.b"])


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


def test_components_take_the_configurations_own_arguments() -> None:
    args: PrivateNetworkArgs = {"subnets": {"a": {"cidr": "192.168.0.0/24"}}}
    checks.raise_if(checks.check_network("PrivateNetwork private", args))
    with pytest.raises(ConfigError, match=r"^PrivateNetwork private\.mtu: 1 is outside 68 to 65535\."):
        checks.raise_if(checks.check_network("PrivateNetwork private", {**args, "mtu": 1}))


def test_no_rule_can_touch_an_output() -> None:
    modules = [checks, addressing]
    sources = [Path(inspect.getfile(module)) for module in modules]
    sources += [Path(inspect.getfile(checks)).parent / f"{each.name}.py" for each in pkgutil.iter_modules(checks.__path__)]
    imported = {
        name
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else [])
        + ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
    }
    assert not {name for name in imported if name.partition(".")[0].startswith("pulumi")}
    assert "multiport.components.config_error" in imported


# what nobody would write

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(max_size=3),
    st.just(object()),
    st.sampled_from(
        ["0.0.0.0/0", "::/0", "255.255.255.255/32", "10.0.0.0/32", "fe80::1%lo", "1", "none", "keep", "a", "private"]
    ),
    st.sampled_from([10**1000, float("nan"), float("inf"), "#cloud-config\n" + "[" * 3000, "\x00", "a" * 5000]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.tuples(st.integers())), inner, max_size=3),
    ),
    max_leaves=8,
)
hints = {key: hint for record in vars(topology).values() if is_typeddict(record) for key, hint in hints_of(record).items()}
shaped = st.recursive(
    leaves,
    lambda inner: st.dictionaries(st.sampled_from(sorted(hints)) | st.sampled_from("ab"), inner, max_size=6),
    max_leaves=30,
)


def only_configuration_errors(raw: object) -> None:
    lines = faults(raw)
    assert all(line.isprintable() for line in lines)


@settings(deadline=None)
@given(values)
def test_junk_is_refused_and_nothing_more(raw: object) -> None:
    only_configuration_errors(raw)


@settings(deadline=None)
@given(shaped)
def test_junk_under_known_keys_is_refused_and_nothing_more(raw: object) -> None:
    only_configuration_errors(raw)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a value: what holds it and under which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(set(VALID) - {"nothing"})), st.data())
def test_a_changed_configuration_is_read_or_refused(name: str, data: st.DataObject) -> None:
    raw = copy.deepcopy(VALID[name])
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(raw)
        if not found:
            break
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        others = [other[under] for other, under in found if type(other[under]) is type(holder[key])]
        change = data.draw(st.sampled_from(["take out", "replace", "exchange", "rename"]))
        if change == "replace":
            holder[key] = data.draw(leaves)
        elif change == "exchange":
            # the same type, so that what is tried is sense and not shape
            holder[key] = copy.deepcopy(others[data.draw(st.integers(0, len(others) - 1))])
        elif change == "rename" and isinstance(holder, dict):
            holder[data.draw(st.text(st.characters(), max_size=5) | st.sampled_from(sorted(hints)))] = holder.pop(key)
        else:
            del holder[key]
    only_configuration_errors(raw)
