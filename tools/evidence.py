"""Generates docs/proof.md from the records of `make proof`. Pure functions on plain data.

A record is a JSON file in docs/proof, named after what it proves. Its keys are `topology` (the heading), `commands`, `rows` (the
result of `multiport.verify.report.document`), `facts`, and `started` (UTC). Each record has its own date: a run of some stages
does not change the records of the others, nor their sections of the page.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

RECORDS: Final = Path(__file__).resolve().parent.parent / "docs" / "proof"
"""Folder of the records."""

INSTALLED: Final = RECORDS / "installed"
"""Folder with the Debian packages that a whole run had: a JSON file for each root file system, versions by package."""

SHOWN_OF_GUESTS: Final = (
    "linux-image-cloud-amd64",
    "systemd",
    "cloud-init",
    "iproute2",
    "netplan.io",
    "network-manager",
    "ifupdown",
)
SHOWN_OF_LOCAL_CLOUD: Final = ("ovn-central", "openvswitch-switch", "libvirt-daemon", "qemu-system-x86", "mariadb-server-core")
"""Packages whose versions the page itself shows; the files have all of them."""

EXPECTED: Final = {
    "a": "private with a gateway",
    "b": "directly on the external network, and networks without gateway and DHCP",
    "c": "several addresses with a floating IP each, and a shared virtual address",
    "d": "two and three ports on one subnet",
    "e": "a port attached to the running server",
    "life-Ubuntu-24.04": "reboots, replacement and network restarts: netplan",
    "life-Ubuntu-22.04": "reboots, replacement and network restarts: systemd-networkd",
    "life-Debian-12": "reboots, replacement and network restarts: ifupdown",
    "life-Rocky-9.4": "reboots, replacement and network restarts: NetworkManager",
    "soak": "random faults",
}
"""The records of a complete run, in the order of the page."""

HEAD: Final = """# What was proved with packets

Written by `make proof`, which deploys on the [local cloud with packets](local-cloud.md#with-packets): Nova's libvirt driver boots
the guests, and Neutron's ML2/OVN connects them. Each section shows what was seen in the run of the date that it names.
"""


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the records in a folder by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def page(
    records: Mapping[str, Mapping[str, Any]],
    against: Sequence[str],
    not_run: Mapping[str, int],
    installed: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the text of the page.

    Args:
        records: The records by name; the module's docstring describes them.
        against: Lines that describe the machine and the versions of the software.
        not_run: Number of tests of this run that did not run, by reason.
        installed: Debian packages by root file system, as in INSTALLED: `suite`, and `packages`, versions by name.
    """
    names = [*(name for name in EXPECTED if name in records), *(name for name in records if name not in EXPECTED)]
    counted = [_counted(name, records[name]) for name in names]
    missing = [f"- {name}: {what}; there is no record of it." for name, what in EXPECTED.items() if name not in records]
    missing += [f"- {count} x {_line(reason)}" for reason, count in sorted(not_run.items())]
    parts = [
        HEAD,
        "\n".join(f"- {line}" for line in against),
        "## Summary",
        _table(("proof", "started (UTC)", "ok", "failed", "not run"), counted) if counted else "Nothing.",
        "## Not run",
        "\n".join(missing) or "Nothing was left out.",
        *([_installed(installed)] if installed else []),
        *(_section(name, records[name]) for name in names),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _counted(name: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    counts = record["rows"]["summary"]
    return (name, record["started"], *(str(counts[result]) for result in ("ok", "FAILED", "not run")))


def _installed(installed: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, each in installed.items():
        packages = each["packages"]
        told = [f"{package} {packages[package]}" for package in (*SHOWN_OF_GUESTS, *SHOWN_OF_LOCAL_CLOUD) if package in packages]
        rows.append((name, each["suite"], f"[{len(packages)}](proof/installed/{name}.json)", ", ".join(told)))
    return "## Installed from Debian\n\n" + _table(("root file system", "suite", "packages", "among them"), rows)


def _section(name: str, record: Mapping[str, Any]) -> str:
    document = record["rows"]
    head = ("server", "port", "probe", "target", "result", "evidence")
    rows = [tuple(_evidence(row) if column == "evidence" else str(row[column]) for column in head) for row in document["rows"]]
    parts = [
        f"## {name}: {_line(record['topology'])}",
        f"Started {record['started']}.",
        "```\n" + "\n".join(record["commands"]) + "\n```",
        _table(head, rows) if rows else "No rows.",
        "\n".join(f"- {cause}: {_line(text)}" for cause, text in document.get("causes", {}).items()),
        _table(("fact", "value"), [(key, _value(value)) for key, value in record["facts"].items()]) if record["facts"] else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _evidence(row: Mapping[str, Any]) -> str:
    return f"{row['evidence']} [{row['cause']}]".strip() if row.get("cause") else str(row["evidence"])


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_value(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return "; ".join(_value(item) for item in value) or "none"
    return str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|").replace("<", "&lt;")


def _line(text: str) -> str:
    return " ".join(text.split())
