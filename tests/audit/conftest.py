"""Stacks that the official engine has deployed on the local cloud, and audits of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multiport.audit.audit import audit
from multiport.audit.finding import Finding
from multiport.audit.state import State, read
from tests.audit.everything import everything
from tests.engine.conftest import api, cli, cloud, make_stack
from tests.engine.stack import Stack

__all__ = ["api", "cli", "cloud", "make_stack"]

HERE = Path(__file__).parent
WITHOUT_ENGINE = {"test_locks.py", "test_reading.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and item.path.name not in WITHOUT_ENGINE:
            item.add_marker(pytest.mark.engine)


@dataclass
class Deployed:
    """A deployed stack, whose state is read once: what a test then changes, it changes in the cloud only."""

    stack: Stack
    api: Any
    state: State

    def audit(self) -> list[Finding]:
        """What an audit finds now."""
        return list(audit(self.state, self.stack.environment, lambda _: None, self.api).findings)

    def read_again(self) -> None:
        """After an update."""
        self.state = state_of(self.stack)

    def id(self, kind: str, name: str) -> str:
        """Id of a resource, by the last word of its type and its name."""
        [found] = [each.id for each in self.state.resources if each.type.endswith(f":{kind}") and each.name == name]
        return found


def state_of(stack: Stack) -> State:
    return read(stack._call("stack", "export").stdout, project="multiport", stack=stack.name)


@pytest.fixture(scope="module")
def deployed(make_stack: Callable[..., Stack], api: Any) -> Deployed:
    """Every component and option, deployed."""
    stack = make_stack("audited")
    stack.configure(everything())
    stack.update()
    return Deployed(stack, api, state_of(stack))
