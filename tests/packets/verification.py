"""The project's own verification, run as `make verify` runs it, against the lab's guests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lab.packets import outside
from lab.settings import Settings
from multiport.verify.verdict import OK, Row
from tests.engine.stack import ROOT

SAMPLE_SECONDS: Final = 60
"""Of each floating IP: one ping proves nothing."""

COMMAND: Final = f"make verify LAB=packets SAMPLE={SAMPLE_SECONDS}"
"""What the evidence says was run."""


def verify(lab: Settings, exports: Mapping[str, Any], **options: str) -> list[Row]:
    """Every row for a stack's outputs; options are the verification's own, for example WAIT."""
    environment = {**os.environ, **outside.reach(lab), "FORMAT": "json", "SAMPLE": str(SAMPLE_SECONDS), **options}
    command = [sys.executable, "-m", "multiport", "verify", "--outputs", "-"]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, input=json.dumps(exports), check=False, capture_output=True, text=True
    )
    assert answer.stdout, answer.stderr
    return [Row(**row) for row in json.loads(answer.stdout)["rows"]]


def amiss(rows: Iterable[Row]) -> list[str]:
    """What did not pass, or did not run, a line for each."""
    return [
        f"{row.server} {row.port} {row.probe} {row.target}: {row.result}, {row.evidence} [{row.cause}]"
        for row in rows
        if row.result != OK
    ]
