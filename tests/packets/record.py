"""Writes the record of a run: a JSON file from which tools/evidence.py generates docs/proof.md."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from multiport.verify import report
from multiport.verify.verdict import Row
from tools import evidence


def utc() -> str:
    """Return the present time in the format of records."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write(
    name: str, topology: str, rows: Sequence[Row], *, commands: Sequence[str], facts: Mapping[str, Any], started: str
) -> None:
    """Write a record.

    Args:
        name: Name of the file, without its extension.
        topology: Heading of the section.
        rows: Results of the probes.
        commands: Commands that were run.
        facts: Other measurements.
        started: Time at which the run began.
    """
    evidence.RECORDS.mkdir(parents=True, exist_ok=True)
    found = {
        "topology": topology,
        "started": started,
        "commands": list(commands),
        "facts": dict(facts),
        "rows": report.document(rows, {"started": started}),
    }
    (evidence.RECORDS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
