"""A state that a former version left behind: today's program has nothing to create, change, replace or delete in it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine import former
from tests.engine.stack import ROOT, Stack, Step

STATES = sorted(former.FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def ids(api: Any) -> Iterator[dict[str, str]]:
    """Today's ids of what a preview looks up. The network that an example adopts is made here as its other owner would."""
    network = api.network.create_network(name="storage-team")
    subnet = api.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.60.0.0/24", gateway_ip=None)
    external = {placeholder: found for found, placeholder in former.placeholders(api).items()}
    yield {**external, "Network storage-team": network.id, "Subnet storage-team": subnet.id}
    api.network.delete_network(network)


def is_told_to_the_state_alone(step: Step) -> bool:
    """Return whether a step only records the user's own texts as inputs of a component, which is no object of the cloud.

    The review needs them there: they are known in a preview also where the user data as a whole is not.
    """
    before, after = step.old.get("inputs") or {}, step.new.get("inputs") or {}
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return step.op == "update" and step.kind == "multiport:index:MultiPortInstance" and changed <= {"cloudConfig", "metadata"}


@pytest.mark.parametrize("path", STATES, ids=lambda path: path.stem)
def test_nothing_changes(make_stack: Callable[..., Stack], path: Any, ids: dict[str, str]) -> None:
    state = json.loads(path.read_text())
    example = ROOT / "examples" / path.stem.replace("-", "_")
    stack = make_stack(path.stem, example if example.is_dir() else ROOT)
    if state["config"] is not None:
        stack.configure(state["config"])
    stack.import_state(former.restored(state, ids))
    assert [step for step in stack.preview() if not is_told_to_the_state_alone(step)] == []


def test_there_is_a_state_of_every_stack_and_example() -> None:
    stacks = {path.stem.removeprefix("Pulumi.") for path in (ROOT / "stacks").glob("Pulumi.*.yaml")}
    examples = {path.parent.name.replace("_", "-") for path in (ROOT / "examples").glob("*/__main__.py")}
    assert {path.stem for path in STATES} == stacks | examples
