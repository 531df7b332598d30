"""The three things that can be done with a stack: bring it up, say what that would do, take it down."""

from collections.abc import Callable

import pulumi

from . import program
from .engine import Engine, Findings, Mode
from .errors import INSTALL, DirectError
from .project import Project
from .provider import Connect, OpenStack, Providers
from .report import Report
from .state import Store
from .teardown import take_down
from .urns import PROVIDERS, Urn

Run = Callable[[Project, Engine, Mode], BaseException | None]

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def up(project: Project, store: Store, report: Report, connect: Connect = OpenStack, run: Run = program.run) -> int:
    """Make the stack, or find that it exists unchanged; return the exit status.

    Raises:
        DirectError: what exists differs from what the program registers, is the rest of a failed run, or lies in another
            cloud. Nothing was changed.
    """
    providers = Providers(connect, project.provider_config())
    if store.state.resources:
        return _compare(project, store, providers, report, run)
    engine = Engine(project, Mode.CREATE, store, providers, report)
    raised = run(project, engine, Mode.CREATE)
    found = engine.findings
    store.state.outputs = found.outputs
    store.state.complete = raised is None and not found.failed and not found.errors
    if not store.state.complete and not store.state.made():
        store.state.resources.clear()
    store.save()
    if not store.state.complete:
        status = _tell_failure(raised, found, project, report)
        if store.state.resources:
            report.problem(f"{len(store.state.made())} resources were made; `down` takes them down again.")
        return status
    report.outputs(found.outputs)
    report.line(f"Resources: {len(found.made)} created in {report.elapsed()}")
    return 0


def preview(project: Project, store: Store, report: Report, connect: Connect = OpenStack, run: Run = program.run) -> int:
    """Say what `up` would do, without doing it; return the exit status.

    Raises:
        DirectError: as `up`.
    """
    providers = Providers(connect, project.provider_config())
    if store.state.resources:
        return _compare(project, store, providers, report, run)
    engine = Engine(project, Mode.PLAN, store, providers, report)
    raised = run(project, engine, Mode.PLAN)
    if raised or engine.findings.failed or engine.findings.errors:
        return _tell_failure(raised, engine.findings, project, report)
    for urn in engine.findings.made:
        report.resource("+", urn, "create")
    report.line(f"Resources: {len(engine.findings.made)} to create")
    return 0


def down(project: Project, store: Store, report: Report, connect: Connect = OpenStack) -> int:
    """Take down all that is recorded; return the exit status. With nothing recorded there is nothing to do.

    Raises:
        DirectError: a resource is protected, or the stack lies in another cloud.
    """
    resources = store.state.resources
    if not resources:
        report.line("Resources: nothing to take down")
        return 0
    protected = [urn for urn, resource in resources.items() if resource.protect]
    if protected:
        raise DirectError(f"{', '.join(map(_label, protected))}: protected. Take `protect` out of the program, then `up`.")
    providers = Providers(connect, project.provider_config())
    _recorded_cloud(store, providers)
    store.state.complete = False
    total = len(store.state.made())
    failed = take_down(store, providers, report, program.PARALLEL)
    if failed:
        lines = [f"  ! {_label(urn)}: {why}" for urn, why in failed.items()]
        report.problem("\n".join(["error: not everything could be taken down; `down` tries the rest again:", *lines]))
        return 1
    report.line(f"Resources: {total} deleted in {report.elapsed()}")
    return 0


def _compare(project: Project, store: Store, providers: Providers, report: Report, run: Run) -> int:
    if not store.state.complete:
        raise DirectError("the last run did not come to its end: `down` takes down what it left, then `up` starts anew.")
    _recorded_cloud(store, providers)
    engine = Engine(project, Mode.COMPARE, store, providers, report)
    raised = run(project, engine, Mode.COMPARE)
    found = engine.findings
    if raised or found.failed or found.errors:
        return _tell_failure(raised, found, project, report)
    gone = "no longer in the program" if not found.new else "no longer in the program, or waiting for something new"
    differences = [
        *(f"  ~ {_label(urn)}: {', '.join(changes)} changed" for urn, changes in found.changed.items()),
        *(f"  + {_label(urn)}: new" for urn in found.new),
        *(f"  - {_label(urn)}: {gone}" for urn in engine.removed()),
    ]
    if differences:
        raise DirectError(
            "\n".join(
                [
                    f"stack {project.stack} exists and the program has changed; this needs the Pulumi CLI ({INSTALL}):",
                    *differences,
                    "Nothing was changed. The direct driver knows whole stacks only: `down`, then `up`, makes it anew.",
                ]
            )
        )
    engine.settle()
    report.outputs(found.outputs)
    report.line(f"Resources: {len(store.state.made())} unchanged ({report.elapsed()})")
    return 0


def _recorded_cloud(store: Store, providers: Providers) -> None:
    """Make the recorded providers known, and refuse a cloud that is not the one in which the stack was made."""
    state = store.state
    for urn, resource in state.resources.items():
        if Urn.parse(urn).type.startswith(PROVIDERS):
            providers.declare(urn, resource.inputs)
    held = next(iter(state.made()), None)
    if held and providers.of(held.provider).identity() != state.cloud:
        raise DirectError(
            f"{store.path} records a stack in another cloud project; was the local cloud reset? If it is gone, delete the file."
        )


def _tell_failure(raised: BaseException | None, found: Findings, project: Project, report: Report) -> int:
    for text in found.errors:
        report.problem(f"error: {text}")
    for urn, why in found.failed.items():
        report.problem(f"error: {_label(urn)}: {why}")
    # an exception beside reported errors is their consequence: a look-up that failed, an output that never came
    if raised is not None and (isinstance(raised, pulumi.RunError) or not (found.errors or found.failed)):
        report.problem(program.explain(raised, project.program))
    return INTERRUPTED if isinstance(raised, KeyboardInterrupt) else 1


def _label(urn: str) -> str:
    return f"{Urn.parse(urn).type} {Urn.parse(urn).name}"
