"""Reading the events and the JSON of the CLI, user data, and the command line."""

import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multiport.review.markdown import markdown
from multiport.review.preview import PreviewError, read
from multiport.review.report import report
from multiport.review.terminal import terminal
from multiport.review.user_data import REST, diffs, files
from tests.review import recording

ROOT = Path(__file__).resolve().parents[2]
STACK = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
SERVER = "urn:pulumi:s::p::openstack:compute/instance:Instance::web"


def _event(op: str, urn: str = SERVER, event: str = "resOutputsEvent", **metadata: Any) -> str:
    sides = {side: {"id": "1", "parent": STACK, "inputs": {}, "outputs": {}} for side in ("old", "new")}
    return json.dumps({event: {"metadata": {"op": op, "urn": urn, **sides, **metadata}}})


def _diagnostic(severity: str, message: str) -> str:
    return json.dumps({"diagnosticEvent": {"severity": severity, "message": message}})


SUMMARY = json.dumps({"summaryEvent": {"result": "succeeded"}})


def test_input_that_is_not_a_preview_is_an_error() -> None:
    for events, preview in (("{", "{}"), ("", "nothing"), ("[]", "{}"), ("", "[1]")):
        with pytest.raises(PreviewError):
            read(events, preview)
    with pytest.raises(PreviewError, match="different stacks"):
        read(_event("same"), json.dumps({"steps": [{"urn": SERVER.replace("pulumi:s", "pulumi:other")}]}))


def test_the_cli_may_warn_before_its_json() -> None:
    assert read(f"{_event('same')}\n{SUMMARY}", "warning: x\n{}").stack == "s"


def test_a_name_may_contain_anything() -> None:
    urn = f"{SERVER}::a$b::c"
    [step] = read(f"{_event('create', urn)}\n{SUMMARY}", "{}").steps.values()
    assert (step.kind, step.name) == ("openstack:compute:Instance", "web::a$b::c")


@pytest.mark.parametrize(
    ("ops", "op"),
    [
        (["same"], "same"),
        (["delete-replaced", "replace", "create-replacement"], "replace"),
        (["create-replacement"], "replace"),
        (["delete-replaced"], "delete"),
        (["read"], "same"),
        (["import"], "create"),
        (["import-replacement"], "replace"),
        (["read-replacement", "discard-replaced"], "replace"),
        (["remove-pending-replace", "create-replacement"], "replace"),
        (["discard"], "delete"),
    ],
)
def test_operations(ops: list[str], op: str) -> None:
    [step] = read("\n".join([*map(_event, ops), SUMMARY]), "{}").steps.values()
    assert step.op == op
    assert bool(step.old.id) == (op != "create")
    assert bool(step.new.id) == (op != "delete")


def test_refreshes_and_default_providers_are_not_changes() -> None:
    provider = "urn:pulumi:s::p::pulumi:providers:openstack::default_5_5_1"
    own: dict[str, Any] = {"old": None, "new": {"id": "", "inputs": {}, "outputs": {}}}
    found = read("\n".join([_event("refresh"), _event("create", provider, **own), _event("same", STACK), SUMMARY]), "{}")
    assert list(found.steps) == [STACK]


def test_a_name_decides_nothing_about_what_is_shown() -> None:
    for name in ("db-pulumi:providers:x", "pulumi:providers:openstack::default", "$pulumi:providers:x"):
        urn = f"urn:pulumi:s::p::openstack:compute/serverGroup:ServerGroup::{name}"
        [step] = read(f"{_event('replace', urn)}\n{SUMMARY}", "{}").steps.values()
        assert (step.op, step.name, step.deployed) == ("replace", name, True)


def test_a_provider_of_the_programs_own_is_shown_whatever_its_name_is() -> None:
    urn = "urn:pulumi:s::p::pulumi:providers:openstack::default_5_5_1"
    sides: dict[str, Any] = {
        side: {"id": "1", "parent": STACK, "inputs": {}, "outputs": {}, "custom": True} for side in ("old", "new")
    }
    [step] = read(f"{_event('update', urn, **sides)}\n{SUMMARY}", "{}").steps.values()
    assert (step.op, step.kind, step.deployed) == ("update", "pulumi:providers:openstack", True)


@pytest.mark.parametrize("kind", ["my:Component", "Component", "a:b:c:d", "my:a/b:Component"])
def test_a_type_may_have_any_number_of_parts(kind: str) -> None:
    found = read(f"{_event('create', f'urn:pulumi:s::p::{kind}::x')}\n{SUMMARY}", "{}")
    made, topology = report(found, {})
    assert made.changes[0].kind == kind.replace("/b", "")
    assert markdown(made, topology)


def test_an_operation_that_is_not_known_is_shown_and_stops_the_update() -> None:
    made, topology = report(read(f"{_event('frobnicate')}\n{SUMMARY}", "{}"), {})
    assert made.outcome == "failed"
    assert "`frobnicate`" in markdown(made, topology)
    assert "frobnicate" in terminal(made, colours=False)


def test_a_preview_that_stopped_has_failed() -> None:
    assert read(_event("same"), "{}").failed
    assert not read(f"{_event('same')}\n{SUMMARY}", "{}").failed
    assert read(f"{_event('same')}\n{SUMMARY}\n{_diagnostic('error', 'no')}", "{}").failed


def test_a_policy_pack_that_cannot_start_says_why() -> None:
    lines = ["error: Program failed with an unhandled exception:\n\n", "Traceback (most recent call last):\n\n"]
    lines += ['  File "policy/__main__.py", line 1, in <module>\n\n', "TypeError: no\n\n"]
    found = read("\n".join(_diagnostic("info#err", line) for line in lines), "{}", stack="prod")
    assert (found.failed, found.stack) == (True, "prod")
    assert [each.message for each in found.diagnostics] == ["Program failed with an unhandled exception:\nTypeError: no"]


def test_the_exception_of_a_refused_program_is_not_an_error() -> None:
    policy = {"policyName": "x", "enforcementLevel": "mandatory", "message": "<{%fg 1%}>m<{%reset%}>\n", "resourceUrn": SERVER}
    lines = [_event("same"), json.dumps({"policyEvent": policy}), _diagnostic("info#err", "KeyboardInterrupt")]
    lines += [_diagnostic("error", "preview failed\n"), json.dumps({"summaryEvent": {"result": "failed"}})]
    found = read("\n".join(lines), "{}")
    assert (found.failed, found.diagnostics) == (False, ())
    assert [(each.policy, each.message) for each in found.findings] == [("x", "m")]


def _write_files(**entry: str) -> str:
    return f"#cloud-config\n{json.dumps({'write_files': [{'path': '/a', **entry}]})}\n"


@pytest.mark.parametrize("encoding", ["b64", "base64", "gz+b64", "gz+base64", "gzip+base64"])
def test_encoded_files_are_decoded(encoding: str) -> None:
    data = gzip.compress(b"hello\n") if encoding.startswith("gz") else b"hello\n"
    text = _write_files(encoding=encoding, content=base64.b64encode(data).decode())
    assert files(text) == {"/a": "hello\n"}


def test_bytes_that_are_not_text_are_counted() -> None:
    assert "3 bytes that are no text" in files(_write_files(encoding="b64", content="/////w=="[:4]))["/a"]


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\necho\n", "#cloud-config\n: : :\n", "#cloud-config\n- a\n", "MIME", "#cloud-config\n\x00"]
)
def test_what_cannot_be_read_is_shown_as_it_is(text: str) -> None:
    assert files(text) == {REST: text}


def test_diffs_say_what_comes_and_goes() -> None:
    old = _write_files(content="one\ntwo\n")
    new = "#cloud-config\n" + json.dumps({"write_files": [{"path": "/b", "content": "x"}], "packages": ["p"]})
    assert [(each.path, each.op, each.added, each.removed) for each in diffs(old, new)] == [
        ("/a", "delete", 0, 2),
        ("/b", "create", 2, 0),
        (REST, "create", 2, 0),
    ]
    assert diffs(old, old) == ()
    [changed] = diffs(old, _write_files(content="one\n2\n"))
    assert changed.diff == "@@ -1,2 +1,2 @@\n one\n-two\n+2"


@pytest.mark.parametrize("form", ["markdown", "json", "terminal"])
def test_the_command(tmp_path: Path, form: str) -> None:
    events, preview, rendered = recording.read(recording.FOLDER / "secrets")
    for name, text in (("events", events), ("preview", preview), ("rendered", json.dumps(rendered))):
        (tmp_path / name).write_text(text)
    shown = {"multiport:servers": {"value": json.dumps({"web": {"metadata": {"token": "tok-4711-swordfish"}}}), "secret": True}}
    command = ["--events", "events", "--preview", "preview", "--rendered", "rendered", "--config", "-", "--format", form]
    answer = subprocess.run(
        [sys.executable, "-m", "multiport", "review", "show", *command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        input=json.dumps(shown),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "replaces 1 server" in answer.stdout
    assert "tok-4711-swordfish" not in answer.stdout
    expected = {"markdown": "<!-- multiport", "json": "{", "terminal": "review: "}[form]
    assert answer.stdout.startswith(expected)


def test_the_command_refuses_input_that_is_not_a_preview(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    answer = subprocess.run(
        [sys.executable, "-m", "multiport", "review", "show", "--events", "x", "--preview", "x"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
