"""What a run leaves for docs/proof.md: a JSON file that tools/evidence.py reads."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from multiport.verify import report
from multiport.verify.verdict import Row
from tools import evidence


def utc() -> str:
    """The time now, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write(
    name: str, topology: str, rows: Sequence[Row], *, commands: Sequence[str], facts: Mapping[str, Any], started: str
) -> None:
    """Write a record.

    Args:
        name: The file's.
        topology: The heading.
        rows: What was proved, and what was not.
        commands: What was run.
        facts: What else was measured.
        started: When the run began.
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
