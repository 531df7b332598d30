"""Reads what the server was told, from files that others may have written: regular ones only, and never beyond a limit."""

import posix

from .addresses import parse_address
from .metadata import Records, read_cache
from .numbers import CACHE_PATH, PLAN_PATH
from .plan import Plan, read_plan

FILE_BYTES_MAX = 262144
"""The most that is read of any file: Nova's 128 items of metadata are 66 kB."""
_PLAN_BYTES_MAX = 65536
_ID_PATH = "/var/lib/cloud/data/instance-id"
_KIND, _REGULAR = 0o170000, 0o100000


class Refused(Exception):
    """What was given cannot be used, so nothing was changed."""


class Inputs:
    """Plan and metadata, the texts that they were read from, and the server's uuid, or empty."""

    def __init__(self, plan: Plan, records: Records, texts: "tuple[str, str, str]" = ("", "", "")) -> None:
        self.plan = plan
        self.records = records
        self.texts = texts
        _, self.cached, self.server = texts


def read(before: "Inputs | None" = None) -> Inputs:
    """Return plan and metadata; those of before, if nothing has changed. Raises Refused without a good plan."""
    text = read_file(PLAN_PATH, _PLAN_BYTES_MAX)
    if text is None:
        raise Refused(f"{PLAN_PATH}: it cannot be read")
    texts = text, read_file(CACHE_PATH) or "", read_server()
    if before is not None and before.texts == texts:
        return before
    try:
        plan = read_plan(text)
    except ValueError as error:
        raise Refused(f"{PLAN_PATH}: {error}") from error
    return Inputs(plan, read_cache(texts[1], plan, texts[2]), texts)


def read_server() -> str:
    """Return the server's uuid as cloud-init knows it; empty where it does not."""
    text = (read_file(_ID_PATH, 64) or "").rstrip("\n")
    groups = text.split("-")
    good = [len(each) for each in groups] == [8, 4, 4, 4, 12] and not "".join(groups).strip("0123456789abcdef")
    return text if good else ""


def read_router(device: str) -> "bytes | None":
    """Return the router in dhclient's newest lease: its second default route fails where both ports' have one metric."""
    _, found, rest = (read_file(f"/var/lib/dhcp/dhclient.{device}.leases", _PLAN_BYTES_MAX) or "").rpartition("option routers ")
    return parse_address(4, rest.partition(";")[0].partition(",")[0]) if found else None


def read_file(path: str, most: int = FILE_BYTES_MAX) -> "str | None":
    """Return a file's text, a character for each byte; empty if it is too long or has a NUL byte, None if it cannot be read."""
    try:
        if posix.stat(path).st_mode & _KIND != _REGULAR:
            return None
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return "" if len(data) > most or b"\0" in data else data.decode("latin-1")
