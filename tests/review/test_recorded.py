"""Recorded previews are rendered as expected; commands write both the recordings and the expectations, and people read them."""

import json
import random
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from multiport.review.markdown import GITHUB_MOST, markdown
from multiport.review.preview import read
from multiport.review.redaction import Redaction
from multiport.review.report import report
from tests.review import expect, recording
from tests.review.cases import CASES

NAMES = sorted(CASES)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def test_every_case_is_recorded_and_nothing_else() -> None:
    assert sorted(path.name for path in recording.FOLDER.iterdir() if path != recording.TEXTS) == NAMES


def test_every_recorded_text_is_used() -> None:
    assert list(recording.unused_texts()) == []


@pytest.mark.parametrize("name", NAMES)
def test_rendered_as_expected(name: str) -> None:
    folder = recording.FOLDER / name
    for file, text in expect.expectations(name).items():
        assert text == (folder / file).read_bytes().decode(), f"{folder / file}: python -m tests.review.expect writes it anew"


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_events_does_not_matter(name: str) -> None:
    events, preview, texts = recording.read(recording.FOLDER / name)
    lines = events.splitlines()
    redaction = Redaction(expect.secrets(name))
    expected, _ = expect.rendered(name)
    for seed in range(1 if name == "create-many" else 3):
        random.Random(seed).shuffle(lines)
        made, _ = report(read("\n".join(lines), preview, redaction), redaction.values(texts))
        assert made.json() == expected.json()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("most", [GITHUB_MOST, 20_000, 4_000, 1_500])
def test_never_too_long_and_never_cut_inside_a_block(name: str, most: int) -> None:
    made, topology = expect.rendered(name)
    text = markdown(made, topology, most)
    assert len(text.encode()) <= most
    assert text.startswith("<!-- multiport review of multiport/review -->\n")
    tokens = PARSER.parse(text)
    for fence in (token for token in tokens if token.type == "fence"):
        assert fence.map is not None
        closing = text.split("\n")[fence.map[1] - 1].strip()
        assert closing == fence.markup, f"a block is open to the end: {fence.content[-200:]}"
    assert _balanced(tokens)
    if most < len(markdown(made, topology).encode()):
        assert "Left out for length" in text


def _balanced(tokens: list[Token]) -> bool:
    """Return whether every fold is closed; folds are HTML between blocks."""
    html = "".join(token.content for token in tokens if token.type == "html_block")
    return html.count("<details") == html.count("</details>") and html.count("<summary>") == html.count("</summary>")


@pytest.mark.parametrize("name", NAMES)
def test_the_markdown_is_what_it_looks_like(name: str) -> None:
    made, topology = expect.rendered(name)
    tokens = PARSER.parse(markdown(made, topology))
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == (len(made.ports) + 1 if made.ports else 0)
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 10 * len(made.ports)
    headings = [after.content for before, after in pairwise(tokens) if before.type == "heading_open"]
    assert set(headings) <= {"Errors", "Policies", "Warnings", "Replaced, rebuilt, deleted", "Ports", "Guest files", "Topology"}
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    assert not [child for child in inline if child.type in ("link_open", "image", "html_inline")]
    allowed = ("<details>", "<details open>", "</details>", "<!-- multiport review", "<!-- change ")
    for token in tokens:
        if token.type == "html_block":
            assert all(line.startswith(allowed) for line in token.content.splitlines() if line), token.content


def test_200_ports_are_all_in_the_table() -> None:
    made, topology = expect.rendered("create-many")
    assert len(made.ports) == 200
    text = markdown(made, topology)
    assert sum(line.startswith("| + | ") for line in text.splitlines()) == 200


def test_the_most_serious_is_kept_when_little_fits() -> None:
    made, topology = expect.rendered("port-removed")
    text = markdown(made, topology, 2_500)
    assert "**replace server `web`**" in text
    assert "the full diff" in text


def test_json_is_read_back() -> None:
    for name in NAMES:
        made, _ = expect.rendered(name)
        assert json.loads(made.json())["verdict"] == made.verdict
