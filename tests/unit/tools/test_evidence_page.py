"""The page of evidence, from records as the runs leave them. `EVIDENCE_WRITE=1` writes the expected page anew."""

import os
from pathlib import Path

from tools.evidence import EXPECTED, load, page

FOLDER = Path(__file__).parent / "evidence"
AGAINST = ["Python 3.11.7, pulumi 3.259.0", "2 cores, 24 GiB of memory"]


def test_the_page_shows_each_record_and_what_is_missing() -> None:
    text = page(load(FOLDER), AGAINST, {"life: no official Pulumi CLI here": 3})
    if os.environ.get("EVIDENCE_WRITE"):
        (FOLDER / "page.md").write_text(text)
    assert text == (FOLDER / "page.md").read_text()


def test_without_records_everything_is_named_as_not_run() -> None:
    text = page({}, AGAINST, {})
    assert all(f"- {name}: {what}; there is no record of it." in text for name, what in EXPECTED.items())


def test_with_every_record_nothing_is() -> None:
    [record] = [each for name, each in load(FOLDER).items() if name == "d"]
    assert "Nothing was left out." in page(dict.fromkeys(EXPECTED, record), AGAINST, {})
