"""What the options keep beside links, addresses, routes and rules: names of the tables, and the marks of connmark."""

import posix

from .desired import Desired
from .inputs import Inputs, read_file
from .numbers import RUN_FOLDER, SLOT_MAX, TABLE_BASE, TABLE_NAMES_PATH, table_of
from .state import write

_MARKS_PATH = RUN_FOLDER + "/marks"
_BYTES_MAX = 65536
_NFT_PATHS = ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft")
_NFT_TABLE = "inet policy_routing"


def nft() -> "str | None":
    """Return the path of nft, which connmark needs."""
    for path in _NFT_PATHS:
        try:
            posix.stat(path)
        except OSError:
            continue
        return path
    return None


def table_names(inputs: Inputs, desired: Desired) -> str:
    """Return the file that names the tables for iproute2; empty without the option."""
    if "table_names" not in inputs.records.options:
        return ""
    keys = {slot: port.record.key if port.record is not None else str(slot) for slot, port in desired.managed.items()}
    return "".join([f"{table_of(slot)} multiport-{key}\n" for slot, key in keys.items()])


def marks(inputs: Inputs, desired: Desired) -> str:
    """Return the table of nftables that leads a container's replies back to the port that was asked; empty without the option.

    A connection that comes in by a port is marked with the port's table, and its replies with the mark of their connection.
    """
    if "connmark" not in inputs.records.options or not desired.managed or nft() is None:
        return ""
    first, last = TABLE_BASE, TABLE_BASE + SLOT_MAX
    each = [
        f"iifname {port.link.name} ct state new ct mark 0 ct mark set {table_of(slot)}; "
        for slot, port in desired.managed.items()
        if port.link is not None
    ]
    return (
        f"table {_NFT_TABLE} {{\nchain prerouting {{ type filter hook prerouting priority mangle; {''.join(each)}"
        f"meta mark 0 ct direction reply ct mark {first}-{last} meta mark set ct mark; }}; }}"
    )


class Options:
    """Differences of the options' files and of nftables from what should be."""

    def __init__(self, inputs: Inputs, desired: Desired) -> None:
        self.names = table_names(inputs, desired)
        self.marks = marks(inputs, desired)
        self.differences = []
        self._names_differ = (read_file(TABLE_NAMES_PATH, _BYTES_MAX) or "") != self.names
        if self._names_differ:
            self.differences.append(f"write {TABLE_NAMES_PATH}" if self.names else f"rm {TABLE_NAMES_PATH}")
        known = read_file(_MARKS_PATH, _BYTES_MAX) or ""
        self._marks_differ = known != (self.marks + _listed() if self.marks else "")
        if self._marks_differ:
            self.differences.append(f"nft {'-f - (the marks of connmark)' if self.marks else f'delete table {_NFT_TABLE}'}")

    def write(self) -> "list[str]":
        """Bring them to what should be; return what failed."""
        failed = []
        if self._names_differ:
            try:
                if self.names:
                    folder = TABLE_NAMES_PATH.rpartition("/")[0]
                    make_folder(folder.rpartition("/")[0])
                    make_folder(folder)
                    write(TABLE_NAMES_PATH, self.names)
                else:
                    posix.unlink(TABLE_NAMES_PATH)
            except OSError as error:
                failed.append(f"{TABLE_NAMES_PATH}: {error.strerror}")
        if self._marks_differ:
            said = _run("-f", "-", text=f"add table {_NFT_TABLE}; delete table {_NFT_TABLE}; {self.marks}\n")
            if said is None:
                failed.append("nft refused the marks of connmark")
            else:
                write(_MARKS_PATH, self.marks + _listed() if self.marks else "")
        return failed


def make_folder(path: str) -> None:
    """Make a folder unless it is there."""
    try:
        posix.mkdir(path, 0o755)
    except FileExistsError:
        pass


def _listed() -> str:
    return _run("list", "table", *_NFT_TABLE.split()) or "not there"


def _run(*arguments: str, text: str = "") -> "str | None":
    import subprocess

    path = nft()
    if path is None:
        return None
    done = subprocess.run(
        [path, *arguments],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        check=False,
    )
    return done.stdout.decode("latin-1") if done.returncode == 0 else None
