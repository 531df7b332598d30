"""Runs a Pulumi program with Pulumi's Python SDK in this process, against the direct driver's engine."""

import asyncio
import contextvars
import logging
import os
import runpy
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
from pulumi.runtime import run_in_stack, set_all_config
from pulumi.runtime.settings import SETTINGS, Settings, configure
from pulumi.runtime.stack import ResourceRegistrationFailed

from .engine import Engine, Mode
from .project import Project

PARALLEL = 8
"""Number of resources that are created at the same time. With more, SQLite's writers only wait for each other."""

_ORGANIZATION = "organization"
"""Name of the organization that the CLI uses with a local backend."""


def run(project: Project, engine: Engine, mode: Mode) -> BaseException | None:
    """Run the program of a project to its end, and return the exception that it raised, if any.

    Failures that the engine has reported are not returned again. After a failure, independent resources are still waited for.
    """

    def program() -> None:
        runpy.run_path(str(project.program), run_name="__main__")

    before, here = Path.cwd(), str(project.program)
    os.chdir(here)
    sys.path.insert(0, here)  # during the whole run, because an `apply` may import modules later
    try:
        return run_function(program, project, project.config(), engine, mode)
    finally:
        sys.path.remove(here)
        os.chdir(before)


def run_function(
    program: Callable[[], object], project: Project, config: Mapping[str, str], engine: Engine, mode: Mode
) -> BaseException | None:
    """Run a function as the program."""
    # The SDK stores its settings in context variables. In a copied context the run does not change those of the caller.
    return contextvars.copy_context().run(_run, program, project, config, engine, mode)


def _run(
    program: Callable[[], object], project: Project, config: Mapping[str, str], engine: Engine, mode: Mode
) -> BaseException | None:
    # Suppress "Future exception was never retrieved" and "coroutine ... was never awaited" after a failure.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    configure(
        Settings(
            project=project.name,
            stack=project.stack,
            organization=_ORGANIZATION,
            root_directory=str(project.folder),
            monitor=engine,
            engine=engine,
            parallel=PARALLEL,
            dry_run=mode is Mode.PLAN,
        )
    )
    SETTINGS.callbacks = _Hooks()  # otherwise the SDK needs a gRPC server for the callbacks of hooks
    set_all_config(dict(config), [])
    raised = asyncio.run(_run_to_end(program, engine))
    return KeyboardInterrupt() if engine.stopping else raised


class _Hooks:
    """Accepts the resource hooks that the SDK registers. They are not run: they protect updates, which need the CLI."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """Accept a hook."""

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        """Accept an error hook."""


async def _run_to_end(program: Callable[[], object], engine: Engine) -> BaseException | None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(PARALLEL))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, engine, loop, number)

    def main() -> None:
        program()

    raised: BaseException | None = None
    try:
        await run_in_stack(main)
    except BaseException as error:  # noqa: BLE001 -- the caller reports every error of the program
        raised = error
    while others := asyncio.all_tasks() - {asyncio.current_task()}:  # the SDK itself stops waiting at the first failure
        done, _ = await asyncio.wait(others, timeout=1)
        if not done and not engine.busy:
            break
    return None if isinstance(raised, ResourceRegistrationFailed) else raised


def _stop(engine: Engine, loop: asyncio.AbstractEventLoop, number: int) -> None:
    engine.stopping = True  # running calls finish and are recorded, but no new ones begin
    loop.remove_signal_handler(number)  # a second signal has its default effect


def explain(error: BaseException, program: Path) -> str:
    """Describe an exception of a program: a RunError by its message only, others with the frames of the program."""
    if isinstance(error, pulumi.RunError):
        return f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted."
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename), program)]
    told = traceback.format_list([*own, *(frame for frame in frames[-1:] if frame not in own)] if own else frames)
    lines = ["error: the program failed with an unhandled exception:\n", *told, *traceback.format_exception_only(error)]
    return "".join(lines).rstrip()


def _is_own(file: Path, program: Path) -> bool:
    return file.is_relative_to(program) and "site-packages" not in file.parts
