"""`python -m tests.truth [--pairs 200] [--start 0] [--write]`: more pairs than `make test` has time for, and the table of costs.

Uses the local cloud in MULTIPORT_TEST_LAB. What was seen is written to tests/truth/record.jsonl.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import openstack

from multiport import toolchain
from tests.engine.stack import ROOT, Stack
from tests.truth import costs, pairs
from tests.truth.changes import CHANGES
from tests.truth.trial import Trial, broken

RECORD = Path(__file__).with_name("record.jsonl")


def main() -> int:
    """Try all single changes, then random pairs; 1 if a report was untrue."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--start", type=int, default=0, help="seed of the random pairs")
    parser.add_argument("--write", action="store_true", help="write docs/costs.md")
    arguments = parser.parse_args()
    clouds = Path(os.environ["MULTIPORT_TEST_LAB"]) / "clouds.yaml"
    cloud = {"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "local"}
    api = openstack.connection.Connection(config=openstack.config.OpenStackConfig(config_files=[str(clouds)]).get_one("local"))
    if api.compute.find_keypair("second") is None:
        api.compute.create_keypair(name="second")
    with tempfile.TemporaryDirectory(prefix="multiport-truth-") as folder:
        stack = Stack(Path(folder) / "truth", "truth", cloud, ROOT, toolchain.find(print, fetch=False).pulumi)
        trial = Trial(stack, api)
        try:
            seen = pairs.singles(trial, CHANGES)
            if arguments.write:
                costs.DOCUMENT.write_text(costs.page(seen, CHANGES))
            trial.write(RECORD)
            pairs.randoms(trial, arguments.pairs - len(CHANGES), arguments.start)
        finally:
            trial.write(RECORD)
            stack.destroy()
    for changes, found in broken(trial.pairs).items():
        print(changes, *found, sep="\n  ")
    print(f"{len(trial.pairs)} pairs, {sum(pair.deployed for pair in trial.pairs)} deployed, {len(broken(trial.pairs))} untrue")
    return 1 if broken(trial.pairs) else 0


if __name__ == "__main__":
    sys.exit(main())
