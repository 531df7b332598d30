"""The API's own refusal and ours, side by side: every answer that our texts name is what the real services answer.

`docs/refusals.md` shows them. After a change: `REFUSALS_WRITE=1 python -m pytest tests/lab/test_lab_side_by_side.py`.
What only ML2/OVN refuses is asked where MULTIPORT_PACKETS_LAB names the directory of such a lab; elsewhere the document keeps the
rows that such a run wrote.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from openstack.exceptions import HttpException

from tests.invalid.test_invalid import CASES, read
from tests.lab.command import LabCommand
from tests.lab.refusals import REFUSALS, Refusal, ServerFaultError, answer
from tests.lab.topology import Topology, topology

if TYPE_CHECKING:
    from collections.abc import Iterator
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("side-by-side")]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "refusals.md"
CLAIM = re.compile(r"(?:answers(?: a tenant)? |\()(\d{3})(?: ([A-Z]\w+))?")
"""What one of our texts says that the API answers: the status and, perhaps, the exception's name."""
HEAD = """# Refused by us, and by the API

What a tenant may not do is refused before any call to the cloud, in the preview already. Beside our words stands what Neutron
or Nova (2026.2) answers to the same thing: the answer that you would get after half of your stack is there. This page is
written by `tests/lab/test_lab_side_by_side.py`, which asks the real services.

| The API | Its words | Ours |
|---|---|---|
"""


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> LabCommand:
    """The tests' own, or a running one whose Neutron is ML2/OVN, so that nothing is left out."""
    packets = os.environ.get("MULTIPORT_PACKETS_LAB")
    if packets:
        return LabCommand(Path(packets))
    own: LabCommand = request.getfixturevalue("own_lab")
    return own


@pytest.fixture(scope="module")
def built(lab: LabCommand) -> Iterator[Topology]:
    with topology(lab.connect("local"), "side-by-side") as network:
        network.operator = lab.connect("local-admin")
        yield network


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """What was seen, by the case's name."""
    return {}


@pytest.fixture(scope="module")
def ovn(lab: LabCommand) -> bool:
    """Whether Neutron runs ML2/OVN here: its agents are then the chassis."""
    return any(agent.agent_type.startswith("OVN") for agent in lab.connect("local-admin").network.agents())


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_refused_by_both(case: Refusal, built: Topology, rows: dict[str, str], *, ovn: bool) -> None:
    ours = case.texts()
    for text in ours:
        assert text.isprintable()
        for status, kind in CLAIM.findall(text):
            # the fault of a server that could not be bound says 500; Neutron's answer to Nova was 400
            assert status == ("400" if case.ovn else str(case.status)), text
            assert kind in ("", case.kind), text
    if case.ovn and not ovn:
        rows[case.name] = _seen_with_ovn(case, ours)
        pytest.skip("only ML2/OVN refuses it: `make up LAB=packets`, then run this test with MULTIPORT_PACKETS_LAB=.lab/packets")
    with pytest.raises((HttpException, ServerFaultError)) as refusal:
        case.call(built)
    error = refusal.value
    assert isinstance(error, HttpException | ServerFaultError)
    kind, says = answer(error)
    assert re.search(case.says, says), says
    assert (error.status_code, kind) == (case.status, case.kind), says
    rows[case.name] = _row(f"{case.status} {kind}", says, ours)


def test_every_answer_that_we_name_is_shown() -> None:
    naming = {path.stem for path in CASES if CLAIM.search(read(path)["error"])}
    assert naming - {fixture for case in REFUSALS for fixture in case.fixtures} == set()


def test_the_document_shows_them(rows: dict[str, str]) -> None:
    if len(rows) < len(REFUSALS):
        pytest.skip("not every refusal was seen in this run: run the whole file, without -k")
    text = HEAD + "".join(f"{rows[case.name]}\n" for case in REFUSALS)
    if os.environ.get("REFUSALS_WRITE"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text


def _seen_with_ovn(case: Refusal, ours: list[str]) -> str:
    """The document's own row, of a run with ML2/OVN, as long as it is of this refusal and has our words of today."""
    found = [row for row in DOCUMENT.read_text().splitlines() if row.endswith(f" | {_cell(ours[0])} |")]
    assert [row for row in found if row.startswith(f"| {f'{case.status} {case.kind}'.strip()} | ")], found
    return found[0]


def _row(status: str, says: str, ours: list[str]) -> str:
    return "| " + " | ".join(_cell(each) for each in (status.strip(), says, ours[0])) + " |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("<", "&lt;")
