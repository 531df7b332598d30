"""The files of the guest. All but the plan are the same bytes for every server."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from multiport.guest import packing
from multiport.guest.plan import RoutingPlan, plan_text
from multiport.guest.program import launcher, numbers

SCRIPT_PATH: Final = "/usr/local/sbin/policy-routing"
"""The command that the program is called by."""

PACKED_PATH: Final = f"{launcher.PACKED}"
"""The program in its packed form, which the launcher unpacks when it is new."""

PLAN_PATH: Final = numbers.PLAN_PATH
"""Where the program reads its plan."""

SERVICE: Final = "policy-routing.service"
"""The unit that keeps the routing as planned."""

CHECK_TIMER: Final = "policy-routing-check.timer"
"""The unit that applies it again every minute."""

_UNITS: Final = (
    f"/etc/systemd/system/{SERVICE}",
    "/etc/systemd/system/pbr@.service",
    "/etc/systemd/system/policy-routing-check.service",
    f"/etc/systemd/system/{CHECK_TIMER}",
    # Without it systemd-networkd deletes our rules whenever it reconfigures any link (measured: 252).
    "/etc/systemd/networkd.conf.d/10-policy-routing.conf",
)
"""Paths in the guest; each has a template with the path's last part for its name."""


_PROGRAM: Final = Path(__file__).parent / "program"


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
    """Return the launcher and the packed program with its units, the same for every server."""
    launcher_text = (_PROGRAM / "launcher.py").read_text(encoding="ascii")
    return GuestFile(SCRIPT_PATH, 0o755, launcher_text), GuestFile(PACKED_PATH, 0o644, packing.PACKED.read_text(encoding="ascii"))


@cache
def packed_files() -> tuple[GuestFile, ...]:
    """Return the files that the launcher unpacks: the program's modules and the units."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - unit files; nothing but our own paths is put in
    )
    values = {"launcher": SCRIPT_PATH, "plan": PLAN_PATH, "run": numbers.RUN_FOLDER}
    modules = sorted(path for path in _PROGRAM.glob("*.py") if path.name != "launcher.py")
    return (
        *(GuestFile(f"{launcher.PACKAGE}/{path.name}", 0o644, path.read_text(encoding="ascii")) for path in modules),
        *(GuestFile(path, 0o644, environment.get_template(PurePosixPath(path).name).render(values)) for path in _UNITS),
    )
