"""The schema that Pulumi infers from the components, from which other languages can use them.

`pulumi_schema.json` is that schema. After a change that is meant: python -m tests.unit.reference.test_pulumi_schema
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multiport.components import address_pairs, arguments, security_group, topology
from multiport.components.instance.outputs import PortState
from multiport.reference.definitions import records_in
from multiport.reference.pulumi_schema import COMPONENTS, pulumi_schema
from tests.unit.components.deployment import deploy
from tests.unit.components.programs import FRONT, floating, network, server

GOLDEN = Path(__file__).parent / "pulumi_schema.json"
ARGS: dict[str, type] = {
    "PrivateNetwork": topology.PrivateNetworkArgs,
    "SecurityGroup": topology.SecurityGroupArgs,
    "MultiPortInstance": arguments.MultiPortInstanceArgs,
    "AddressPairs": arguments.AddressPairsArgs,
    "FloatingIps": arguments.FloatingIpsArgs,
}


def inferred() -> dict[str, Any]:
    return pulumi_schema("0.0.0")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return inferred()


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that there is, with its path."""
    for token, resource in schema["resources"].items():
        for kind in ("inputProperties", "properties"):
            for name, each in resource[kind].items():
                yield f"{token}.{kind}.{name}", each
    for token, each_type in schema["types"].items():
        for name, each in each_type["properties"].items():
            yield f"{token}.{name}", each


def test_the_schema_is_the_one_that_was_meant(schema: dict[str, Any]) -> None:
    assert schema == json.loads(GOLDEN.read_text())


def test_tokens_are_those_that_the_components_register(schema: dict[str, Any]) -> None:
    def program() -> None:
        network()
        server(ports={"a": {"network": FRONT}})
        floating(a={"port_id": "p", "fixed_ip": "10.60.0.8", "pool": "PUBLICNET"})
        security_group.SecurityGroup("g", {"rules": []})
        address_pairs.AddressPairs("s", {"network": FRONT, "virtual_ips": {"a": {"subnet": "v4", "ip_address": "10.60.0.9"}}})

    registered = {each.type for each in deploy(program).resources.values() if each.type.startswith("multiport:")}
    assert registered == schema["resources"].keys() == {f"multiport:index:{each.__name__}" for each in COMPONENTS}


def test_everything_is_described(schema: dict[str, Any]) -> None:
    found = dict(properties(schema))
    assert len(found) > 100
    assert [path for path, each in found.items() if not each.get("description", "").endswith((".", '"', ")"))] == []
    assert [token for token, each in {**schema["resources"], **schema["types"]}.items() if not each.get("description")] == []


def camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(map(str.capitalize, others))


def test_optional_keys_are_optional_and_required_ones_required(schema: dict[str, Any]) -> None:
    args = {record.__name__: record for kind in ARGS.values() for record in records_in(kind)}
    args["PortState"] = PortState
    checked = 0
    for token, each in schema["types"].items():
        kind: Any = args[token.rsplit(":", 1)[-1]]
        assert each["properties"].keys() == {camel(key) for key in kind.__annotations__}, token
        assert set(each.get("required", [])) == {camel(key) for key in kind.__required_keys__}, token
        checked += 1
    for component in COMPONENTS:
        resource = schema["resources"][f"multiport:index:{component.__name__}"]
        kind = args[f"{component.__name__}Args"]
        assert resource["inputProperties"].keys() == {camel(key) for key in kind.__annotations__}, component
        assert set(resource["requiredInputs"]) == {camel(key) for key in kind.__required_keys__}, component
        checked += 1
    assert checked == len(schema["types"]) + len(COMPONENTS)
    assert checked > 20


def test_outputs_are_those_that_the_components_register(schema: dict[str, Any]) -> None:
    def program() -> None:
        front = network()
        server(ports={"a": {"network": front.reference, "floating_ip": {}}})
        security_group.SecurityGroup("g", {"rules": []})
        address_pairs.AddressPairs("s", {"network": FRONT, "virtual_ips": {"a": {"subnet": "v4", "ip_address": "10.60.0.9"}}})

    found = deploy(program)
    registered = {found[called].type: outputs.keys() for called, outputs in found.outputs.items()}
    assert registered == {token: each["properties"].keys() for token, each in schema["resources"].items()}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(inferred(), indent=1, sort_keys=True) + "\n")
