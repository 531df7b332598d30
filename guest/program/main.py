"""The command line: verbs, their options and what they print."""

import posix
import sys

from .apply import Applier, Outcome
from .desired import Moment
from .inputs import Refused, read
from .metadata_service import say
from .numbers import FIRST_PRIORITY, LINK_GROUP, PRIORITY_BEHIND, PROTOCOL, RUN_FOLDER, TABLE_BASE, TABLE_NAMES_PATH
from .ports import is_good_name

DONE, DIFFERENT, REFUSED = 0, 1, 2
"""Exit status: all is as it should be; it is not; nothing was changed because something was refused."""

_URL_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:./,=_-"
_DOWN_SECONDS = 60

MANUAL = f"""\
policy-routing - every address of this server answers through its own port

USAGE
{{usage}}

DESCRIPTION
  Each port of the server has a slot N, which decides its routing table {TABLE_BASE} + N and its rule priorities from
  {TABLE_BASE} + 16 N on. The ports are in /etc/policy-routing/plan, and what may change while the server lives is in its metadata,
  which the metadata service tells; the last good answer is in /var/lib/policy-routing/metadata. Addresses, routes and gateways
  are those that DHCP, router advertisements or the distribution have made. Everything is found anew in each run, and only what
  differs is written. Nothing else on the machine is touched.

WHAT IS OURS
  rules     with a priority from {FIRST_PRIORITY} to {PRIORITY_BEHIND + 2} and protocol {PROTOCOL}, or unreachable ones
  routes    in the tables of the slots, and the default route with protocol {PROTOCOL} in main
  links     link group {LINK_GROUP}, and arp_ignore, arp_announce and rp_filter of the ports' interfaces

FILES
  /etc/policy-routing/plan           the ports that the server was born with
  /var/lib/policy-routing/metadata   the last good metadata
  /run/policy-routing/state          what was there before, for down
  /usr/local/lib/policy-routing      this program; docstrings say why things are as they are, begin with desired.py

EXIT STATUS
  0 all is as it should be; 1 it is not; 2 refused (usage, plan, access), and nothing was changed

WHEN A PORT DOES NOT ANSWER
  policy-routing status                   is the port there, has it an address and a gateway?
  policy-routing verify                   does its gateway answer?
  journalctl -u policy-routing.service    what was undone, and how often
"""


class Arguments:
    """What was asked for.

    Attributes:
        refresh: Ask the metadata service first.
        dry_run: Only say what would be done.
        interface: The one that is meant, or empty.
        json: For programs.
        echo: The URL to ask, or empty.
    """

    def __init__(self) -> None:
        self.refresh = False
        self.dry_run = False
        self.interface = ""
        self.json = False
        self.echo = ""


def apply(arguments: Arguments) -> int:
    """Bring rules, routes and addresses to what they should be, and print what the kernel refused."""
    applier = _applier("apply", arguments)
    outcome = applier.compare() if arguments.dry_run else applier.apply()
    if arguments.refresh:
        from . import metadata_service

        links = [port.link for port in outcome.desired.managed.values() if port.link is not None]
        if not metadata_service.ask(links):
            say("the metadata service gave no good answer")
        outcome = applier.compare() if arguments.dry_run else applier.apply()
    return _told(outcome, arguments)


def down(arguments: Arguments) -> int:
    """Put back what was there before."""
    applier = _applier("down", arguments)
    if arguments.interface:
        read()
    if not arguments.dry_run and not _end_watch(arguments):
        return REFUSED if arguments.interface else DIFFERENT
    status = _told(applier.compare() if arguments.dry_run else applier.apply(), arguments)
    if status == DONE and not arguments.dry_run and not arguments.interface:
        import shutil

        shutil.rmtree(RUN_FOLDER, ignore_errors=True)
        try:
            posix.unlink(TABLE_NAMES_PATH)
        except OSError:
            pass
    return status


def check(_: Arguments) -> int:
    """Print each difference as a command that would mend it."""
    outcome = Applier(Moment("check")).compare()
    _print("".join([f"{line}\n" for line in outcome.differences]))
    return DONE if outcome.done else DIFFERENT


def status(arguments: Arguments) -> int:
    """Print a line for each port, and what keeps one from answering."""
    from . import report

    applier = Applier(Moment("check"))
    outcome = applier.compare()
    notes = []
    if "connmark" in outcome.inputs.records.options:
        from .options import nft

        notes += [] if nft() is not None else ["the option connmark needs nft; install nftables"]
    told = report.status(applier.snapshot, outcome.inputs, outcome.desired, outcome.differences, _is_watching(), notes)
    if arguments.json:
        import json

        _print(json.dumps(told) + "\n")
    else:
        _print(report.status_table(told))
    return DONE if outcome.done else DIFFERENT


def watch(_: Arguments) -> int:
    """Apply, then repair whatever undoes it."""
    from .watch import watch as run

    return run()


def verify(arguments: Arguments) -> int:
    """Ping the gateways, and ask which address the world sees."""
    from .verify import verify as run

    outcome = Applier(Moment("check")).compare()
    good = run(outcome, arguments.echo or outcome.inputs.records.echo_url)
    return DONE if good and outcome.done else DIFFERENT


def drive(_: Arguments) -> int:
    """Take the metadata of the config drive."""
    from .metadata_service import read_drive

    return DONE if read_drive() else DIFFERENT


VERBS = {
    "apply": (apply, ("--refresh", "--interface", "--dry-run"), True),
    "check": (check, (), False),
    "status": (status, ("--json",), False),
    "watch": (watch, (), True),
    "down": (down, ("--interface", "--dry-run"), True),
    "verify": (verify, ("--echo",), True),
    "drive": (drive, (), True),
}
"""Each verb: what does it, the options that it takes, and whether it needs root."""

_OPTIONS = {
    "--refresh": ("", "ask the metadata service first"),
    "--interface": ("DEV", "this interface alone"),
    "--dry-run": ("", "only say what would be done"),
    "--json": ("", "for programs"),
    "--echo": ("URL", "ask this URL which address the world sees"),
}


def _usage(verb: str) -> str:
    does, options, _ = VERBS[verb]
    words = [f"[{option}{' ' if _OPTIONS[option][0] else ''}{_OPTIONS[option][0]}]" for option in options]
    told = (does.__doc__ or "").partition("\n")[0]
    return f"  {' '.join([verb, *words]):<52}  {told}"


def _parse(words: "list[str]") -> "Arguments | None":
    """Return what the words behind the verb say; None if they say something else."""
    arguments = Arguments()
    given = list(words[1:])
    while given:
        option = given.pop(0)
        if option not in VERBS[words[0]][1]:
            return None
        if _OPTIONS[option][0]:
            if not given:
                return None
            value = given.pop(0)
            if option == "--interface" and is_good_name(value):
                arguments.interface = value
            elif option == "--echo" and _is_url(value):
                arguments.echo = value
            else:
                return None
        else:
            setattr(arguments, option[2:].replace("-", "_"), True)
    return arguments


def _is_url(text: str) -> bool:
    _, scheme, rest = text.partition("://")
    return text.startswith(("http://", "https://")) and bool(scheme and rest) and not any(each not in _URL_CHARACTERS for each in text)


def _applier(verb: str, arguments: Arguments) -> Applier:
    # what systemd runs for all ports comes before the distribution, or has a watch beside it
    by_systemd = posix.getppid() == 1 and not arguments.interface
    return Applier(Moment(verb, arguments.interface, by_systemd=by_systemd))


def _told(outcome: Outcome, arguments: Arguments) -> int:
    if arguments.dry_run:
        _print("".join([f"{line}\n" for line in outcome.differences]))
        return DONE
    for line in outcome.errors:
        say(f"the kernel refused: {line}")
    return DONE if outcome.done else DIFFERENT


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
        except BlockingIOError:
            if arguments.interface:
                say("first stop the watch, which would bring it back: systemctl stop policy-routing.service")
                return False
            if not told:
                pipe = posix.open(PIPE_PATH, posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC)
                posix.write(pipe, b"down\n")
                posix.close(pipe)
                told = True
            time.sleep(0.02)
        else:
            return True
    say("the watch does not end: systemctl stop policy-routing.service")
    return False


def _is_watching() -> bool:
    from .inputs import read_file
    from .watch import PID_PATH

    pid = (read_file(PID_PATH, 16) or "").strip()
    if not pid.isdigit():
        return False
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ").endswith(b"policy-routing watch")
    except OSError:
        return False


def _print(text: str) -> None:
    sys.stdout.write(text.encode("ascii", "backslashreplace").decode())


def run(words: "list[str]") -> int:
    """Do what the words ask for; return the exit status."""
    usage = "\n".join([_usage(verb) for verb in VERBS])
    if words[:1] == ["--help"]:
        _print(MANUAL.replace("{usage}", usage))
        return DONE
    verb = words[0] if words else ""
    if verb in VERBS and words[1:] == ["--help"]:
        _print(_usage(verb).strip() + "\n")
        _print("".join([f"  {option} {_OPTIONS[option][0]:<4} {_OPTIONS[option][1]}\n" for option in VERBS[verb][1]]))
        return DONE
    arguments = _parse(words) if verb in VERBS else None
    if arguments is None:
        sys.stderr.write(f"{usage}\n")
        return REFUSED
    does, _, needs_root = VERBS[verb]
    if needs_root and posix.geteuid() != 0:
        say(f"{verb} needs root")
        return REFUSED
    try:
        return does(arguments)
    except Refused as error:
        say(str(error))
        return REFUSED
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
