"""Text of others is text wherever it stands: it ends no span, cell or block, mentions nobody, and hides nothing."""

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
from multiport.review.wording import block, code, prose, visible
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
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", visible(text))
