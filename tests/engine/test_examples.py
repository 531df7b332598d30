"""Deploys each example program unmodified, checks that no change is left, and destroys it at the first attempt."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.stack import ROOT, Stack

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/__main__.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_deployed_and_destroyed(make_stack: Callable[..., Stack], example: Path) -> None:
    stack = make_stack(example.name.replace("_", "-"), example)
    stack.up()
    assert stack.refresh() == []
    assert stack.outputs()
    stack.destroy()


def test_the_smallest_example_has_fewer_than_30_lines() -> None:
    lines = (ROOT / "examples" / "two_floating_ips" / "__main__.py").read_text().splitlines()
    assert len(lines) < 30
