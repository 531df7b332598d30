#!/usr/bin/python3 -IS
"""Starts the policy routing of this server: `policy-routing --help` says what it does.

The program's source is in /usr/local/lib/policy-routing/policy_routing. It comes in one file beside that folder, `source`, from
user data or from an update by hand, and is unpacked here whenever that file is another one than before.
"""

import posix
import sys

FOLDER = "/usr/local/lib/policy-routing"
PACKAGE = FOLDER + "/policy_routing"
SOURCE = FOLDER + "/source"
STAMP = PACKAGE + "/unpacked"
HEADING = "#### "


def is_stale() -> bool:
    """Return whether the source has to be unpacked: what was unpacked last has left its time of change on a stamp."""
    try:
        source = posix.stat(SOURCE).st_mtime_ns
    except OSError:
        return False
    try:
        return source != posix.stat(STAMP).st_mtime_ns
    except OSError:
        return True


def parts(text: str) -> "dict[str, str]":
    """Return the files of a source by their names."""
    found = {}
    for part in ("\n" + text).split("\n" + HEADING)[1:]:
        name, _, content = part.partition("\n")
        found[name] = content if content.endswith("\n") else content + "\n"
    return found


def unpack() -> None:
    """Write each file of the source into the package and compile it, because units whose /usr is read-only cannot."""
    import py_compile

    source = posix.stat(SOURCE)
    with open(SOURCE, encoding="ascii") as file:
        fresh = parts(file.read())
    try:
        posix.mkdir(PACKAGE, 0o755)
    except FileExistsError:
        pass
    for name, content in fresh.items():
        with open(f"{PACKAGE}/{name}.new", "w", encoding="ascii") as file:
            file.write(content)
        posix.replace(f"{PACKAGE}/{name}.new", f"{PACKAGE}/{name}")
        py_compile.compile(f"{PACKAGE}/{name}")
    for name in posix.listdir(PACKAGE):
        if name.endswith(".py") and name not in fresh:
            posix.unlink(f"{PACKAGE}/{name}")
    with open(STAMP, "w", encoding="ascii"):
        pass
    posix.utime(STAMP, ns=(source.st_mtime_ns, source.st_mtime_ns))


def start() -> None:
    """Unpack the source if it is new, and run the command line."""
    posix.umask(0o022)
    if is_stale():
        try:
            unpack()
        except OSError as error:
            # what was there before still works, for example in a unit whose /usr is read-only
            sys.stderr.write(f"policy-routing: the new source cannot be unpacked: {error}; `policy-routing check` as root can\n")
    sys.path.insert(0, FOLDER)
    from policy_routing.main import main  # type: ignore[import-not-found]

    main()


if __name__ == "__main__":
    start()
