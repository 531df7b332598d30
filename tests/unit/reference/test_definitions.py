"""Each key is described once: what it means, its default, and what a change of it costs."""

import subprocess
from pathlib import Path

import pytest
import yaml

from multiport.components import arguments, topology
from multiport.components.instance.outputs import PortState
from multiport.components.stack import ServerState, StackState, VirtualIpState
from multiport.guest import plan
from multiport.reference.definitions import COSTS, Key, keys_of, outputs_of, records_in
from multiport.reference.pulumi_schema import COMPONENTS

ROOT = Path(__file__).resolve().parents[3]
ROOTS = (
    topology.Topology,
    topology.PrivateNetworkArgs,
    topology.SecurityGroupArgs,
    arguments.MultiPortInstanceArgs,
    arguments.AddressPairsArgs,
    arguments.FloatingIpsArgs,
)
RECORDS = [*dict.fromkeys(record for root in ROOTS for record in records_in(root))]
STATES = (PortState, ServerState, VirtualIpState, StackState)
INPUTS = [key for record in RECORDS for key in keys_of(record)]
# Made from the definitions, with a test each that they are.
GENERATED = ("docs/reference/", "tests/unit/reference/pulumi_schema.json")


@pytest.mark.parametrize("key", INPUTS, ids=lambda key: f"{key.owner.__name__}.{key.name}")
def test_a_key_says_what_it_means_its_default_and_what_a_change_costs(key: Key) -> None:
    assert key.meaning.endswith((".", ")"))
    assert (key.default is None) is key.required
    assert key.change is not None
    assert key.change.startswith(COSTS)
    assert key.description.endswith(".")


def test_every_description_is_there_once() -> None:
    declared = {(key.owner, key.name): key for key in INPUTS}
    outputs = [key for component in COMPONENTS for key in outputs_of(component)]
    outputs += [key for state in STATES for key in keys_of(state)]
    meanings = [key.meaning for key in (*declared.values(), *outputs)]
    assert len(meanings) > 120
    assert sorted(meanings) == sorted(set(meanings))
    assert all(meanings)


def test_no_other_file_describes_a_key() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    texts = {
        path: " ".join((ROOT / path).read_text(encoding="utf-8").split())
        for path in listed
        if not path.startswith(GENERATED) and Path(path).suffix in (".py", ".md", ".yaml", ".json", ".toml", "")
        if (ROOT / path).is_file() and not (ROOT / path).is_symlink() and "recorded" not in path
    }
    assert len(texts) > 300
    for meaning in {key.meaning for key in INPUTS if len(key.meaning) > 25}:
        found = [path for path, text in texts.items() if meaning in text]
        assert len(found) == 1, (meaning, found)


def test_the_project_file_has_the_same_default_and_the_same_keys() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    ours = {key.removeprefix("multiport:"): value for key, value in project.items() if key.startswith("multiport:")}
    assert ours.keys() == {key.name for key in keys_of(topology.Topology)}
    assert ours["external_network"]["default"] == topology.DEFAULT_EXTERNAL_NETWORK
    [external] = [key for key in keys_of(topology.Topology) if key.name == "external_network"]
    assert external.default == topology.DEFAULT_EXTERNAL_NETWORK


def test_the_description_of_a_slot_has_the_guests_numbers() -> None:
    [slot] = [key for key in INPUTS if (key.owner, key.name) == (topology.PortOptions, "slot")][:1]
    assert f"({plan.TABLE_BASE} + slot), 1 to {plan.SLOT_MAX}." in slot.meaning
