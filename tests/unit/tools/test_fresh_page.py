"""The page of what fresh machines showed, from the records as `make test-fresh` leaves them."""

import json

from tools.fresh import PAGE, RECORDS, SUITES, page

RECORD = {
    "python": "3.13.5",
    "pip": "25.1.1",
    "engine": "Pulumi CLI v3.259.0",
    "steps": {"first `make up`": {"started": "2026-11-28T12:00:00Z", "seconds": 61, "status": 0, "said": ["a | b", "<c>"]}},
}


def test_a_step_is_shown_with_what_it_said_and_the_others_as_not_run() -> None:
    text = page({"trixie": RECORD})
    assert "## Debian 13\n\n- Python 3.13.5, pip 25.1.1\n- Pulumi CLI v3.259.0" in text
    assert "| first `make up` | a plain user | 2026-11-28T12:00:00Z | 61 | 0 | a \\| b<br>&lt;c> |" in text
    assert "| `make test` | root | | | not run | |" in text


def test_the_page_of_this_repository_says_what_its_records_say() -> None:
    places = {suite: RECORDS / f"{suite}.json" for suite in SUITES}
    records = {suite: json.loads(place.read_text()) for suite, place in places.items() if place.exists()}
    assert records
    assert page(records) == PAGE.read_text()
