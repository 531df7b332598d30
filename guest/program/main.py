"""The command line: verbs, their options and what they print."""

import posix
import sys

from .apply import Applier, Outcome
from .desired import Moment
from .inputs import FILE_BYTES_MAX, Refused, read_file
from .metadata import is_url
from .metadata_service import say
from .netlink import Unreadable
from .numbers import LINK_GROUP, PRIORITY_BEHIND, PROTOCOL, RUN_FOLDER, TABLE_BASE, TABLE_NAMES_PATH, priority_of
from .ports import is_good_name

DONE, DIFFERENT, REFUSED = 0, 1, 2
"""Exit status: all is as it should be; it is not; nothing was changed because something was refused."""

_DOWN_SECONDS = 60

MANUAL = f"""\
policy-routing: every address of this server answers through its own port, and through no other.

%s

Each port of the server has a slot N, which decides its routing table, {TABLE_BASE} + N, and its rule priorities, from
{TABLE_BASE} + 16 N on. /etc/policy-routing/plan names the ports that the server was born with; what may change while it lives
is in its metadata, whose last good answer is in /var/lib/policy-routing/metadata. Addresses, routes and gateways are those that
DHCP, router advertisements or the distribution have made. Each run looks at everything anew and writes what differs.

Ours are the rules with priorities from {priority_of(1)} to {PRIORITY_BEHIND + 2} and protocol {PROTOCOL}, or unreachable
ones; the routes in the slots' tables, and the default route of protocol {PROTOCOL} in main; on the ports' interfaces the link
group {LINK_GROUP}, and arp_ignore, arp_announce and rp_filter. Nothing else is touched. The source, with its reasons, is in
/usr/local/lib/policy-routing; begin with desired.py.

When a port does not answer: `policy-routing status` says what it lacks, `policy-routing verify` pings its gateway, and
`journalctl -u policy-routing` says what was undone and how often.

Exit status: 0 all is as it should be; 1 it is not; 2 refused (usage, plan, access), and nothing was changed.
"""


class Arguments:
    """What was asked for besides the verb."""

    def __init__(self) -> None:
        self.refresh = self.dry_run = self.json = False
        self.interface = self.echo = ""


def apply(arguments: Arguments) -> int:
    """Bring rules, routes and addresses to what they should be."""
    applier = _applier("apply", arguments)
    outcome = applier.compare() if arguments.dry_run else applier.apply()
    if arguments.refresh:
        from .metadata_service import ask

        if not ask([link for _, link in outcome.desired.managed.values()]):
            say("the metadata service gave no good answer")
        outcome = applier.compare() if arguments.dry_run else applier.apply()
    return _tell(outcome, arguments)


def down(arguments: Arguments) -> int:
    """Put back what was there before; first stop the units."""
    applier = _applier("down", arguments)
    if arguments.interface:
        applier.compare()  # refuses where there is no good plan, before the watch is asked to end
    if not arguments.dry_run and not _end_watch(arguments):
        return REFUSED if arguments.interface else DIFFERENT
    status = _tell(applier.compare() if arguments.dry_run else applier.apply(), arguments)
    if status == DONE and not arguments.dry_run and not arguments.interface:
        import shutil

        shutil.rmtree(RUN_FOLDER, ignore_errors=True)
        if read_file(TABLE_NAMES_PATH) is not None:
            posix.unlink(TABLE_NAMES_PATH)
    return status


def check(_: Arguments) -> int:
    """Print each difference as a command that would mend it."""
    outcome = Applier(Moment("check")).compare()
    _print(outcome.differences)
    return DIFFERENT if outcome.differences else DONE


def status(arguments: Arguments) -> int:
    """Print a line for each port, and what keeps one from answering."""
    from . import report
    from .options import nft

    applier = Applier(Moment("check"))
    outcome = applier.compare()
    assert applier.inputs
    told = report.status(applier.snapshot, applier.inputs, outcome.desired, outcome.differences, _is_watching())
    if "connmark" in told["options"] and not nft():
        told["notes"].append("the option connmark needs nft: install nftables")
    if arguments.json:
        import json

        _print([json.dumps(told)])
    else:
        _print([report.status_table(told).rstrip("\n")])
    return DIFFERENT if outcome.differences else DONE


def watch(_: Arguments) -> int:
    """Apply, then repair whatever undoes it."""
    from .watch import Watch

    return Watch().run()


def verify(arguments: Arguments) -> int:
    """Ping the gateways, and ask a URL which address the world sees."""
    from .verify import verify as find

    applier = Applier(Moment("check"))
    outcome = applier.compare()
    told = applier.inputs.records.options if applier.inputs else []
    good, lines = find(outcome, arguments.echo or "".join([each[len("echo=") :] for each in told if each.startswith("echo=")]))
    _print(lines)
    return DONE if good and not outcome.differences else DIFFERENT


def drive(_: Arguments) -> int:
    """Take the metadata of the config drive."""
    from .metadata_service import read_drive

    return DONE if read_drive() else DIFFERENT


VERBS = {
    "apply": (apply, ("--refresh", "--interface", "--dry-run")),
    "check": (check, ()),
    "status": (status, ("--json",)),
    "watch": (watch, ()),
    "verify": (verify, ("--echo",)),
    "down": (down, ("--interface", "--dry-run")),
    "drive": (drive, ()),
}
"""Each verb: what does it, and the options that it takes."""
_WITHOUT_ROOT = ("check", "status")
_OPTIONS = {
    "--refresh": ("", "ask the metadata service too"),
    "--interface": (" DEV", "this interface alone"),
    "--dry-run": ("", "only say what would be done"),
    "--json": ("", "for programs"),
    "--echo": (" URL", "the URL to ask"),
}


def usage(verb: str) -> str:
    """Return a line on how a verb is called and what it does."""
    does, options = VERBS[verb]
    words = " ".join([verb] + [f"[{option}{_OPTIONS[option][0]}]" for option in options])
    return f"  {words:<50} {does.__doc__}"


def parse(words: "list[str]") -> "Arguments | None":
    """Return what verb and options say; None if they say something else."""
    arguments = Arguments()
    given = iter(words[1:])
    if not words or words[0] not in VERBS:
        return None
    for option in given:
        if option not in VERBS[words[0]][1]:
            return None
        value: "str | bool" = next(given, "") if _OPTIONS[option][0] else True
        good = is_good_name if option == "--interface" else is_url
        if isinstance(value, str) and not good(value):
            return None
        setattr(arguments, option[2:].replace("-", "_"), value)
    return arguments


def _applier(verb: str, arguments: Arguments) -> Applier:
    return Applier(Moment(verb, arguments.interface, by_systemd=posix.getppid() == 1 and not arguments.interface))


def _tell(outcome: Outcome, arguments: Arguments) -> int:
    if arguments.dry_run:
        _print(outcome.differences)
        return DONE
    for line in outcome.errors:
        say(f"the kernel refused: {line}")
    return DIFFERENT if outcome.differences else DONE


def _end_watch(arguments: Arguments) -> bool:
    """End the watch, which would bring everything back; return whether there is none any more."""
    import fcntl
    import time

    from .watch import LOCK_PATH, PIPE_PATH

    try:
        lock = posix.open(LOCK_PATH, posix.O_RDWR | posix.O_CLOEXEC)
    except FileNotFoundError:
        return True
    until = time.monotonic() + _DOWN_SECONDS
    told = False
    while time.monotonic() < until:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if arguments.interface:
                break
            if not told:
                pipe = posix.open(PIPE_PATH, posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC)
                posix.write(pipe, b"down\n")
                posix.close(pipe)
                told = True
            time.sleep(0.02)
    say("a watch would bring it back: systemctl stop policy-routing.service")
    return False


def _is_watching() -> bool:
    from .watch import PID_PATH

    pid = (read_file(PID_PATH) or "").strip()
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return pid.isdigit() and file.read(FILE_BYTES_MAX).endswith(b"policy-routing\0watch\0")
    except OSError:
        return False


def _print(lines: "list[str]") -> None:
    sys.stdout.write("".join([line.encode("ascii", "backslashreplace").decode() + "\n" for line in lines]))


def run(words: "list[str]") -> int:
    """Do what the words ask for; return the exit status."""
    every = "\n".join([usage(verb) for verb in VERBS])
    if words == ["--help"]:
        _print([MANUAL.rstrip("\n") % every])
        return DONE
    if words[1:] == ["--help"] and words[0] in VERBS:
        _print(
            [
                usage(words[0]).strip(),
                *[f"  {option}{_OPTIONS[option][0]}: {_OPTIONS[option][1]}" for option in VERBS[words[0]][1]],
            ]
        )
        return DONE
    arguments = parse(words)
    if arguments is None:
        sys.stderr.write(every + "\n")
        return REFUSED
    if words[0] not in _WITHOUT_ROOT and posix.geteuid() != 0:
        say(f"{words[0]} needs root")
        return REFUSED
    try:
        return VERBS[words[0]][0](arguments)
    except (Refused, Unreadable) as error:
        say(str(error))
    except PermissionError as error:
        say(f"{error.filename}: {error.strerror}")
    return REFUSED


def main() -> None:
    """Run the command line, and end without the interpreter's own cleaning up, which takes 1 ms."""
    status_of_run = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # whoever reads us has gone
        pass
    posix._exit(status_of_run)
