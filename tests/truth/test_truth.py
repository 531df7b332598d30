"""The review tells the truth about pairs of stack files: previewed by the official engine, a sample of them deployed."""

from collections.abc import Callable

import pytest

from multiport.components.checks import load
from tests.engine.stack import Stack
from tests.truth import costs, pairs
from tests.truth.changes import BASE, CHANGES, Change, changed, first
from tests.truth.trial import Trial, broken

SINGLES = CHANGES[::3]
RANDOM = 40 - len(SINGLES)


@pytest.mark.usefixtures("key_pairs")
def test_no_report_misses_or_invents_a_loss(make_stack: Callable[..., Stack], api: object) -> None:
    trial = Trial(make_stack("truth"), api)
    seen = pairs.singles(trial, SINGLES)
    pairs.randoms(trial, RANDOM)
    assert broken(trial.pairs) == {}
    assert sum(pair.deployed for pair in trial.pairs) >= RANDOM // pairs.DEPLOYED
    rows = costs.DOCUMENT.read_text().splitlines(keepends=True)
    for change in SINGLES:
        assert costs.row(change, seen[change.name]) in rows


def test_every_change_has_its_row() -> None:
    text = costs.DOCUMENT.read_text()
    assert text.startswith(costs.HEAD)
    rows = text.removeprefix(costs.HEAD).splitlines()
    assert [row.split(" | ")[:2] for row in rows] == [[f"| `{change.key}`", change.what] for change in CHANGES]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_change_makes_another_valid_stack_of_the_base(change: Change) -> None:
    load(changed(BASE, change, first))
