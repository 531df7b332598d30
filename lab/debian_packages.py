"""What dpkg has recorded as installed in a root file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def installed(root: Path) -> dict[str, str]:
    """Versions by package of a root file system, or of a layer over one; none where dpkg has recorded nothing."""
    status = root / "var" / "lib" / "dpkg" / "status"
    found = {}
    for paragraph in status.read_text(errors="replace").split("\n\n") if status.exists() else ():
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return found
