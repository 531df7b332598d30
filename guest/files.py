"""The files of the guest. All but the plan are the same bytes for every server."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from multiport.guest import plan as numbers
from multiport.guest.plan import RoutingPlan, plan_text

SCRIPT_PATH: Final = "/usr/local/sbin/policy-routing"
"""The script."""

SOURCE_PATH: Final = "/usr/local/lib/policy-routing/source"
"""The source of the program, which the script unpacks when it is new."""

PLAN_PATH: Final = "/etc/policy-routing/plan"
"""Where the script reads its plan."""

SERVICE: Final = "policy-routing.service"
"""The unit that keeps the routing as planned."""

CHECK_TIMER: Final = "policy-routing-check.timer"
"""The unit that looks after it now and then."""

_STATIC: Final = {
    SCRIPT_PATH: 0o755,
    f"/etc/systemd/system/{SERVICE}": 0o644,
    "/etc/systemd/system/pbr@.service": 0o644,
    "/etc/systemd/system/policy-routing-check.service": 0o644,
    f"/etc/systemd/system/{CHECK_TIMER}": 0o644,
    # Without it systemd-networkd deletes our rules whenever it reconfigures any link (measured: 252).
    "/etc/systemd/networkd.conf.d/10-policy-routing.conf": 0o644,
}
"""Path in the guest and mode; the template has the path's last part for its name."""


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file that user data writes.

    Attributes:
        path: Absolute path in the guest.
        mode: Permission bits.
        content: Text, ending in a newline.
    """

    path: str
    mode: int
    content: str


def guest_files(plan: RoutingPlan) -> tuple[GuestFile, ...]:
    """Return all files of the guest, the plan last: once it is there, everything is."""
    return (*static_files(), GuestFile(PLAN_PATH, 0o644, plan_text(plan)))


@cache
def static_files() -> tuple[GuestFile, ...]:
    """Return the script and its units, the same for every server."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - shell and unit files; nothing but our own numbers is put in
    )
    values = {
        "table_base": numbers.TABLE_BASE,
        "priority_base": numbers.PRIORITY_BASE,
        "priorities_per_slot": numbers.PRIORITIES_PER_SLOT,
        "slot_max": numbers.SLOT_MAX,
        "link_group": numbers.LINK_GROUP,
        "protocol": numbers.PROTOCOL,
        "metadata_prefix": numbers.METADATA_PREFIX,
    }
    return tuple(
        GuestFile(path, mode, _lean(environment.get_template(PurePosixPath(path).name).render(values)))
        for path, mode in _STATIC.items()
    )


def _lean(text: str) -> str:
    """A file's text without comments, and a script's with its head, but its body without indentation: user data has little room.

    No string of the script goes over several lines; the checks of the rendered files run what is rendered.
    """
    if not text.startswith("#!"):
        return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    head, body = text.split("\n\n", 1)
    lines = (line.lstrip() for line in body.splitlines())
    return "\n".join([head, *(line for line in lines if line and (not line.startswith("#") or "shellcheck" in line))]) + "\n"
