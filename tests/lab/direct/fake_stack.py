"""A stack for tests: its program is a Python function and its cloud is a dictionary."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest

from lab.direct import deployment, program
from lab.direct.cloud import CloudError
from lab.direct.engine import Engine, Mode
from lab.direct.errors import NeedsCliError
from lab.direct.project import Project
from lab.direct.provider import Provider
from lab.direct.report import Report
from lab.direct.state import State, Store


class Thing(pulumi.CustomResource):
    """A resource whose outputs are its name, its size and, once it exists, a serial number."""

    name: pulumi.Output[str]
    size: pulumi.Output[int]
    serial: pulumi.Output[str]

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        super().__init__("openstack:test:Thing", resource_name, {"name": None, "size": None, "serial": None, **inputs}, opts)


class Group(pulumi.ComponentResource):
    """A component with two child resources."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sample:index:Group", name, None, opts)
        self.first = Thing(f"{name}-first", size=1, opts=pulumi.ResourceOptions(parent=self))
        self.second = Thing(f"{name}-second", size=self.first.size, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


@dataclass
class FakeCloud:
    """A provider that keeps its objects in memory and records each write in order."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    settings: list[Mapping[str, Any]] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    project: str = "project-1"
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def connect(self, settings: Mapping[str, Any]) -> Provider:
        self.settings.append(settings)
        return self

    def identity(self) -> str:
        return self.project

    def check(self, resource_type: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if resource_type != "openstack:test:Thing":
            raise NeedsCliError(f"resource type {resource_type} is not supported by the direct driver")
        return {"name": f"{name}-0000000", **inputs}

    def create(self, resource_type: str, inputs: dict[str, Any], tell: Callable[[str], None]) -> None:
        with self.mutex:
            assert resource_type == "openstack:test:Thing"
            if inputs.get("size") == -1:
                raise CloudError(409, "too small")
            id_ = f"id-{len(self.log)}"
            self.objects[id_] = inputs
            self.log.append(f"+{inputs['name']}")
        tell(id_)
        if inputs.get("size") == -2:
            raise CloudError(0, "went to ERROR")

    def read(self, resource_type: str, id_: str, inputs: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {**self.objects[id_], "serial": f"serial of {id_}", "comment": ""}

    def delete(self, resource_type: str, id_: str, inputs: dict[str, Any]) -> None:  # noqa: ARG002
        with self.mutex:
            name = self.objects[id_]["name"]
            if name in self.stuck:
                raise CloudError(409, f"{name} is in use")
            del self.objects[id_]
            self.log.append(f"-{name}")

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if token != "openstack:test:getThing":  # noqa: S105
            raise NeedsCliError(f"function {token} is not supported by the direct driver")
        found = [id_ for id_, thing in self.objects.items() if thing["name"] == arguments["name"]]
        if not found:
            raise CloudError(0, "0 things match; exactly one is needed")
        return {"id": found[0]}


@dataclass
class Outcome:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str


@dataclass
class Stack:
    """A stack with its state file and its cloud."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    cloud: FakeCloud = field(default_factory=FakeCloud)
    config: dict[str, str] = field(default_factory=dict)
    project: Project = field(
        default_factory=lambda: Project("sample", "one", Path(__file__).parent, Path(__file__).parent, declared={}, configured={})
    )

    @property
    def state(self) -> State:
        """The state as it is in the file."""
        return Store(self.path).state

    def urns(self) -> set[str]:
        return set(self.state.resources)

    def up(self, function: Callable[[], object]) -> Outcome:
        return self._outcome(
            lambda: deployment.up(self.project, Store(self.path), Report(), self.cloud.connect, self._running(function))
        )

    def preview(self, function: Callable[[], object]) -> Outcome:
        return self._outcome(
            lambda: deployment.preview(self.project, Store(self.path), Report(), self.cloud.connect, self._running(function))
        )

    def down(self) -> Outcome:
        return self._outcome(lambda: deployment.down(self.project, Store(self.path), Report(), self.cloud.connect))

    def _running(self, function: Callable[[], object]) -> deployment.Run:
        def run(project: Project, engine: Engine, mode: Mode) -> BaseException | None:
            return program.run_function(function, project, self.config, engine, mode)

        return run

    def _outcome(self, command: Callable[[], int]) -> Outcome:
        self.capsys.readouterr()
        refusal = ""
        try:
            status = command()
        except pulumi.RunError as error:
            status, refusal = 1, str(error)
        captured = self.capsys.readouterr()
        return Outcome(status, captured.out, captured.err + refusal)
