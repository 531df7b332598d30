"""Repairs whatever undoes policy routing, as soon as the kernel tells of it, and asks for metadata when ports may have changed.

It sleeps in `select` until something happens: an event of the kernel, or a line in the pipe by which it is told of new
metadata (`told`), that it is to end (`down`), or that its question to the metadata service has ended (`asked`).
"""

import fcntl
import posix
import select
import time

from . import kernel, metadata_service, netlink
from .apply import Applier, Outcome
from .desired import Moment
from .inputs import Refused
from .metadata_service import say
from .numbers import RUN_FOLDER, SLOT_MAX
from .options import make_folder

LOCK_PATH = RUN_FOLDER + "/watch.lock"
PID_PATH = RUN_FOLDER + "/watch.pid"
PIPE_PATH = RUN_FOLDER + "/events"

# Seconds. What is undone is repaired at once; then a burst may collect, the longer the longer it lasts.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
# The same where what happens is none of our business.
_FIRST_REST, _LONGEST_REST = 0.002, 0.02
_QUESTION_SECONDS = 2
_QUESTION_LASTS_AT_MOST = 60
_QUESTIONS_MAX = 5
_TICK = 1.0
_LONGEST_RETRY = 60.0
_LINES_PER_MINUTE = 20
_LOCK_TRIES, _LOCK_PAUSE = 20, 0.1


class Journal:
    """Says what was repaired, how often lately, and no more than so many lines a minute."""

    def __init__(self) -> None:
        self._times: "dict[str, list[float]]" = {}
        self._minute = 0.0
        self._lines = 0
        self._left_out = 0

    def repaired(self, commands: "list[str]", now: float) -> "list[str]":
        """Return the lines for what was done."""
        lines = []
        if now - self._minute >= 60:
            if self._left_out:
                lines.append(f"{self._left_out} further repairs in the last minute are not listed")
            self._minute, self._lines, self._left_out = now, 0, 0
        for command in commands:
            times = [at for at in self._times.get(command, ()) if now - at < 3600][-99:] + [now]
            self._times[command] = times
            if self._lines >= _LINES_PER_MINUTE:
                self._left_out += 1
                continue
            self._lines += 1
            often = "" if len(times) == 1 else f" (the same was needed {len(times)} times in the last hour)"
            lines.append(f"repaired, for it was not so: {command}{often}")
        if len(self._times) > 4 * SLOT_MAX:
            self._times = {command: self._times[command] for command in commands}
        return lines


def watch() -> int:
    """Run until told to end; return the exit status."""
    return _Watch().run()


class _Watch:
    def __init__(self) -> None:
        self.applier = Applier(Moment("watch"))
        self.journal = Journal()
        self.outcome: "Outcome | None" = None
        self.first = True
        self.news = True
        self.leaving = False
        self.looked_at = 0.0
        self.failures = 0
        # asking for metadata
        self.wants_answer = True
        self.asked_at = -10.0
        self.asking_until = 0.0
        self.questions = 0

    def run(self) -> int:
        make_folder(RUN_FOLDER)
        if not self._lock():
            say("a watch is running already")
            return 2
        try:
            posix.mkfifo(PIPE_PATH, 0o600)
        except FileExistsError:
            pass
        self.pipe = posix.open(PIPE_PATH, posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC)
        with open(PID_PATH, "w") as file:
            file.write(f"{posix.getpid()}\n")
        self.events = netlink.Events()
        pause, rest = _FIRST_PAUSE, _FIRST_REST
        while not self.leaving:
            if self.news or self._is_due():
                status = self._look()
                if status is not None:
                    return status
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
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE)
            else:
                return True
        return False

    def _is_due(self) -> bool:
        """Whether something has waited long enough: an interface for its addresses, or an error for another try."""
        if self.outcome is None:
            return True
        waited = time.monotonic() - self.looked_at
        if self.outcome.errors:
            return waited >= min(2.0**self.failures, _LONGEST_RETRY)
        return self.outcome.desired.pending and waited >= _TICK

    def _patience(self) -> "float | None":
        """How long to sleep if nothing happens; for ever if nothing waits for time to pass."""
        if self.news or self.leaving:
            return 0
        if self.outcome is None:
            return _TICK
        strangers = self.outcome.desired.ports.unnamed and self.questions < _QUESTIONS_MAX
        waiting = self.outcome.desired.pending or self.outcome.errors or self.wants_answer or strangers
        return _TICK if waiting else None

    def _look(self) -> "int | None":
        self.news = False
        try:
            outcome = self.applier.apply()
        except Refused as error:
            say(str(error))
            return 2
        except OSError as error:
            say(f"{error.strerror}: {error.filename}")
            return 1
        before = self.outcome.errors if self.outcome is not None else []
        self.outcome, self.looked_at = outcome, time.monotonic()
        self.failures = self.failures + 1 if outcome.errors else 0
        for line in outcome.errors:
            if line not in before:
                say(f"the kernel refused: {line}")
        if outcome.repaired and self.first:
            say(f"applied: {len(outcome.repaired)} changes")
        elif outcome.repaired:
            for line in self.journal.repaired(outcome.repaired, time.monotonic()):
                say(line)
        self.first = False
        return None

    def _hear(self, seconds: "float | None") -> bool:
        """Wait for what happens and note what it calls for; return whether anything was heard."""
        ready = select.select([self.events, self.pipe], [], [], seconds)[0]
        if self.pipe in ready:
            self._read_pipe()
        if self.events in ready:
            self._read_events()
        return bool(ready)

    def _note(self, parts: "set[str] | frozenset[str]") -> None:
        self.applier.dirty |= parts
        self.news = True

    def _read_pipe(self) -> None:
        lines = posix.read(self.pipe, 65536).decode("ascii", "replace").split("\n")
        if "down" in lines:
            self.leaving = True
        if "asked" in lines:
            self.asking_until = 0.0
        if "told" in lines:
            self._note(kernel.EVERYTHING)

    def _read_events(self) -> None:
        try:
            heard = self.events.read()
        except netlink.EventsLost:
            self._note(kernel.EVERYTHING)
            return
        ports = None if self.outcome is None else self.outcome.desired.ports
        indexes = set() if ports is None else set(ports.slots)
        macs = set() if ports is None else {port.mac for port in ports.by_slot.values()}
        for kind, port, body in heard:
            # our own requests are told of too
            if port == self.applier.connection.port:
                continue
            if kind in (netlink.NEW_RULE, netlink.DELETE_RULE):
                self._note({kernel.RULES})
            elif kind in (netlink.NEW_ROUTE, netlink.DELETE_ROUTE):
                if kernel.concerns(body, indexes):
                    self._note({kernel.ROUTES})
            elif kind in (netlink.NEW_ADDRESS, netlink.DELETE_ADDRESS):
                if kernel.read_address(body) is not None:
                    # routes that go with an address are not told of one by one
                    self._note({kernel.ADDRESSES, kernel.ROUTES})
                    self.wants_answer = True
            elif kind in (netlink.NEW_LINK, netlink.DELETE_LINK) and body[0] == 0:
                self._hear_of_link(kernel.read_link(body), indexes, macs)

    def _hear_of_link(self, link: kernel.Link, indexes: "set[int]", macs: "set[str]") -> None:
        known = link.index in indexes or link.mac in macs
        if known or kernel.is_hardware(link):
            self._note(kernel.EVERYTHING)
            self.wants_answer = True

    def _ask(self) -> None:
        """Ask the metadata service from another process, for that takes imports and time."""
        now = time.monotonic()
        strangers = self.outcome is not None and self.outcome.desired.ports.unnamed
        if strangers and not self.wants_answer and self.questions < _QUESTIONS_MAX and now - self.asked_at >= 2 << self.questions:
            # a NIC that nobody has told of: ask again, later and later
            self.questions += 1
            self.wants_answer = True
        if not self.wants_answer or now - self.asked_at < _QUESTION_SECONDS or now < self.asking_until:
            return
        self.asked_at, self.asking_until, self.wants_answer = now, now + _QUESTION_LASTS_AT_MOST, False
        links = [] if self.outcome is None else [port.link for port in self.outcome.desired.managed.values() if port.link]
        child = posix.fork()
        if child:
            posix.waitpid(child, 0)
            return
        # its child is nobody's that would have to wait for it
        if posix.fork() == 0:
            posix.close(self.lock)
            try:
                told = metadata_service.ask(links)
            except (Refused, OSError):
                told = False
            posix.write(self.pipe, b"told\nasked\n" if told else b"asked\n")
        posix._exit(0)
