"""What is not known yet: no rule reads it, and it hides no fault beside it."""

import ast
import inspect
import pkgutil
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from typing_extensions import is_typeddict

from multiport.components import addressing, arguments, checks
from multiport.components.checks.shape import hints_of
from multiport.components.topology import PrivateNetworkArgs
from tests.unit.components.unknown_values import instance, output, reference

pytestmark = pytest.mark.usefixtures("event_loop")


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
