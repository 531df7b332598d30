"""`make soak`: the long loop of faults, in rounds that may be stopped and gone on with; its record is a file of lines.

Each line is one trial. A run goes on where the record ends, until the record has as many faults as wanted or the time is over.
`--table` prints what the record says, as docs/recovery.md has it.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import openstack

from multiport import toolchain
from tests.engine.stack import ROOT, Stack
from tests.faults.loop import Loop, Trial
from tests.faults.proxy import before
from tests.faults.table import PAGE, RECORD, table, trials, written_into

LAB: Final = ROOT / ".lab" / "soak"
PLAIN_EACH: Final = 2
"""One trial in so many is treated as people treat it; the others are recovered."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Go on with the loop; 0 if every recovered trial of the record ended well."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=200, help="faults that the record is to have of each treatment")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many minutes")
    parser.add_argument("--record", type=Path, default=RECORD, help="file of lines, one per trial")
    parser.add_argument("--lab", type=Path, default=LAB, help="folder of the local cloud")
    parser.add_argument("--stack", default="soak", help="the stack's name")
    parser.add_argument("--treatment", choices=("recover", "plain", "both"), default="both", help="what follows each fault")
    parser.add_argument("--table", action="store_true", help="only write the table into the page")
    options = parser.parse_args(arguments)
    if not options.table:
        _soak(options)
    text = table(trials(options.record))
    print(text)
    if options.record == RECORD:
        PAGE.write_text(written_into(PAGE.read_text(), text))
    return 1 if any(each.wrong for each in trials(options.record) if each.treatment == "recover") else 0


def _soak(options: argparse.Namespace) -> None:
    subprocess.run([sys.executable, "-m", "lab", "--dir", str(options.lab), "up"], check=True, cwd=ROOT)
    clouds = options.lab / "clouds.yaml"
    found = toolchain.find(print, fetch=False)
    config = openstack.config.OpenStackConfig(config_files=[str(clouds)])
    api = openstack.connection.Connection(config=config.get_one("local"))
    deadline = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="multiport-soak-") as folder, before(clouds, Path(folder) / "proxy") as proxy:
        stack = Stack(Path(folder) / "stack", options.stack, proxy.environment, ROOT, found.pulumi)
        seed = int.from_bytes(os.urandom(4))
        loop = Loop(stack, proxy, api, random.Random(seed))
        print(f"seed {seed}, record {options.record}", flush=True)
        loop.reset()  # whatever a run that was stopped has left
        try:
            while time.monotonic() < deadline:
                treatment = _next(options.treatment, trials(options.record), options.faults)
                if treatment is None:
                    break
                operation = loop.next_operation()
                made = loop.trial(operation, treatment, kill=loop.choice.random() < 0.4)
                if made.faults:  # what met no fault proves nothing
                    _append(options.record, made)
                print(f"{operation} {treatment} {made.seconds} s: {made.faults} -> {made.wrong or 'well'}", flush=True)
        finally:
            loop.reset()


def _next(wanted: str, done: Sequence[Trial], faults: int) -> str | None:
    """The treatment that is furthest from having its faults; None when all have them."""
    counts = {each: sum(len(trial.faults) for trial in done if trial.treatment == each) for each in ("recover", "plain")}
    left = {each: count for each, count in counts.items() if wanted in (each, "both") and count < faults}
    return min(left, key=lambda each: left[each]) if left else None


def _append(record: Path, made: Trial) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("a") as lines:
        lines.write(json.dumps(asdict(made)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
