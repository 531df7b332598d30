"""Brings the kernel to what should be: reads it, finds the difference and writes that, under a lock."""

import fcntl
import posix
import time

from . import kernel, leases, operations, options, report, state
from .desired import Desired, Moment, desired
from .inputs import Inputs, Refused, nothing, read
from .netlink import Connection, Unreadable
from .numbers import RUN_FOLDER
from .operations import Operation, Setting

LOCK_PATH = RUN_FOLDER + "/lock"
_LOCK_SECONDS = 30
_ROUNDS = 4


class Outcome:
    """What came of a try.

    Attributes:
        inputs: What the server was told.
        desired: What should be.
        differences: What is not so, as commands that people can run.
        repaired: What was done, as the same.
        errors: What the kernel refused.
    """

    def __init__(self, inputs: Inputs, wanted: Desired) -> None:
        self.inputs = inputs
        self.desired = wanted
        self.differences: "list[str]" = []
        self.repaired: "list[str]" = []
        self.errors: "list[str]" = []

    @property
    def done(self) -> bool:
        """Whether all is as it should be."""
        return not self.differences


class Applier:
    """Compares and writes. It keeps its snapshot, so that a watch reads only what has changed.

    Attributes:
        moment: What is asked for.
        dirty: The parts of the snapshot that have to be read anew.
        snapshot: What the kernel had.
        connection: To the kernel.
    """

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        moment.versions = (4, 6) if kernel.has_ipv6() else (4,)
        self.snapshot = kernel.Snapshot()
        self.dirty = kernel.EVERYTHING
        self.connection = Connection()
        self._inputs: "Inputs | None" = None

    def compare(self) -> Outcome:
        """Return what is different, without changing anything.

        Raises:
            Refused: The plan is no good, or the kernel cannot be read.
        """
        wanted = self._desired(self._read_inputs())
        outcome = Outcome(self._inputs or nothing(), wanted)
        todo = operations.operations(self.snapshot, wanted)
        outcome.differences = [report.command(each, self.snapshot) for each in todo]
        outcome.differences += options.Options(outcome.inputs, wanted).differences
        return outcome

    def apply(self) -> Outcome:
        """Write the difference, and what follows from it; return what was done, and what is still different.

        Raises:
            Refused: The plan is no good, the kernel cannot be read, or somebody else holds the lock for too long.
        """
        inputs = self._read_inputs()
        repaired: "list[str]" = []
        with _Lock():
            for _ in range(_ROUNDS):
                outcome = Outcome(inputs, self._desired(inputs))
                outcome.repaired = repaired
                again = self._write(outcome)
                if not again:
                    break
                self.dirty = kernel.EVERYTHING
        return outcome

    def _read_inputs(self) -> Inputs:
        try:
            self._inputs = read(self._inputs)
        except Refused:
            # what was written can be taken back without a plan, unless one interface alone is meant
            if self.moment.verb != "down" or self.moment.only:
                raise
            self._inputs = nothing()
        return self._inputs

    def _desired(self, inputs: Inputs) -> Desired:
        self.moment.now = time.monotonic()
        try:
            kernel.refresh(self.snapshot, self.connection, self.dirty, self.moment.versions)
        except (Unreadable, OSError) as error:
            self.dirty = kernel.EVERYTHING
            raise Refused(str(error)) from error
        self.dirty = frozenset()
        return desired(self.snapshot, inputs, state.load(), self.moment, self._routers(inputs))

    def _routers(self, inputs: Inputs) -> "dict[int, bytes]":
        """The routers of DHCP leases, for ports that neither main nor the metadata has one for."""
        told = {record.mac for record in inputs.records.ports.values() if record.gateways[4]}
        found = {}
        for address in self.snapshot.addresses:
            link = self.snapshot.links.get(address.index)
            known = link is None or len(address.packed) != 4 or not link.mac or link.mac in told or "/" in link.name
            if not known and link is not None and link.index not in found:
                router = leases.router(link.name)
                if router is not None:
                    found[link.index] = router
        return found

    def _write(self, outcome: Outcome) -> bool:
        """Write what is different. Returns whether another round is due: something failed, or more follows from it."""
        wanted = outcome.desired
        todo = operations.operations(self.snapshot, wanted)
        choices = options.Options(outcome.inputs, wanted)
        if todo or wanted.saved:
            state.save(wanted.saved)
        outcome.errors = self._send(todo)
        state.drop(wanted.dropped)
        outcome.errors += choices.write()
        commands = [report.command(each, self.snapshot) for each in todo] + choices.differences
        # a link that goes up and an address that comes or goes bring and take routes
        follows = any(each.verb.startswith("addr ") or _sets_up(each) for each in todo)
        if outcome.errors:
            outcome.differences = commands
        else:
            outcome.repaired += commands
        if todo:
            self.dirty |= _touched(todo)
        return bool(outcome.errors) or follows

    def _send(self, todo: "list[Operation]") -> "list[str]":
        """Send all requests in their order; only a file of /proc/sys comes between."""
        errors = []
        batch: "list[Operation]" = []
        for each in [*todo, None]:
            if each is not None and each.kind:
                batch.append(each)
                continue
            requests = [(one.kind, one.flags, one.body) for one in batch]
            for position, code, words in self.connection.write(requests) if requests else []:
                failed = batch[position]
                if code != failed.harmless:
                    errors.append(f"{report.command(failed, self.snapshot)}: {words or posix.strerror(code)}")
            batch = []
            if each is not None and isinstance(each.subject, Setting):
                error = _write_setting(each.subject)
                if error:
                    errors.append(f"{report.command(each, self.snapshot)}: {error}")
        return errors


def _sets_up(operation: Operation) -> bool:
    return isinstance(operation.subject, Setting) and operation.subject.name == "up"


def _touched(todo: "list[Operation]") -> "frozenset[str]":
    """Which parts of the snapshot the operations have changed."""
    parts = {"rule": kernel.RULES, "route": kernel.ROUTES, "addr": kernel.ADDRESSES, "link": kernel.LINKS, "sysctl": kernel.LINKS}
    return frozenset([parts[each.verb.partition(" ")[0]] for each in todo])


def _write_setting(setting: Setting) -> str:
    try:
        with open(f"/proc/sys/net/{setting.path}", "w") as file:
            file.write(str(setting.value))
    except OSError as error:
        return error.strerror or "it cannot be written"
    return ""


class _Lock:
    """Keeps others from writing at the same time. Only root can open the file: who can open it could hold it for ever."""

    def __enter__(self) -> "_Lock":
        options.make_folder(RUN_FOLDER)
        self._descriptor = posix.open(LOCK_PATH, posix.O_RDWR | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()
        return self

    def _wait(self) -> None:
        import signal

        def too_late(*_: object) -> None:
            raise Refused("another process has held the lock for 30 s; `lsof /run/policy-routing/lock` names it")

        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(_LOCK_SECONDS)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        finally:
            signal.alarm(0)

    def __exit__(self, *_: object) -> None:
        posix.close(self._descriptor)
