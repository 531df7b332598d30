"""What the options keep besides links, addresses, routes and rules: names of the tables, and the marks of connmark."""

import posix

from .desired import Desired
from .inputs import read_file
from .kernel import exists
from .numbers import RUN_FOLDER, SLOT_MAX, TABLE_BASE, TABLE_NAMES_PATH, table_of
from .state import write

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""Of every program that is run; nothing of the caller's."""
_MARKS_PATH = RUN_FOLDER + "/marks"
_TABLE = "inet policy_routing"


def nft() -> str:
    """Return the path of nft, which connmark needs, or an empty text."""
    return ([path for path in ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft") if exists(path)] + [""])[0]


def table_names(options: "list[str]", desired: Desired) -> str:
    """Return the file that names the tables for iproute2; empty without the option."""
    if "table_names" not in options:
        return ""
    return "".join([f"{table_of(slot)} multiport-{port.record.key or slot}\n" for slot, (port, _) in desired.managed.items()])


def marks(options: "list[str]", desired: Desired) -> str:
    """Return the table of nftables that leads a container's replies back to the port that was asked; empty without the option.

    A connection that comes in by a port is marked with the port's table, and its replies with the mark of their connection.
    """
    if "connmark" not in options or not desired.managed or not nft():
        return ""
    ports = [
        f"iifname {link.name} ct state new ct mark 0 ct mark set {table_of(slot)}; "
        for slot, (_, link) in desired.managed.items()
    ]
    replies = f"meta mark 0 ct direction reply ct mark {TABLE_BASE}-{TABLE_BASE + SLOT_MAX} meta mark set ct mark;"
    return f"table {_TABLE} {{ chain prerouting {{ type filter hook prerouting priority mangle; {''.join(ports)}{replies} }}; }}"


class Options:
    """Differences of the options' files and of nftables from what should be."""

    def __init__(self, options: "list[str]", desired: Desired) -> None:
        self._names = table_names(options, desired)
        self._marks = marks(options, desired)
        self.differences = []
        self._names_differ = (read_file(TABLE_NAMES_PATH) or "") != self._names
        if self._names_differ:
            self.differences.append(f"{'write' if self._names else 'rm'} {TABLE_NAMES_PATH}")
        self._marks_differ = (read_file(_MARKS_PATH) or "") != self._marked()
        if self._marks_differ:
            self.differences.append(f"nft {'-f - (the marks of connmark)' if self._marks else 'delete table ' + _TABLE}")

    def _marked(self) -> str:
        """What was asked for and how nft lists it, so that a change of either shows."""
        return self._marks + (_nft("list", "table", *_TABLE.split()) or "not there") if self._marks else ""

    def write(self) -> "list[str]":
        """Bring them to what should be; return what failed."""
        try:
            if self._names_differ and self._names:
                write(TABLE_NAMES_PATH, self._names)
            elif self._names_differ:
                posix.unlink(TABLE_NAMES_PATH)
        except OSError as error:
            return [f"{TABLE_NAMES_PATH}: {error.strerror}"]
        if self._marks_differ:
            if _nft("-f", "-", text=f"add table {_TABLE}; delete table {_TABLE}; {self._marks}\n") is None:
                return ["nft refused the marks of connmark"]
            write(_MARKS_PATH, self._marked())
        return []


def _nft(*arguments: str, text: str = "") -> "str | None":
    return run([nft(), *arguments], text) if nft() else None


def run(words: "list[str]", text: str = "") -> "str | None":
    """Return what a program prints; None if it fails."""
    import subprocess

    done = subprocess.run(
        words, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=False
    )
    return done.stdout.decode("latin-1") if done.returncode == 0 else None
