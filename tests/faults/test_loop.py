"""A short loop of faults: each operation once with the CLI killed and once with an API that fails; recovery ends clean."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multiport import toolchain
from tests.engine.stack import ROOT, Stack
from tests.faults.loop import Loop, Trial
from tests.faults.proxy import Fault, before
from tests.faults.table import table

LOST_ANSWER = Fault(status=500, after=True)


@pytest.fixture(scope="module")
def loop(cli: toolchain.Toolchain, cloud: dict[str, str], api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("faults")
    with before(Path(cloud["OS_CLIENT_CONFIG_FILE"]), folder / "proxy") as proxy:
        made = Loop(Stack(folder / "stack", "faults", proxy.environment, ROOT, cli.pulumi), proxy, api, random.Random(1))
        yield made
        made.reset()


@pytest.mark.parametrize(("operation", "kill"), [("create", True), ("update", False), ("replace", True), ("destroy", False)])
def test_whatever_goes_wrong_recovery_and_one_update_end_clean(loop: Loop, operation: str, kill: bool) -> None:
    made = loop.trial(operation, "recover", kill=kill)
    assert made.faults, "nothing went wrong, so nothing was proved"
    assert made.wrong == []


def test_a_lost_answer_doubles_a_port_and_recovery_takes_the_double_away(loop: Loop) -> None:
    plan: Callable[[str], None] = loop._plan

    def only_the_port(operation: str) -> None:
        plan(operation)
        loop._planned = {("POST neutron/v2.0/ports", 1): LOST_ANSWER}

    loop._plan = only_the_port  # type: ignore[method-assign]
    made = loop.trial("create", "recover", kill=False)
    assert made.faults == ["500 after the work was done: POST neutron/v2.0/ports no. 1"]
    assert made.wrong == []


def test_the_table_counts_what_the_record_says() -> None:
    done = [
        Trial(
            "create",
            "plain",
            ["CLI killed after 3 changing requests", "500: POST x no. 1"],
            1.0,
            ["double port a: b"],
            silent=True,
        ),
        Trial("create", "plain", ["500: POST x no. 1"], 1.0),
        Trial("create", "recover", ["500: POST x no. 1"], 1.0),
    ]
    text = table(done)
    assert "| create | `pulumi up` twice | 2 | 3 | 1 | 1 | 1 |" in text
    assert "| **all** | recover, `pulumi up` | 1 | 1 | 0 | 0 | 0 |" in text
