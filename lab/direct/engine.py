"""The engine: answers the resource monitor calls of the Pulumi SDK, in the same process and without gRPC.

A run either creates a whole stack (CREATE, with PLAN as its dry run) or compares the program with an existing stack (COMPARE).
COMPARE writes nothing to the cloud.
"""

import enum
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from .cloud import CloudError
from .errors import DirectError, NeedsCliError
from .project import Project
from .provider import Providers
from .report import Report
from .state import Resource, Store
from .urns import PROVIDERS, STACK_TYPE, Urn, former_urns
from .values import Properties, differing, from_struct, keep_secret, plain, to_struct

_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)
"""Features that the SDK may use. Transforms are missing on purpose: the SDK then refuses them itself."""


class Mode(enum.Enum):
    """What a run does with the resources that the program registers."""

    PLAN = "plan"
    CREATE = "create"
    COMPARE = "compare"


@dataclass
class Findings:
    """Results of a run, by URN."""

    made: list[str] = field(default_factory=list)
    """Custom resources that were planned or created."""
    failed: dict[str, str] = field(default_factory=dict)
    """Resources that could not be planned or created, with the reason."""
    new: list[str] = field(default_factory=list)
    """Resources that the state does not contain (COMPARE)."""
    changed: dict[str, list[str]] = field(default_factory=dict)
    """Resources that differ from the state, with the properties that differ (COMPARE)."""
    former: dict[str, str] = field(default_factory=dict)
    """The URN under which each resource is recorded (COMPARE)."""
    errors: list[str] = field(default_factory=list)
    """Errors that the program logged, and look-ups that failed."""
    outputs: Properties = field(default_factory=dict)
    """The stack's outputs."""


class Engine:
    """The resource monitor and engine for the SDK. The capitalized methods are the calls of Pulumi's resource.proto.

    Args:
        project: the project whose program runs.
        mode: what to do with the resources.
        store: the stack's state.
        providers: the providers that create the resources.
        report: receives the progress.
    """

    def __init__(self, project: Project, mode: Mode, store: Store, providers: Providers, report: Report) -> None:
        self.findings = Findings()
        self.busy = 0
        self.stopping = False
        self._project, self._mode = project, mode
        self._store, self._providers, self._report = store, providers, report
        self._mutex = threading.Lock()
        self._registered: dict[str, Resource] = {}
        self._warned_of_hooks = False

    # The calls of the SDK. They come from several threads, each after the calls that it depends on have been answered.

    def GetDeploymentInfo(self, _: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802 -- the names of the protocol, here and below
        """Return the features that the SDK may use."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Plan, create or compare one resource."""
        urn = Urn.under(self._project.stack, self._project.name, request.parent, request.type, request.name)
        resource = self._resource(request, str(urn))
        try:
            with self._mutex:
                self.busy += 1
                if resource.urn in self._registered:
                    raise DirectError(f"duplicate resource URN {resource.urn}; give the resource a unique name.")
                self._registered[resource.urn] = resource
            if self.stopping:
                return _answer(resource, failed=True)
            self._refuse_unsupported(request)
            if self._mode is Mode.COMPARE:
                return self._compare(request, resource, urn)
            if request.type.startswith(PROVIDERS):
                self._providers.declare(resource.urn, resource.inputs)
                resource.id = str(uuid4())
            elif resource.custom:
                return self._plan(resource, urn) if self._mode is Mode.PLAN else self._create(request, resource, urn)
            resource.outputs = resource.inputs
            if self._mode is Mode.CREATE:
                self._store.record(resource)
            return _answer(resource)
        except NeedsCliError as error:
            return self._failure(resource, str(error))
        finally:
            with self._mutex:
                self.busy -= 1

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Read an object that the program refers to by its id (`Network.get`) and that it does not own."""
        urn = Urn.under(self._project.stack, self._project.name, request.parent, request.type, request.name)
        resource = Resource(str(urn), request.id, custom=True, inputs={}, outputs={}, dependencies=[], external=True)
        properties = from_struct(request.properties)
        self._registered[resource.urn] = resource
        if request.id == rpc.UNKNOWN:
            return resource_pb2.ReadResourceResponse(urn=resource.urn, properties=to_struct(properties))
        provider = self._providers.of(_provider_urn(request.provider))
        provider.check(urn.type, urn.name, {})
        try:
            resource.outputs = provider.read(urn.type, request.id, plain(properties))
        except CloudError as error:
            raise DirectError(f"{urn.type} {urn.name}: reading {request.id} failed: {error}") from error
        if self._mode is Mode.CREATE:
            self._store.record(resource)
        return resource_pb2.ReadResourceResponse(urn=resource.urn, properties=to_struct(resource.outputs))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Answer a look-up. In every mode the answer comes from the cloud."""
        arguments = plain(from_struct(request.args))
        try:
            found = self._providers.of(_provider_urn(request.provider)).invoke(request.tok, arguments)
        except (CloudError, NeedsCliError) as error:
            given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            self.findings.errors.append(f"{request.tok.rsplit(':', 1)[-1]}({given}): {error}")
            return resource_pb2.ResourceInvokeResponse(failures=[provider_pb2.CheckFailure(reason=str(error))])
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(found)})

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        """Store the outputs of the stack. Those of components are not needed: their children have the same values."""
        if Urn.parse(request.urn).type == STACK_TYPE:
            self.findings.outputs = from_struct(request.outputs)
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, _: Any) -> Any:  # noqa: N802
        """Let the program end at once: there is nothing to wait for."""
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, _: Any) -> Any:  # noqa: N802
        """Accept any required version of the CLI, because there is no CLI."""
        return empty_pb2.Empty()

    def Log(self, request: engine_pb2.LogRequest) -> Any:  # noqa: N802
        """Print what the program logs. As with the CLI, a logged error makes the run fail."""
        if request.severity == engine_pb2.ERROR:
            self.findings.errors.append(request.message)
        elif request.severity != engine_pb2.DEBUG:
            self._report.line(f"{engine_pb2.LogSeverity.Name(request.severity).lower()}: {request.message}")
        return empty_pb2.Empty()

    # The work behind the calls.

    def _resource(self, request: resource_pb2.RegisterResourceRequest, urn: str) -> Resource:
        provider = _provider_urn(request.provider)
        outliving = {*request.dependencies, request.parent, provider, request.deletedWith} - {""}
        return Resource(
            urn=urn,
            id="",
            custom=request.custom,
            inputs=from_struct(request.object),
            outputs={},
            dependencies=sorted(outliving),
            provider=provider,
            trigger=from_struct(request.replacement_trigger) if request.HasField("replacement_trigger") else None,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
        )

    def _refuse_unsupported(self, request: resource_pb2.RegisterResourceRequest) -> None:
        if request.remote:
            raise NeedsCliError(f"{request.type} {request.name} is a component of another package")
        if request.importId:
            raise NeedsCliError(f"{request.type} {request.name} is an import")
        hooks = [*request.hooks.before_create, *request.hooks.after_create]
        if hooks and self._mode is Mode.CREATE and not self._warned_of_hooks:
            self._warned_of_hooks = True
            self._report.line(f"warning: the direct driver does not run resource hooks ({', '.join(hooks)}).")

    def _plan(self, resource: Resource, urn: Urn) -> resource_pb2.RegisterResourceResponse:
        checked = self._providers.of(resource.provider).check(urn.type, urn.name, resource.inputs)
        self.findings.made.append(resource.urn)
        return _answer(replace(resource, outputs=checked))

    def _create(
        self, request: resource_pb2.RegisterResourceRequest, resource: Resource, urn: Urn
    ) -> resource_pb2.RegisterResourceResponse:
        started = time.monotonic()
        provider = self._providers.of(resource.provider)
        inputs = provider.check(urn.type, urn.name, plain(resource.inputs))

        def tell(id_: str) -> None:
            resource.id = id_
            self._store.record(resource)

        try:
            self._store.state.cloud = self._store.state.cloud or provider.identity()
            provider.create(urn.type, inputs, tell)
            outputs = provider.read(urn.type, resource.id, inputs)
        except Exception as error:  # noqa: BLE001 -- whatever the error, only this resource fails and the others continue
            return self._failure(resource, str(error) if isinstance(error, CloudError | DirectError) else repr(error))
        resource.outputs = keep_secret(outputs, resource.inputs, request.additionalSecretOutputs)
        self._store.record(resource)
        self.findings.made.append(resource.urn)
        self._report.resource("+", resource.urn, "created", time.monotonic() - started)
        return _answer(resource)

    def _failure(self, resource: Resource, why: str) -> resource_pb2.RegisterResourceResponse:
        self.findings.failed[resource.urn] = why
        if self._mode is Mode.CREATE:
            self._report.resource("!", resource.urn, "failed")
        return _answer(resource, failed=True)

    def _compare(
        self, request: resource_pb2.RegisterResourceRequest, resource: Resource, urn: Urn
    ) -> resource_pb2.RegisterResourceResponse:
        recorded, former = self._store.state.resources, self.findings.former
        older = former_urns(urn, request.parent, former.get(request.parent, request.parent), list(request.aliases))
        old = next((recorded[name] for name in (resource.urn, *older) if name in recorded), None)
        if old is None:
            self.findings.new.append(resource.urn)
            return _answer(resource, failed=True)
        former[resource.urn] = old.urn
        if request.type.startswith(PROVIDERS):
            self._providers.declare(resource.urn, resource.inputs)
        if resource.custom:
            changes = differing(old.inputs, resource.inputs, request.ignoreChanges)
            if None not in (old.trigger, resource.trigger) and old.trigger != resource.trigger:
                changes.append("replacement_trigger")
            if former.get(resource.provider, resource.provider) != old.provider:
                changes.append("provider")
            if Urn.parse(old.urn).type != urn.type:
                changes.append("type")
            if changes:
                self.findings.changed[resource.urn] = changes
        resource.id, resource.inputs, resource.outputs = old.id, old.inputs if old.custom else resource.inputs, old.outputs
        return _answer(resource)

    # After the run.

    def removed(self) -> list[str]:
        """List the resources that are recorded but were not registered: removed from the program, or not reached by it."""
        known = {*self.findings.former.values(), *(urn for urn, r in self._store.state.resources.items() if r.external)}
        return [urn for urn in self._store.state.resources if urn not in known]

    def save_unchanged(self) -> None:
        """Save what can differ after a run without changes: URNs renamed by an alias, options, dependencies, outputs."""
        state = self._store.state
        before = replace(state)
        state.resources = dict(self._registered)
        state.outputs = self.findings.outputs
        if state != before:
            self._store.save()


def _provider_urn(reference: str) -> str:
    """Return the URN in a provider reference (`<urn>::<id>`); an empty reference means the default provider."""
    return reference.rsplit("::", 1)[0] if reference else ""


def _answer(resource: Resource, *, failed: bool = False) -> resource_pb2.RegisterResourceResponse:
    return resource_pb2.RegisterResourceResponse(
        urn=resource.urn,
        id=resource.id,
        object=to_struct(resource.outputs),
        result=resource_pb2.FAIL if failed else resource_pb2.SUCCESS,
    )
