"""Starts and stops one lab, and reports the state of its services."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from installation.locks import exclusive
from lab import configuration, processes, settings, venv
from lab.plane import Plane, ServiceState
from lab.settings import ADDRESS, SERVICES, LabError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from lab.processes import Process
    from lab.settings import Settings

READY_SECONDS = 180.0
"""Seconds until all services must answer. They need 20 s on two idle cores (measured)."""
PROGRESS_SECONDS = 5.0
PROBE_SECONDS = 2.0
LOG_TAIL_LINES = 25
LOG_KEEP_BYTES = 5_000_000
"""A log file larger than this is renamed at the next start. One former file is kept."""


class Lab:
    """One lab, identified by its directory.

    Args:
        directory: everything the lab writes.
        environment: virtual environment of its services.
        port_base: the first of its ports; None: the first start chooses.
        say: is called with each line of progress.
        plane: what the services need below them in the lab's mode.
    """

    def __init__(
        self, directory: Path, environment: Path, port_base: int | None, say: Callable[[str], None], plane: Plane | None = None
    ) -> None:
        self._directory = directory
        self._venv = environment
        self._port_base = port_base
        self._say = say
        self._plane = plane or Plane()

    def up(self) -> Settings:
        """Start all services and create the initial data; do nothing if that is already so.

        Raises:
            LabError: a service did not start. Nothing is left running.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)  # whoever made it before: passwords, databases and logs are inside
        with self._lock():
            known = settings.load(self._directory)
            if known and self._unchanged(known) and self._answer(known):
                if not self._plane.complete(known):
                    self._plane.prepare(known)
                    self._seed(known)
                return known
            self._stop()
            venv.ensure(self._venv, self._say)
            sockets, current = self._listen()
            try:
                self._plane.prepare(current)
                self._plane.start(current)
                self._start(current, sockets)
                self._await_ready(current)
                self._plane.finish(current)
                self._seed(current)
            except BaseException:
                self._say("stopping the services that were started")
                self._stop()
                raise
            finally:
                for sock in sockets:
                    sock.close()
            return current

    def down(self) -> bool:
        """Stop every service and keep the data. Return whether any service ran."""
        if not self._directory.exists():
            return False
        with self._lock():
            return self._stop()

    def reset(self) -> None:
        """Stop every service and delete data, logs, keys and settings. A virtual environment in the directory is kept."""
        if not self._directory.exists():
            return
        with self._lock():
            self._stop()
            for name in ("data", "etc", "log", "run", "tmp", "cache", "config-drives", "host", ".ssh"):
                shutil.rmtree(self._directory / name, ignore_errors=True)
            for name in ("lab.json", "clouds.yaml", "multiport.key", "multiport.key.pub"):
                self._directory.joinpath(name).unlink(missing_ok=True)

    def states(self) -> list[ServiceState]:
        """Return the present state of each service."""
        current = settings.load(self._directory)
        if current is None:
            return []
        states = []
        for service in SERVICES:
            process = processes.read(self._pid_file(service))
            alive = process is not None and process.alive
            states.append(
                ServiceState(
                    service=service,
                    state="down" if not alive else "up" if _answers(current.port(service), PROBE_SECONDS) else "starting",
                    pid=process.pid if process and alive else None,
                    url=current.url(service),
                    memory_mib=process.rss_kib // 1024 if process else 0,
                    log=str(current.log(service)),
                ),
            )
        return states + self._plane.states(current)

    def _lock(self) -> AbstractContextManager[None]:
        return exclusive(self._directory / "lock", f"another command is using {self._directory}", self._say)

    def _unchanged(self, known: Settings) -> bool:
        return known.venv == self._venv and known.directory == self._directory and self._port_base in (None, known.port_base)

    def _answer(self, known: Settings) -> bool:
        """Tell whether every service of the lab runs and answers.

        Services that are still starting, or slow on a busy machine, are waited for: a restart would end the guests.
        """
        states = {state.state for state in self.states()}
        if states == {"up"} or "down" in states:
            return states == {"up"}
        with suppress(LabError):
            self._await_ready(known)
            return True
        return False

    def _pid_file(self, service: str) -> Path:
        return self._directory / "run" / f"{service}.json"

    def _recorded(self) -> dict[str, Process]:
        recorded = {service: processes.read(self._pid_file(service)) for service in SERVICES}
        return {service: process for service, process in recorded.items() if process}

    def _stop(self) -> bool:
        running = [process for process in self._recorded().values() if process.alive]
        if running:
            self._say(f"stopping {len(running)} services")
            processes.stop(running)
        for service in SERVICES:
            self._pid_file(service).unlink(missing_ok=True)
        known = settings.load(self._directory)
        stopped = known is not None and self._plane.stop(known)
        return bool(running) or stopped

    def _listen(self) -> tuple[list[socket.socket], Settings]:
        current = settings.create(self._directory, self._venv, self._port_base, self._plane.mode)
        sockets: list[socket.socket] = []
        try:
            for service in SERVICES:
                sockets.append(settings.listen(current.port(service)))
        except OSError as error:
            for sock in sockets:
                sock.close()
            if self._port_base:
                raise LabError(f"TCP port {current.port(service)} is in use ({error}): choose others with --port-base") from error
            sockets, base = settings.listen_anywhere()
            self._say(f"TCP port {current.port(service)} is in use: using {base}-{base + len(SERVICES) - 1} instead")
            current = settings.create(self._directory, self._venv, base, self._plane.mode)
        return sockets, current

    def _start(self, current: Settings, sockets: list[socket.socket]) -> None:
        configuration.write(current, self._plane.options(current))
        configuration.write_clouds_yaml(current)
        environment = {**configuration.environment(current), **self._plane.environment(current)}
        first = not current.data("nova").joinpath("made").exists()
        self._say(
            f"starting {', '.join(SERVICES)} on {ADDRESS}:{current.port_base}-{current.port_base + len(SERVICES) - 1}"
            + (" (first start: creating their databases)" if first else "")
        )
        for service, sock in zip(SERVICES, sockets, strict=True):
            log = current.log(service)
            _rotate(log)
            with log.open("ab") as file:
                child = subprocess.Popen(
                    [*self._plane.command(current, service), str(current.python), "-m", f"lab.services.{service}"],
                    cwd=current.directory,
                    env=environment | {"LAB_LISTEN_FD": str(sock.fileno())},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    pass_fds=[sock.fileno()],
                    start_new_session=True,  # Ctrl-C at the terminal must reach this process only, which then stops the services
                )
            try:
                processes.write(self._pid_file(service), processes.identify(child.pid))
            except ProcessLookupError as error:
                raise LabError(_failure(current, service, "ended immediately")) from error

    def _await_ready(self, current: Settings) -> None:
        started = said = time.monotonic()
        waiting = list(SERVICES)
        while waiting:
            for service in list(waiting):
                if not self._recorded()[service].alive:
                    raise LabError(_failure(current, service, "ended while starting"))
                if _answers(current.port(service), 0.5):
                    waiting.remove(service)
                    self._say(f"  {service} ready after {time.monotonic() - started:.0f} s")
            now = time.monotonic()
            if waiting and now - started > READY_SECONDS:
                raise LabError(_failure(current, waiting[0], f"did not answer within {READY_SECONDS:.0f} s"))
            if waiting and now - said > PROGRESS_SECONDS:
                self._say(f"  waiting for {', '.join(waiting)} ({now - started:.0f} s)")
                said = now

    def _seed(self, current: Settings) -> None:
        result = subprocess.run(
            [str(current.python), "-m", "lab.services.seed"],
            cwd=current.directory,
            env=configuration.environment(current),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise LabError(f"images, flavors and networks could not be created:\n{result.stdout}{result.stderr}")
        for line in result.stdout.splitlines():
            self._say(f"  {line}")


def tail(log: Path, lines: int) -> str:
    """Return the last lines of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(there is no log)"


def _failure(current: Settings, service: str, what: str) -> str:
    log = current.log(service)
    return (
        f"{service} {what}. The end of its log:\n\n{tail(log, LOG_TAIL_LINES)}\n\n"
        f"The whole log is {log}. `python3 -m lab up` tries again; `python3 -m lab reset` deletes all data before that."
    )


def _answers(port: int, seconds: float) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=seconds)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    connection.close()
    return False


def _rotate(log: Path) -> None:
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_KEEP_BYTES:
            log.replace(log.with_suffix(".old.log"))
