#!/usr/bin/python3 -IS
"""Starts the policy routing of this server: `policy-routing --help` says what it does.

The program is in /usr/local/lib/policy-routing/policy_routing, as readable source. It comes with its units in the file `packed`
beside that folder, from user data or from an update by hand, and is unpacked whenever that file is another one than before.
"""

import posix
import sys

FOLDER = "/usr/local/lib/policy-routing"
PACKED = FOLDER + "/packed"
PACKAGE = FOLDER + "/policy_routing"
STAMP = PACKAGE + "/unpacked"
HEADING = "#### "


def is_stale() -> bool:
    """Return whether there is something to unpack: what was unpacked last has left its time of change on a stamp."""
    try:
        packed = posix.stat(PACKED).st_mtime_ns
    except OSError:
        return False
    try:
        return packed != posix.stat(STAMP).st_mtime_ns
    except OSError:
        return True


def unpack() -> None:
    """Write the program and its units, and compile it, for units with a read-only /usr cannot."""
    import base64
    import bz2
    import os
    import py_compile

    changed = posix.stat(PACKED).st_mtime_ns
    with open(PACKED, encoding="ascii") as file:
        text = bz2.decompress(base64.b85decode(file.read().replace("\n", ""))).decode("ascii")
    paths = []
    for part in ("\n" + text).split("\n" + HEADING)[1:]:
        path, _, content = part.partition("\n")
        paths.append(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(content.rstrip("\n") + "\n")
        os.replace(path + ".new", path)
        if path.endswith(".py"):
            py_compile.compile(path)
    for name in os.listdir(PACKAGE):
        if name.endswith(".py") and f"{PACKAGE}/{name}" not in paths:
            os.unlink(f"{PACKAGE}/{name}")
    with open(STAMP, "w", encoding="ascii"):
        pass
    posix.utime(STAMP, ns=(changed, changed))


def start() -> None:
    """Unpack the program if it is new, and run its command line."""
    posix.umask(0o022)
    if is_stale():
        try:
            unpack()
        except OSError as error:
            # what was there before still works, for example in a unit whose /usr is read-only
            sys.stderr.write(f"policy-routing: the new program cannot be unpacked: {error}; run `policy-routing check` as root\n")
    sys.path.insert(0, FOLDER)
    from policy_routing.main import main  # type: ignore[import-not-found]

    main()


if __name__ == "__main__":
    start()
