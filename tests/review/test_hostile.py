"""Foreign text stays text everywhere: it cannot end a span, a cell or a block, mention anybody, or hide anything."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from multiport.review.markdown import markdown
from multiport.review.preview import read
from multiport.review.report import report
from multiport.review.terminal import terminal
from multiport.review.wording import block, code, log_safe, prose, summary, visible
from tests.review import recording

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FIXED = {
    "urn",
    "op",
    "parent",
    "type",
    "provider",
    "severity",
    "enforcementLevel",
    "keys",
    "diffs",
    "propertyDependencies",
    "replaceReasons",
}
HOSTILE = (
    "` `` ``` | a | b |\n# title\n---\n- list\n</details></summary><img src=x onerror=alert(1)> "
    "[a](http://x) ![i](http://x) @all \x1b[31m\u202e -->"
)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("`|\\*_[]()<>#~@!-+1. \n\t&$", max_size=30)


def _hostile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each if key in FIXED else _hostile(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_hostile(each) for each in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


@pytest.mark.parametrize(
    "name", ["create", "port-added", "port-moved", "policy-violation", "two-servers", "misconfigured", "failed"]
)
def test_in_every_position_at_once(name: str) -> None:
    events, preview, rendered = recording.read(recording.FOLDER / name)
    lines = "".join(json.dumps(_hostile(json.loads(line))) + "\n" for line in events.splitlines())
    made, topology = report(read(lines, json.dumps(_hostile(json.loads(preview)))), rendered)
    text = markdown(made, topology, 1 << 40)
    tokens = PARSER.parse(text)
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    assert not [child for child in inline if child.type in ("link_open", "image", "html_inline")]
    assert not [child for child in inline if child.type == "text" and re.search(r"@\w", child.content)]
    for token in tokens:
        if token.type == "html_block":
            assert not re.search(r"<(?!/?(details|summary|code|!--))", token.content), token.content
    headings = {tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"}
    assert headings <= {"Errors", "Policies", "Warnings", "Replaced, rebuilt, deleted", "Ports", "Guest files", "Topology"}
    assert len([token for token in tokens if token.type == "td_open"]) == 10 * len(made.ports)
    assert "\u202e" not in text
    assert "\x1b" not in text
    shown = terminal(made, colours=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@given(ANY)
def test_a_code_span_is_one_code_span_in_a_cell(text: str) -> None:
    tokens = PARSER.parse(f"| a | b |\n|---|---|\n| {code(text)} | x |\n")
    cells = [tokens[place + 1] for place, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 2
    assert [child.type for child in cells[0].children or ()] == ["code_inline"]
    assert cells[1].content == "x"


@given(ANY)
def test_a_block_is_one_block(text: str) -> None:
    tokens = PARSER.parse(f"{block(text, 'diff')}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content.rstrip("\n") == visible(text, keep="\n\t").rstrip("\n")


@given(ANY.filter(lambda text: "\n" not in text))
def test_a_sentence_is_text(text: str) -> None:
    tokens = PARSER.parse(f"- x {prose(text)}\n")
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "text_special", "hardbreak"}, (prose(text), kinds)
    assert [token.type for token in tokens].count("list_item_open") == 1


@given(ANY)
def test_nothing_is_hidden(text: str) -> None:
    assert visible(text).isprintable() or not visible(text).isascii()
    shown = re.sub("^\u2068([^\u2068\u2069]*)\u2069$", r"\1", visible(text))  # what is read from the right stands isolated
    assert not re.search("[\x00-\x1f\x7f-\x9f\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069\u3164\ufe00-\ufe0f]", shown)


@pytest.mark.parametrize(
    "character",
    "\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200d\u2028\u202e\u2060\u2800\u3000\u3164\ufe0f\ufeff\uffa0\U000e0041\U000e0100",
)
def test_an_invisible_character_is_written_as_an_escape(character: str) -> None:
    assert visible(f"a{character}b").isascii()
    assert visible(f"a{character}b").startswith("a\\")


@pytest.mark.parametrize("word", ["\u05d0\u05d1", "\u0627\u0628", "\u0661\u0662", "\u07c0", "\u0710"])
def test_right_to_left_text_does_not_reorder_the_text_around_it(word: str) -> None:
    assert visible(f"a {word} 1") == f"\u2068a {word} 1\u2069"
    assert visible(f"a\n{word}\n1", keep="\n") == f"a\n\u2068{word}\u2069\n1"
    for shown in (code(word * 300), summary([word * 300])):
        assert shown.count("\u2068") == shown.count("\u2069") == 1


@pytest.mark.parametrize(
    "line", ["::error file=x::y", "  ::add-mask::x", "\t::stop-commands::x", "\x1b[31m::error::x", "a ##[error]x", "##[command]x"]
)
def test_no_line_of_a_log_is_a_command_to_its_runner(line: str) -> None:
    for shown in log_safe(f"before\n{line}\nafter").split("\n"):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert not plain.strip().startswith("::")
        assert "##[" not in plain
    assert log_safe("a::b, urn:pulumi:x::y") == "a::b, urn:pulumi:x::y"


def test_a_warning_is_told_whole_even_where_nothing_changes() -> None:
    events, preview, rendered = recording.read(recording.FOLDER / "no-change")
    urn = "urn:pulumi:review::multiport::openstack:compute/instance:Instance::evil::db-server"
    warning = {"diagnosticEvent": {"severity": "warning", "message": "::error title=x::deprecated", "urn": urn}}
    policy = {"policyName": "p", "enforcementLevel": "advisory", "message": "m", "resourceUrn": urn}
    made, topology = report(read(f"{events}{json.dumps(warning)}\n", preview), rendered)
    assert not made.silent
    for shown in (markdown(made, topology), terminal(made, colours=False)):
        assert "evil::db-server" in shown
        assert "deprecated" in shown
        assert not [line for line in shown.split("\n") if line.strip().startswith("::")]
    made, topology = report(read(f"{events}{json.dumps({'policyEvent': policy})}\n", preview), rendered)
    for shown in (markdown(made, topology), terminal(made, colours=False)):
        assert "evil::db-server" in shown
