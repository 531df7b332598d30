"""Reads files that somebody else may have written: never more than a limit, never anything but a regular file."""

import posix

from .numbers import CACHE_PATH, FILE_BYTES_MAX, PLAN_BYTES_MAX, PLAN_PATH
from .metadata import NO_RECORDS, Records, read_cache
from .plan import NO_PLAN, Plan, read_plan

_REGULAR = 0o100000
_KIND = 0o170000
_ID_PATH = "/var/lib/cloud/data/instance-id"


class Refused(Exception):
    """What was given cannot be used, so nothing was changed."""


class Inputs:
    """What the server was told.

    Attributes:
        plan: Ports that it was born with.
        records: What its metadata says now.
        texts: The texts that both were read from.
        server: The server's uuid as cloud-init knows it, or empty.
    """

    def __init__(self, plan: Plan, records: Records, texts: "tuple[str, str]", server: str) -> None:
        self.plan = plan
        self.records = records
        self.texts = texts
        self.server = server


def nothing() -> Inputs:
    """Return what a server without a plan was told."""
    return Inputs(NO_PLAN, NO_RECORDS, ("", ""), "")


def read(before: "Inputs | None" = None) -> Inputs:
    """Return plan and metadata; those of before, if nothing has changed.

    Raises:
        Refused: There is no good plan.
    """
    plan_text = read_file(PLAN_PATH, PLAN_BYTES_MAX)
    if plan_text is None:
        raise Refused(f"{PLAN_PATH}: it cannot be read")
    cached = read_file(CACHE_PATH, FILE_BYTES_MAX) or ""
    server = read_server()
    if before is not None and before.texts == (plan_text, cached) and before.server == server:
        return before
    try:
        plan = read_plan(plan_text)
    except ValueError as error:
        raise Refused(f"{PLAN_PATH}: {error}") from error
    return Inputs(plan, read_cache(cached, plan, server), (plan_text, cached), server)


def read_server() -> str:
    """Return the server's uuid as cloud-init knows it; empty where it is not known."""
    text = (read_file(_ID_PATH, 64) or "").rstrip("\n")
    groups = text.split("-")
    good = [len(group) for group in groups] == [8, 4, 4, 4, 12] and not "".join(groups).strip("0123456789abcdef")
    return text if good else ""


def read_file(path: str, most: int) -> "str | None":
    """Return a file's text, one character for each byte; empty if it is longer than the limit or has a NUL byte.

    Returns:
        None if there is no regular file that can be read.
    """
    try:
        if posix.stat(path).st_mode & _KIND != _REGULAR:
            return None
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return "" if len(data) > most or b"\0" in data else data.decode("latin-1")
