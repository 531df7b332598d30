"""Runs a program on Pulumi's mocks and keeps every request: what was asked for and how, not only what came back.

A run ends before the test looks at it, so that no assertion waits for a callback that never comes.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import MockCallArgs, MockResourceArgs, run_in_stack, set_all_config
from pulumi.runtime.mocks import MockEngine, MockMonitor
from pulumi.runtime.proto import provider_pb2, resource_pb2
from pulumi.runtime.settings import SETTINGS, reset_options

from tests.unit.components.cloud import Cloud
from tests.unit.components.wire import read, written

PROJECT, STACK = "multiport", "test"


@dataclass(frozen=True)
class Registration:
    """One resource as the program asked for it.

    Other resources are called by their short type and name, "Port web-a".
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    """The stack is called by an empty name."""
    dependencies: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    provider: str
    """Name of an explicit provider; empty for the default one."""
    options: Mapping[str, Any]
    """Every option that was given, by Pulumi's name; aliases as former names, hooks as {event: [name]}."""


@dataclass(frozen=True)
class Resource:
    """What became of a resource."""

    id: str
    """Empty: not known."""
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass
class Deployment:
    """Everything that a run asked for."""

    resources: dict[str, Registration] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What components registered as their outputs."""
    exports: dict[str, Any] = field(default_factory=dict)
    calls: list[MockCallArgs] = field(default_factory=list)
    """Look-ups, in their order."""
    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict)
    state: dict[str, Resource] = field(default_factory=dict)
    """By URN, for the next run to start from."""

    def __getitem__(self, name: str) -> Registration:
        return self.resources[name]

    def of_type(self, kind: str) -> dict[str, Registration]:
        """All resources of a short type, by name."""
        return {each.name: each for each in self.resources.values() if each.type.rsplit(":", 1)[-1] == kind}


def deploy(
    program: Callable[[], object],
    *,
    preview: bool = False,
    after: Deployment | None = None,
    config: Mapping[str, str] | None = None,
    project: str = PROJECT,
    stack: str = STACK,
) -> Deployment:
    """Run a program to its end.

    Args:
        program: The program.
        preview: Whether nothing is created: what a provider decides is then unknown.
        after: The run before, whose resources exist.
        config: Configuration as the CLI hands it over.
        project: Project name.
        stack: Stack name.
    """
    engine = Engine(Cloud(), f"{stack}::{project}", preview=preview, after=after)

    async def run() -> Deployment:
        reset_options(project, stack, monitor_address=engine, engine_address=MockEngine(None), preview=preview)  # type: ignore[arg-type]
        SETTINGS.callbacks = engine  # else the SDK wants a gRPC server for the hooks' callbacks
        set_all_config(dict(config or {}))
        # what fails is raised; the SDK's forgotten futures would tell it again when they are collected, in the midst of anything
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        loop.set_default_executor(AtOnce())
        try:
            await run_in_stack(main)
        finally:
            # after a failure the SDK leaves the rest under way
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        return engine.deployment

    def main() -> None:
        program()

    # the SDK keeps its settings in context variables, which a run of its own leaves as they were
    return asyncio.run(run())


class AtOnce(ThreadPoolExecutor):
    """Answers each request before the next is made, so that a run is the same every time, and without threads."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        try:
            answer.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            answer.set_exception(error)
        return answer


class Engine(MockMonitor):
    """Pulumi's mock engine, which also remembers, and refuses what the real one refuses."""

    def __init__(self, cloud: Cloud, place: str, *, preview: bool, after: Deployment | None) -> None:
        super().__init__(cloud)
        self.deployment = Deployment(calls=cloud.called)
        self._cloud, self._place, self._preview = cloud, place, preview
        self._before = {} if after is None else after.state
        self._called = {"": ""}

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        types = request.parent.split("::")[2].removeprefix("pulumi:pulumi:Stack") if request.parent else ""
        urn = f"urn:pulumi:{self._place}::{types and types + '$'}{request.type}::{request.name}"
        if request.type == "pulumi:pulumi:Stack":
            self._called[urn] = ""
            return resource_pb2.RegisterResourceResponse(urn=urn)
        called = f"{request.type.rsplit(':', 1)[-1]} {request.name}"
        if urn in self._called:
            raise ValueError(f"Duplicate resource URN '{urn}'")
        if called in self.deployment.resources:
            called = f"{self._called[request.parent]}: {called}"
        self._called[urn] = called
        registration = self.deployment.resources[called] = self._registration(request)
        made = self.deployment.state[urn] = self._made(urn, registration, custom=request.custom)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=written(made.outputs))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Empty:  # noqa: N802
        called, outputs = self._called[request.urn], read(request.outputs)
        if called:
            self.deployment.outputs[called] = outputs
        else:
            self.deployment.exports = outputs
        return Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        answer, failures = self._cloud.call(MockCallArgs(request.tok, read(request.args), self._provider(request.provider)))
        response = resource_pb2.ResourceInvokeResponse(
            failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in failures]
        )
        getattr(response, "return").CopyFrom(written(answer))
        return response

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        if hook.name in self.deployment.hooks:
            raise ValueError(f'resource hook already registered for name "{hook.name}"')  # the engine's own words
        self.deployment.hooks[hook.name] = hook

    def _registration(self, request: resource_pb2.RegisterResourceRequest) -> Registration:
        return Registration(
            type=request.type,
            name=request.name,
            inputs=read(request.object),
            parent=self._called[request.parent],
            dependencies=self._names(request.dependencies),
            property_dependencies={
                key: names for key, value in request.propertyDependencies.items() if (names := self._names(value.urns))
            },
            provider=self._provider(request.provider),
            options=_options(request),
        )

    def _made(self, urn: str, registration: Registration, *, custom: bool) -> Resource:
        """What becomes of a resource. In a preview, a new one has its inputs only, and a changed one what it had beside them."""
        former = [f"{urn.rpartition('::')[0]}::{name}" for name in registration.options.get("aliases", [])]
        before = next((self._before[each] for each in (urn, *former) if each in self._before), None)
        inputs = dict(registration.inputs)
        if before is not None:
            inputs |= {key: before.inputs.get(key) for key in registration.options.get("ignore_changes", [])}
        inputs = {key: value for key, value in inputs.items() if value is not None}
        if not custom:
            return Resource("", inputs, inputs)
        if self._preview and before is None and not registration.type.startswith("pulumi:providers:"):
            return Resource("", inputs, inputs)
        args = MockResourceArgs(registration.type, registration.name, inputs)
        if before is None:
            resource_id, state = self._cloud.new_resource(args)
            return Resource(resource_id, inputs, state)
        state = self._cloud.previewed(args, before.outputs) if self._preview else self._cloud.updated(args, before.outputs)
        return Resource(before.id, inputs, state)

    def _names(self, urns: Any) -> frozenset[str]:
        return frozenset(self._called[urn] for urn in urns)

    def _provider(self, reference: str) -> str:
        return reference.rsplit("::", 2)[-2] if reference else ""


def _options(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    options = {
        "delete_before_replace": request.deleteBeforeReplace,
        "protect": request.protect,
        "ignore_changes": [*request.ignoreChanges],
        "aliases": [alias.spec.name for alias in request.aliases],
        "custom_timeouts": MessageToDict(request.customTimeouts),
        "hooks": {event.name: [*names] for event, names in request.hooks.ListFields()},
        "replace_on_changes": [*request.replaceOnChanges],
        "retain_on_delete": request.retainOnDelete,
        "additional_secret_outputs": [*request.additionalSecretOutputs],
    }
    if request.HasField("replacement_trigger"):
        options["replacement_trigger"] = MessageToDict(request.replacement_trigger)
    return {key: value for key, value in options.items() if value or key == "replacement_trigger"}
