"""Brings the kernel to what should be: reads it, finds the difference and writes that, under a lock."""

import fcntl
import posix
import time

from . import inputs, kernel, report, state
from .desired import Desired, Moment
from .inputs import Inputs, Refused
from .kernel import EVERYTHING
from .metadata import Records
from .netlink import Connection, Unreadable
from .numbers import RUN_FOLDER
from .operations import Operation, operations
from .options import Options
from .plan import Plan

LOCK_PATH = RUN_FOLDER + "/lock"
_LOCK_SECONDS = 30
_ROUNDS = 4


class Outcome:
    """What came of it: what is still different and what was repaired, each as commands, and what the kernel refused."""

    def __init__(self, desired: Desired, differences: "list[str]", repaired: "list[str]", errors: "list[str]") -> None:
        self.desired = desired
        self.differences = differences
        self.repaired = repaired
        self.errors = errors


class Applier:
    """Compares and writes. It keeps its snapshot, so that a watch reads only what has changed.

    Attributes:
        dirty: The parts of the snapshot that have to be read anew.
        inputs: What the server was told.
    """

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        if not kernel.exists("/proc/net/if_inet6"):
            moment.versions = (4,)
        self.snapshot = kernel.Snapshot()
        self.dirty = EVERYTHING
        self.connection = Connection()
        self.inputs: "Inputs | None" = None

    def compare(self) -> Outcome:
        """Return what is different, without changing anything. Raises Refused without a good plan."""
        told = self._read_inputs()
        desired = self._desired(told)
        commands = [report.command(each, self.snapshot) for each in operations(self.snapshot, desired)]
        return Outcome(desired, commands + Options(told.records.options, desired).differences, [], [])

    def apply(self) -> Outcome:
        """Write the difference, and what follows from it. Raises Refused without a good plan, or if the lock is held too long."""
        told = self._read_inputs()
        repaired: "list[str]" = []
        with Lock():
            for _ in range(_ROUNDS):
                outcome, follows = self._write(self._desired(told), told, repaired)
                if not follows and not outcome.errors:
                    break
                self.dirty = EVERYTHING
        return outcome

    def _read_inputs(self) -> Inputs:
        before = self.inputs
        try:
            self.inputs = inputs.read(before)
        except Refused:
            # what was written can be taken back without a plan, unless one interface alone is meant
            if self.moment.verb != "down" or self.moment.only:
                raise
            self.inputs = Inputs(Plan({}, 0), Records())
        if self.inputs is not before:
            # events of an interface that nobody had named were none of our business, so it may be missing in the snapshot
            self.dirty = EVERYTHING
        return self.inputs

    def _desired(self, told: Inputs) -> Desired:
        self.moment.now = time.monotonic()
        dirty, self.dirty = self.dirty, frozenset()
        try:
            self.snapshot.refresh(self.connection, dirty, self.moment.versions)
        except (Unreadable, OSError) as error:
            self.dirty = EVERYTHING
            raise Refused(str(error)) from error
        # leases are read only for interfaces whose gateway the metadata does not name
        known = {record.mac for record in told.records.ports.values() if record.gateways[4]}
        routers = {}
        for index in {index for index, packed, _ in self.snapshot.addresses if len(packed) == 4}:
            link = self.snapshot.links.get(index)
            router = (
                inputs.read_router(link.name) if link and link.mac and link.mac not in known and "/" not in link.name else None
            )
            if router:
                routers[index] = router
        return Desired(self.snapshot, told, state.load(), self.moment, routers)

    def _write(self, desired: Desired, told: Inputs, repaired: "list[str]") -> "tuple[Outcome, bool]":
        """Write what is different; return what came of it, and whether more follows, as routes come and go with addresses."""
        todo = operations(self.snapshot, desired)
        options = Options(told.records.options, desired)
        if desired.saved:
            state.save(desired.saved)
        errors = self._send(todo)
        state.drop(desired.dropped)
        errors += options.write()
        commands = [report.command(each, self.snapshot) for each in todo] + options.differences
        parts = {"rule": "rules", "route": "routes", "addr": "addresses"}
        self.dirty |= frozenset([parts.get(each.verb.partition(" ")[0], "links") for each in todo])
        if not errors:
            repaired += commands
        follows = any(each.verb.startswith("addr") or each.values.get("name") == "up" for each in todo)
        return Outcome(desired, commands if errors else [], repaired, errors), follows

    def _send(self, todo: "list[Operation]") -> "list[str]":
        """Do all in its order, in as few batches as possible; return what failed."""
        errors = []
        batch: "list[Operation]" = []
        for position, each in enumerate(todo, 1):
            if not each.file:
                batch.append(each)
            if batch and (each.file or position == len(todo)):
                for at, code, words in self.connection.write([one.request() for one in batch]):
                    if batch[at].failed(code):
                        errors.append(f"{report.command(batch[at], self.snapshot)}: {words or posix.strerror(code)}")
                batch = []
            if each.file:
                link = self.snapshot.links[each.values["index"]]
                try:
                    with open(f"/proc/sys/net/{each.values['name'].replace('DEV', link.name)}", "w") as file:
                        file.write(str(each.values["value"]))
                except OSError as error:
                    errors.append(f"{report.command(each, self.snapshot)}: {error.strerror}")
        return errors


class Lock:
    """Keeps others from writing at the same time. Only root can open the file: who can open it could hold it for ever."""

    def __enter__(self) -> None:
        state.make_folder(RUN_FOLDER)
        self._descriptor = posix.open(LOCK_PATH, posix.O_RDWR | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()

    def _wait(self) -> None:
        import signal

        def too_late(*_: object) -> None:
            raise Refused(f"another process has held {LOCK_PATH} for {_LOCK_SECONDS} s; `fuser {LOCK_PATH}` names it")

        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(_LOCK_SECONDS)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        finally:
            signal.alarm(0)

    def __exit__(self, *_: object) -> None:
        posix.close(self._descriptor)
