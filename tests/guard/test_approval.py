"""Who may change what: at a terminal, without one, with the right word and with a wrong one."""

from dataclasses import replace

import pytest

from multiport.guard.approval import Asking, refusal
from multiport.guard.losses import lost, word
from multiport.review.preview import Diagnostic
from multiport.review.report import Report
from tests.review import expect


def recorded(name: str) -> Report:
    """A change that the real engine previewed."""
    return expect.rendered(name)[0]


def typed(answer: str) -> Asking:
    return Asking(lambda _: answer, {})


def pipeline(**environment: str) -> Asking:
    return Asking(None, environment)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("create", ()),
        ("no-change", ()),
        ("port-added-hot", ()),
        ("image-changed", ("rebuild server",)),
        ("server-removed", ("delete server", "delete floating IP", "delete port")),
        ("script-changed-replace", ("replace server",)),
        ("script-changed-keep", ()),
        ("port-removed-hot", ("delete port",)),
    ],
)
def test_what_a_change_loses(name: str, expected: tuple[str, ...]) -> None:
    found = lost(recorded(name))
    assert bool(found) == bool(expected), found
    for each in expected:
        assert any(text.startswith(each) for text in found), (each, found)


@pytest.mark.parametrize("answer", ["", "y", "no", "Yes please"])
def test_a_person_who_does_not_say_yes_is_not_served(answer: str) -> None:
    assert refusal("up", recorded("create"), typed(answer)) == "you did not say yes"


def test_a_person_who_says_yes_is_served() -> None:
    assert refusal("up", recorded("create"), typed("yes")) is None


@pytest.mark.parametrize("answer", ["", "yes", "prod", "Dev"])
def test_a_destruction_needs_the_stacks_name(answer: str) -> None:
    assert refusal("down", recorded("server-removed"), typed(answer)) == "that is not the stack's name"


def test_a_destruction_with_the_name_typed_goes_on() -> None:
    change = recorded("server-removed")
    assert refusal("down", change, typed(change.stack)) is None


def test_without_a_terminal_nothing_happens_unless_told() -> None:
    said = refusal("up", recorded("create"), pipeline())
    assert said is not None
    assert "YES=1" in said
    assert refusal("up", recorded("create"), pipeline(YES="1")) is None


@pytest.mark.parametrize("environment", [{"YES": "0"}, {"YES": "true"}, {"APPROVE": "anything"}])
def test_only_yes_is_one_says_yes(environment: dict[str, str]) -> None:
    assert refusal("up", recorded("create"), pipeline(**environment)) is not None


@pytest.mark.parametrize("name", ["script-changed-replace", "image-changed", "server-removed"])
def test_without_a_terminal_a_loss_needs_the_word_of_this_very_change(name: str) -> None:
    change = recorded(name)
    said = refusal("up", change, pipeline(YES="1"))
    assert said is not None
    assert word(change) in said
    other = word(recorded("port-removed"))
    said = refusal("up", change, pipeline(YES="1", APPROVE=other))
    assert said is not None
    assert "another change" in said
    assert refusal("up", change, pipeline(APPROVE=word(change))) is not None
    assert refusal("up", change, pipeline(YES="1", APPROVE=word(change))) is None


def test_a_destruction_without_a_terminal_always_needs_its_word() -> None:
    change = recorded("create")
    assert refusal("down", change, pipeline(YES="1")) is not None
    assert refusal("down", change, pipeline(YES="1", APPROVE=word(change))) is None


@pytest.mark.parametrize("how", [typed("yes"), pipeline(YES="1")])
@pytest.mark.parametrize("verb", ["up", "down"])
def test_what_is_protected_stays_whoever_asks(verb: str, how: Asking) -> None:
    urn = "urn:pulumi:dev::multiport::multiport:index:MultiPortInstance$openstack:compute/instance:Instance::web-server"
    told = f'Preview failed: resource "{urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, ...'
    change = replace(recorded("server-removed"), outcome="failed", diagnostics=(Diagnostic("error", told, urn),))
    said = refusal(verb, change, how)
    assert said is not None
    assert "web-server must not be deleted or replaced" in said
    assert "protect: true" in said


@pytest.mark.parametrize("name", ["failed", "misconfigured", "policy-violation"])
def test_a_change_that_the_preview_refuses_is_not_asked_about(name: str) -> None:
    asked: list[str] = []

    def person(text: str) -> str:
        asked.append(text)
        return "yes"

    assert refusal("up", recorded(name), Asking(person, {})) is not None
    assert not asked


def test_no_change_needs_no_answer() -> None:
    assert refusal("up", recorded("no-change"), pipeline()) is None
