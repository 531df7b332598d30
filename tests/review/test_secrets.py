"""No secret appears in the output of a review, from any position and in any form that user data gives it."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from multiport.review.markdown import markdown
from multiport.review.preview import Preview, read
from multiport.review.redaction import SECRET, Redaction, prelude_config, secrets_of
from multiport.review.report import report
from multiport.review.terminal import terminal
from tests.review import expect, recording
from tests.review.cases import CASES

MARK = "sw0rdf1sh"


def _texts(preview: Preview, rendered: dict[str, str]) -> dict[str, str]:
    made, topology = report(preview, rendered)
    return {
        "full": markdown(made, topology, 1 << 40),
        "comment": markdown(made, topology),
        "json": made.json(),
        "terminal": terminal(made, colours=True),
        "digest": made.digest,
    }


def _marked(
    value: Any, fixed: frozenset[str] = frozenset({"urn", "op", "parent", "type", "provider", "severity", "enforcementLevel"})
) -> Any:
    """The data with the mark in every text that is not the engine's own structure."""
    if isinstance(value, dict):
        return {
            key: each if key in fixed or key in ("keys", "diffs", "propertyDependencies", "replaceReasons") else _marked(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_marked(each) for each in value]
    return f"{value} {MARK}" if isinstance(value, str) else value


@pytest.mark.parametrize("name", ["create", "port-added", "port-moved", "policy-violation", "two-servers", "misconfigured"])
def test_in_every_position_at_once(name: str) -> None:
    events, preview, rendered = recording.read(recording.FOLDER / name)
    marked = "".join(json.dumps(_marked(json.loads(line))) + "\n" for line in events.splitlines())
    described = json.dumps(_marked(json.loads(preview)))
    texts = {server: f"{text}\n# {MARK}\n" for server, text in rendered.items()}
    redaction = Redaction([MARK])
    shown = _texts(read(marked, described, redaction), redaction.values(texts))
    assert MARK in marked
    assert any(SECRET in text for text in shown.values())
    assert not [place for place, text in shown.items() if MARK in text]
    # and it would have been seen: nothing here is hidden for another reason
    assert MARK in _texts(read(marked, described), texts)["full"]


def test_recorded_with_the_engine() -> None:
    values = [line.strip() for value in expect.secrets("secrets") for line in value.splitlines()]
    assert len(CASES["secrets"].secrets) == 4
    for text in expect.expectations("secrets").values():
        assert not [value for value in (*values, "swordfish") if value in text]
        assert SECRET in text


LEAF = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=4, max_size=30).filter(
    lambda text: text.strip() == text
)


@given(LEAF)
def test_in_every_form(secret: str) -> None:
    redaction = Redaction([secret])
    forms = [
        secret,
        f"a {secret} b",
        json.dumps({"key": secret}),
        json.dumps({"key": secret}, ensure_ascii=False),
        base64.b64encode(secret.encode()).decode(),
        quote(secret, safe=""),
        secret.replace("'", "''"),
    ]
    for form in forms:
        assert secret not in redaction.text(form).replace(SECRET, ""), form
    assert SECRET in redaction.text(json.dumps({"key": secret}))


@given(st.lists(LEAF.filter(lambda text: ":" not in text and "#" not in text), min_size=1, max_size=4))
def test_lines_and_values_of_a_secret_cloud_config(leaves: list[str]) -> None:
    document = {
        "write_files": [{"path": f"/{place}", "content": f"first {leaf}\nlast {leaf}\n"} for place, leaf in enumerate(leaves)]
    }
    text = f"#cloud-config\n{yaml.safe_dump(document, allow_unicode=True, width=1000)}"
    redaction = Redaction([text])
    merged = yaml.safe_dump({"bootcmd": [], **document}, default_flow_style=False, allow_unicode=True, width=1000)
    left = redaction.text(merged)
    assert not [leaf for leaf in leaves if f"first {leaf}" in left or f"last {leaf}" in left]


def test_short_secrets_are_removed_where_they_are_whole_words() -> None:
    assert Redaction(["ab"]).text("cabin ab, ab") == f"cabin {SECRET}, {SECRET}"
    assert Redaction(["22"]).values({"port": 22, "other": 2222}) == {"port": SECRET, "other": 2222}


def test_nothing_is_secret_by_default() -> None:
    assert Redaction(()).values({"a": ["b"]}) == {"a": ["b"]}


def test_what_the_prelude_hides_and_the_cli_shows_is_secret() -> None:
    events = json.dumps(
        {
            "preludeEvent": {
                "config": {
                    "multiport:servers": '{"web":{"cloud_config":"[secret]","tags":["a","[secret]"],"flavor":"f"}}',
                    "multiport:whole": "[secret]",
                    "multiport:plain": "x",
                }
            }
        }
    )
    shown = {
        "multiport:servers": {"value": '{"web":{"cloud_config":"one","tags":["a","two"],"flavor":"f"}}', "secret": True},
        "multiport:whole": {"value": '{"deep":{"er":"three","n":4711}}', "secret": True},
        "multiport:plain": {"value": "x", "secret": False},
        "multiport:elsewhere": {"value": "four", "secret": True},
    }
    assert secrets_of(prelude_config(events), shown) == {"one", "two", "three", "4711", "four"}
    assert prelude_config("{}") == {}


def test_what_the_state_holds_encrypted_is_secret() -> None:
    encrypted = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    assert Redaction([]).values({"userData": encrypted, "tags": [encrypted, "a"]}) == {"userData": SECRET, "tags": [SECRET, "a"]}
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert Redaction([]).values(asset) == asset

    def envelope(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: encrypted if key == "userData" else envelope(each) for key, each in value.items()}
        return [envelope(each) for each in value] if isinstance(value, list) else value

    events, preview, rendered = recording.read(recording.FOLDER / "port-added")
    assert "userData" in preview
    hidden = read(
        "".join(json.dumps(envelope(json.loads(line))) + "\n" for line in events.splitlines()),
        json.dumps(envelope(json.loads(preview))),
        Redaction([]),
    )
    assert all("v1:x" not in text and "4dabf18" not in text for text in _texts(hidden, rendered).values())
