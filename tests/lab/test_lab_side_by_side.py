"""Compares this project's refusals with those of the API: each answer that a message quotes must be that of the real services.

The result is `docs/refusals.md`. `REFUSALS_WRITE=1 python -m pytest tests/lab/test_lab_side_by_side.py` writes it after a change.
Calls that only ML2/OVN refuses are made if MULTIPORT_PACKETS_LAB names the directory of a lab with packets. Without it the
document keeps the rows of an earlier run.
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
"""Finds in a message the answer that it quotes: the status and, if there is one, the name of the exception."""
HEAD = """# Refused configurations, and the answers of the API

Configurations that the cloud would refuse are refused in the preview, before any call to the cloud. The table shows this
project's message for each, and the answer of Neutron or Nova (2026.2) to the same request, which would come when half of the
stack already exists. `tests/lab/test_lab_side_by_side.py` writes this page from the answers of the real services.

| The API | Its message | This project's message |
|---|---|---|
"""


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> LabCommand:
    """The lab of the tests, or a running lab with packets, in which no case is skipped."""
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
    """The rows of the document, by the name of the case."""
    return {}


@pytest.fixture(scope="module")
def ovn(lab: LabCommand) -> bool:
    """Whether Neutron uses ML2/OVN in this lab. If so, its agents are the chassis."""
    return any(agent.agent_type.startswith("OVN") for agent in lab.connect("local-admin").network.agents())


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_refused_by_both(case: Refusal, built: Topology, rows: dict[str, str], *, ovn: bool) -> None:
    ours = case.texts()
    for text in ours:
        assert text.isprintable()
        for status, kind in CLAIM.findall(text):
            # The fault of a server whose port could not be bound has the code 500; Neutron had answered Nova with 400.
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


def test_every_quoted_answer_is_in_the_document() -> None:
    naming = {path.stem for path in CASES if CLAIM.search(read(path)["error"])}
    assert naming - {fixture for case in REFUSALS for fixture in case.fixtures} == set()


def test_the_document_is_current(rows: dict[str, str]) -> None:
    if len(rows) < len(REFUSALS):
        pytest.skip("this run did not include every refusal: run the whole file without -k")
    text = HEAD + "".join(f"{rows[case.name]}\n" for case in REFUSALS)
    if os.environ.get("REFUSALS_WRITE"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text


def _seen_with_ovn(case: Refusal, ours: list[str]) -> str:
    """Return the row of an earlier run with ML2/OVN from the document, which must have the present message of this case."""
    found = [row for row in DOCUMENT.read_text().splitlines() if row.endswith(f" | {_cell(ours[0])} |")]
    assert [row for row in found if row.startswith(f"| {f'{case.status} {case.kind}'.strip()} | ")], found
    return found[0]


def _row(status: str, says: str, ours: list[str]) -> str:
    return "| " + " | ".join(_cell(text) for text in (status.strip(), says, ours[0])) + " |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("<", "&lt;")
