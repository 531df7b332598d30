"""Each policy refuses one program and accepts another, run by the real policy engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiport.policy.rules import POLICIES
from tests.engine.stack import Stack
from tests.review.record import preview_of

EXAMPLES = Path(__file__).parent / "policies"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.name != "__pycache__")


@pytest.fixture(scope="module")
def engine(make_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    program = tmp_path_factory.mktemp("program")
    (program / "__main__.py").write_text("")
    (program / "Pulumi.yaml").write_text("name: multiport\nruntime: {name: python}\n")
    return make_stack("policies", program)


def _findings(engine: Stack, program: Path) -> list[dict[str, Any]]:
    (engine.folder / "__main__.py").write_text(program.read_text())
    events, _, _ = preview_of(engine, {}, policies=True)
    lines = [json.loads(line) for line in events.splitlines()]
    told = [line["diagnosticEvent"] for line in lines if "diagnosticEvent" in line]
    assert not [each for each in told if each["severity"] == "error" and "preview failed" not in each["message"]]
    [summary] = [line["summaryEvent"] for line in lines if "summaryEvent" in line]
    assert summary["PolicyPacks"], "no policy was asked"
    return [line["policyEvent"] for line in lines if "policyEvent" in line]


def test_every_policy_has_its_examples() -> None:
    assert sorted(policy.name.replace("-", "_") for policy in POLICIES) == NAMES
    assert [(EXAMPLES / name / f"{side}.py").is_file() for name in NAMES for side in ("fails", "passes")] == [True] * 2 * len(
        NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_refused(engine: Stack, name: str) -> None:
    found = _findings(engine, EXAMPLES / name / "fails.py")
    assert {each["policyName"] for each in found} == {name.replace("_", "-")}
    for each in found:
        assert each["enforcementLevel"] == "mandatory"
        assert "Fix: " in each["message"]
        assert each["resourceUrn"]


@pytest.mark.parametrize("name", NAMES)
def test_passed(engine: Stack, name: str) -> None:
    assert _findings(engine, EXAMPLES / name / "passes.py") == []
