"""Every stack and every example of the repository, previewed by the official engine and rendered in every form."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from multiport.review.markdown import GITHUB_MOST, markdown
from multiport.review.preview import read
from multiport.review.redaction import Redaction
from multiport.review.rendered import rendered
from multiport.review.report import Report, report
from multiport.review.terminal import terminal
from tests.engine.stack import ROOT, Stack
from tests.review.record import preview_of

STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/__main__.py"))


def reviewed(stack: Stack) -> Report:
    """The report of the stack's preview, after it was rendered in every form."""
    events, described, _ = preview_of(stack, {}, policies=True)
    preview = read(events, described, Redaction(()))
    made, topology = report(preview, rendered(preview))
    assert made.verdict.replace("`", "") in terminal(made, colours=False)
    assert len(markdown(made, topology).encode()) <= GITHUB_MOST
    return made


@pytest.mark.parametrize("file", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_a_stack(make_stack: Callable[..., Stack], file: Path) -> None:
    config = {name.removeprefix("multiport:"): value for name, value in yaml.safe_load(file.read_text())["config"].items()}
    stack = make_stack(file.stem.removeprefix("Pulumi."))
    stack.configure(config)
    made = reviewed(stack)
    assert made.outcome == "changes"
    assert made.findings == ()
    assert {row.server for row in made.ports if row.server} == set(config["servers"])
    assert {row.key for row in made.ports if not row.server} == set(config.get("virtual_ips", {}))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example(make_stack: Callable[..., Stack], example: Path) -> None:
    made = reviewed(make_stack(example.name.replace("_", "-"), example))
    assert made.outcome == "changes"
    assert made.ports
    assert all("(known after the update)" not in row.network.new for row in made.ports)
