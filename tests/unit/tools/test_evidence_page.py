"""The page that is generated from the records of runs. `EVIDENCE_WRITE=1` writes the expected page again."""

import os
from pathlib import Path

from tools.evidence import EXPECTED, INSTALLED, RECORDS, load, page

FOLDER = Path(__file__).parent / "evidence"
AGAINST = ["Python 3.11.7, pulumi 3.259.0", "2 cores, 24 GiB of memory"]


def test_the_page_shows_each_record_and_what_is_missing() -> None:
    installed = load(FOLDER / "installed")
    assert installed
    text = page(load(FOLDER), AGAINST, {"life: no official Pulumi CLI here": 3}, installed)
    if os.environ.get("EVIDENCE_WRITE"):
        (FOLDER / "page.md").write_text(text)
    assert text == (FOLDER / "page.md").read_text()


def test_without_records_every_proof_is_listed_as_not_run() -> None:
    text = page({}, AGAINST, {})
    assert all(f"- {name}: {what}; there is no record of it." in text for name, what in EXPECTED.items())


def test_with_every_record_nothing_is_listed_as_not_run() -> None:
    record = load(FOLDER)["d"]
    assert "Nothing was left out." in page(dict.fromkeys(EXPECTED, record), AGAINST, {})


def test_the_page_of_this_repository_matches_its_records() -> None:
    """Everything is compared except the versions of the software, which the records do not contain."""
    written, records = (RECORDS.parent / "proof.md").read_text(), load(RECORDS)
    parts = page(records, [], {}, load(INSTALLED)).split("\n## ")
    for part in parts[1:]:
        title = part.partition("\n")[0]
        assert title == "Not run" or f"\n## {part.strip()}\n" in written, title
    assert len(parts) == written.count("\n## ") + 1
