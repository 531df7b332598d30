"""The schema that Pulumi infers from the components, from which other languages can use them.

`schema.json` is that schema. After a change that is meant: python -m tests.unit.components.test_schema
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.schema import generate_schema
from typing_extensions import is_typeddict

from multiport.components import (
    address_pairs,
    floating_ips,
    multi_port_instance,
    network_ref,
    private_network,
    security_group,
    topology,
)
from tests.unit.components.deployment import deploy
from tests.unit.components.programs import FRONT, floating, network, server

GOLDEN = Path(__file__).parent / "schema.json"
PACKAGE, VERSION = "multiport", "0.0.0"
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    private_network.PrivateNetwork,
    security_group.SecurityGroup,
    multi_port_instance.MultiPortInstance,
    address_pairs.AddressPairs,
    floating_ips.FloatingIps,
]
MODULES = (topology, network_ref, address_pairs, floating_ips, multi_port_instance)


def inferred() -> dict[str, Any]:
    found = Analyzer(PACKAGE).analyze(COMPONENTS)
    spec = generate_schema(
        PACKAGE, VERSION, None, found["component_definitions"], found["type_definitions"], list(found["dependencies"])
    )
    return spec.to_json()


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
    args = {name: each for module in MODULES for name, each in vars(module).items() if is_typeddict(each)}
    args |= {"PrivateNetworkArgs": topology.PrivateNetworkArgs, "SecurityGroupArgs": topology.SecurityGroupArgs}
    checked = 0
    for token, each in schema["types"].items():
        kind = args[token.rsplit(":", 1)[-1]]
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
