"""The operations on a stack: create it (`up`), show what that would do (`preview`), and delete it (`down`)."""

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
    """Create the stack, or find that it exists unchanged. Return the exit status.

    Raises:
        DirectError: the existing stack differs from the program, was left by a failed run, or is in another cloud. Nothing was
            changed.
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
        status = _report_failure(raised, found, project, report)
        if store.state.resources:
            report.problem(f"{len(store.state.made())} resources were created; `down` deletes them.")
        return status
    report.outputs(found.outputs)
    report.line(f"Resources: {len(found.made)} created in {report.elapsed()}")
    return 0


def preview(project: Project, store: Store, report: Report, connect: Connect = OpenStack, run: Run = program.run) -> int:
    """Show what `up` would do, without doing it. Return the exit status.

    Raises:
        DirectError: see `up`.
    """
    providers = Providers(connect, project.provider_config())
    if store.state.resources:
        return _compare(project, store, providers, report, run)
    engine = Engine(project, Mode.PLAN, store, providers, report)
    raised = run(project, engine, Mode.PLAN)
    if raised or engine.findings.failed or engine.findings.errors:
        return _report_failure(raised, engine.findings, project, report)
    for urn in engine.findings.made:
        report.resource("+", urn, "create")
    report.line(f"Resources: {len(engine.findings.made)} to create")
    return 0


def down(project: Project, store: Store, report: Report, connect: Connect = OpenStack) -> int:
    """Delete all recorded resources. Return the exit status. If nothing is recorded, there is nothing to do.

    Raises:
        DirectError: a resource is protected, or the stack is in another cloud.
    """
    resources = store.state.resources
    if not resources:
        report.line("Resources: nothing to delete")
        return 0
    protected = [urn for urn, resource in resources.items() if resource.protect]
    if protected:
        names = ", ".join(map(_label, protected))
        raise DirectError(f"{names}: protected. Remove `protect` from the program and run `up`, then `down`.")
    providers = Providers(connect, project.provider_config())
    _recorded_cloud(store, providers)
    store.state.complete = False
    total = len(store.state.made())
    failed = take_down(store, providers, report, program.PARALLEL)
    if failed:
        lines = [f"  ! {_label(urn)}: {why}" for urn, why in failed.items()]
        report.problem("\n".join(["error: some resources could not be deleted; `down` tries them again:", *lines]))
        return 1
    report.line(f"Resources: {total} deleted in {report.elapsed()}")
    return 0


def _compare(project: Project, store: Store, providers: Providers, report: Report, run: Run) -> int:
    if not store.state.complete:
        raise DirectError("the last run did not finish: run `down`, which deletes the resources that it left, then `up` again.")
    _recorded_cloud(store, providers)
    engine = Engine(project, Mode.COMPARE, store, providers, report)
    raised = run(project, engine, Mode.COMPARE)
    found = engine.findings
    if raised or found.failed or found.errors:
        return _report_failure(raised, found, project, report)
    gone = "no longer in the program" if not found.new else "no longer in the program, or it depends on a new resource"
    differences = [
        *(f"  ~ {_label(urn)}: {', '.join(changes)} changed" for urn, changes in found.changed.items()),
        *(f"  + {_label(urn)}: new" for urn in found.new),
        *(f"  - {_label(urn)}: {gone}" for urn in engine.removed()),
    ]
    if differences:
        raise DirectError(
            "\n".join(
                [
                    f"stack {project.stack} exists and the program has changed since; this needs the Pulumi CLI ({INSTALL}):",
                    *differences,
                    "Nothing was changed. The direct driver cannot update a stack; `down`, then `up`, recreates it.",
                ]
            )
        )
    engine.save_unchanged()
    report.outputs(found.outputs)
    report.line(f"Resources: {len(store.state.made())} unchanged ({report.elapsed()})")
    return 0


def _recorded_cloud(store: Store, providers: Providers) -> None:
    """Declare the recorded providers, and refuse to continue if the stack was created in another cloud."""
    state = store.state
    for urn, resource in state.resources.items():
        if Urn.parse(urn).type.startswith(PROVIDERS):
            providers.declare(urn, resource.inputs)
    held = next(iter(state.made()), None)
    if held and providers.of(held.provider).identity() != state.cloud:
        raise DirectError(
            f"{store.path} records a stack in another cloud project. If the local cloud was reset, delete the file."
        )


def _report_failure(raised: BaseException | None, found: Findings, project: Project, report: Report) -> int:
    for text in found.errors:
        report.problem(f"error: {text}")
    for urn, why in found.failed.items():
        report.problem(f"error: {_label(urn)}: {why}")
    # If errors were reported already, the exception is a consequence of them: a failed look-up, or a missing output.
    if raised is not None and (isinstance(raised, pulumi.RunError) or not (found.errors or found.failed)):
        report.problem(program.explain(raised, project.program))
    return INTERRUPTED if isinstance(raised, KeyboardInterrupt) else 1


def _label(urn: str) -> str:
    return f"{Urn.parse(urn).type} {Urn.parse(urn).name}"
