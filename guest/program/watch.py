"""Repairs whatever undoes policy routing, as soon as the kernel tells of it, and asks for metadata when ports may have changed.

It sleeps until something happens: an event of the kernel, or a line in the pipe by which it is told of new metadata (`told`), to
end (`down`), or that its question to the metadata service has ended (`asked`).
"""

import fcntl
import posix
import select
import time

from . import kernel, metadata_service, netlink
from .apply import Applier, Outcome
from .desired import Moment
from .inputs import Refused
from .kernel import EVERYTHING
from .metadata_service import say
from .numbers import MAIN_TABLE, RUN_FOLDER, is_own_table
from .state import make_folder

LOCK_PATH = RUN_FOLDER + "/watch.lock"
PID_PATH = RUN_FOLDER + "/watch.pid"
PIPE_PATH = RUN_FOLDER + "/events"

# Seconds. What is undone is repaired at once; then a burst may collect, the longer the longer it lasts.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
# The same where what happens is none of our business.
_FIRST_REST, _LONGEST_REST = 0.002, 0.02
_TICK, _LONGEST_RETRY = 1.0, 60.0
_BETWEEN_QUESTIONS, _LONGEST_QUESTION, _QUESTIONS_MAX = 2, 60, 5
_LINES_PER_MINUTE = 20
_REMEMBERED_SECONDS, _REMEMBERED_MAX = 3600, 1000


class Journal:
    """Says what was repaired, how often lately, and no more than so many lines a minute."""

    def __init__(self) -> None:
        self._times: "dict[str, list[float]]" = {}
        self._minute = -60.0
        self._lines = 0

    def lines(self, commands: "list[str]", now: float) -> "list[str]":
        """Return the lines for repairs, given as the commands that do the same."""
        found = []
        if now - self._minute >= 60:
            if self._lines > _LINES_PER_MINUTE:
                found.append(f"{self._lines - _LINES_PER_MINUTE} more repairs in that minute are not listed")
            self._minute, self._lines = now, 0
        for command in commands:
            times = [at for at in self._times.pop(command, ()) if now - at < _REMEMBERED_SECONDS]
            times.append(now)
            self._times[command] = times[-100:]
            self._lines += 1
            if self._lines <= _LINES_PER_MINUTE:
                often = f"; needed {len(times)} times within an hour" if len(times) > 1 else ""
                found.append(f"something had undone this, repaired: {command}{often}")
        while len(self._times) > _REMEMBERED_MAX:
            del self._times[next(iter(self._times))]
        return found


class Watch:
    """Looks whenever there is news, and sleeps in between."""

    def __init__(self) -> None:
        self.applier = Applier(Moment("watch"))
        self.journal = Journal()
        self.outcome: "Outcome | None" = None
        self.news = True
        self.leaving = False
        self.looked_at = 0.0
        self.failures = 0
        self.wants_answer = True
        self.asked_at = -10.0
        self.asking_until = 0.0
        self.questions = 0

    def run(self) -> int:
        """Run until told to end; return the exit status."""
        make_folder(RUN_FOLDER)
        if not self._lock():
            say("a watch is running already")
            return 2
        if not kernel.exists(PIPE_PATH):
            posix.mkfifo(PIPE_PATH, 0o600)
        self.pipe = posix.open(PIPE_PATH, posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC)
        with open(PID_PATH, "w") as file:
            file.write(f"{posix.getpid()}\n")
        self.events = netlink.Events()
        pause, rest = _FIRST_PAUSE, _FIRST_REST
        while not self.leaving:
            if self.news or self._is_due():
                self._look()
                self._ask()
                time.sleep(pause)
                # until nothing more is heard, each pause is twice as long as the one before
                pause = min(2 * pause, _LONGEST_PAUSE)
            if not self._hear(0):
                pause, rest = _FIRST_PAUSE, _FIRST_REST
                self._ask()
                self._hear(self._patience())
            elif not self.news:
                time.sleep(rest)
                rest = min(2 * rest, _LONGEST_REST)
        return 0

    def _lock(self) -> bool:
        """Only root can open the file: who can open it could hold it for ever."""
        self.lock = posix.open(LOCK_PATH, posix.O_RDWR | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
        for _ in range(20):
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            else:
                return True
        return False

    # --- looking

    def _is_due(self) -> bool:
        """Whether something has waited long enough: an interface for its addresses, or an error for another try."""
        waited = time.monotonic() - self.looked_at
        if self.outcome is None or self.outcome.errors:
            return waited >= min(2.0**self.failures, _LONGEST_RETRY)
        return self.outcome.desired.pending and waited >= _TICK

    def _patience(self) -> "float | None":
        """How long to sleep if nothing happens; for ever if nothing waits for time to pass."""
        if self.news or self.leaving:
            return 0
        outcome = self.outcome
        strange = outcome is not None and outcome.desired.ports.unnamed and self.questions < _QUESTIONS_MAX
        # the end of a question is told, so there is no need to look whether the next one may be asked
        wants_answer = self.wants_answer and time.monotonic() >= self.asking_until
        waiting = outcome is None or outcome.desired.pending or outcome.errors or wants_answer or strange
        return _TICK if waiting else None

    def _look(self) -> None:
        self.news = False
        outcome = self.applier.apply()
        for line in outcome.errors:
            if self.outcome is None or line not in self.outcome.errors:
                say(f"the kernel refused: {line}")
        if self.outcome is None:
            say(f"watching; {len(outcome.repaired)} changes were necessary to begin with")
        else:
            for line in self.journal.lines(outcome.repaired, time.monotonic()):
                say(line)
        self.outcome, self.looked_at = outcome, time.monotonic()
        self.failures = self.failures + 1 if outcome.errors else 0

    # --- hearing

    def _note(self, *parts: str) -> None:
        self.applier.dirty |= frozenset(parts)
        self.news = True

    def _hear(self, seconds: "float | None") -> bool:
        """Wait for what happens and note what it calls for; return whether anything was heard."""
        ready = select.select([self.events.fileno(), self.pipe], [], [], seconds)[0]
        if self.pipe in ready:
            lines = posix.read(self.pipe, 65536).decode("ascii", "replace").split("\n")
            self.leaving = self.leaving or "down" in lines
            self.asking_until = 0.0 if "asked" in lines else self.asking_until
            if "told" in lines:
                self._note(*EVERYTHING)
        if self.events.fileno() in ready:
            try:
                for kind, port, body in self.events.read():
                    # our own requests are told of too
                    if port != self.applier.connection.port:
                        self._hear_of(kind, body)
            except netlink.Unreadable:
                self._note(*EVERYTHING)
        return bool(ready)

    def _hear_of(self, kind: int, body: bytes) -> None:
        ports = self.outcome.desired.ports if self.outcome else None
        if kind in (netlink.NEW_RULE, netlink.DELETE_RULE):
            self._note("rules")
        elif kind in (netlink.NEW_ROUTE, netlink.DELETE_ROUTE):
            table = kernel.table_of_message(body)
            if is_own_table(table) or (table == MAIN_TABLE and (not ports or kernel.indexes_of(body) & set(ports.slots))):
                self._note("routes")
        elif kind in (netlink.NEW_ADDRESS, netlink.DELETE_ADDRESS):
            if kernel.read_address(body):
                # routes that go with an address are not told of one by one
                self._note("addresses", "routes")
                self.wants_answer = True
        elif kind in (netlink.NEW_LINK, netlink.DELETE_LINK) and body[0] == 0:
            link = kernel.read_link(body)
            known = not ports or link.index in ports.slots or link.mac in [port.mac for port in ports.by_slot.values()]
            if known or kernel.is_hardware(link):
                self._note(*EVERYTHING)
                self.wants_answer = True

    # --- asking

    def _ask(self) -> None:
        """Ask the metadata service from another process, for that takes imports and time."""
        now = time.monotonic()
        strange = self.outcome is not None and self.outcome.desired.ports.unnamed
        if strange and self.questions < _QUESTIONS_MAX and now - self.asked_at >= 2 << self.questions:
            # a NIC that nobody has told of: ask again, later and later
            self.questions += 1
            self.wants_answer = True
        if not self.wants_answer or now - self.asked_at < _BETWEEN_QUESTIONS or now < self.asking_until:
            return
        self.asked_at, self.asking_until, self.wants_answer = now, now + _LONGEST_QUESTION, False
        child = posix.fork()
        if child:
            posix.waitpid(child, 0)
            return
        # the child's child is nobody's who would have to wait for it
        if posix.fork() == 0:
            posix.close(self.lock)
            managed = self.outcome.desired.managed.values() if self.outcome else ()
            try:
                told = metadata_service.ask([link for _, link in managed])
            except (Refused, OSError):
                told = False
            posix.write(self.pipe, b"told\nasked\n" if told else b"asked\n")
        posix._exit(0)
