"""`make verify` as far as it goes without a stack."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("OS_CLOUD", "OUTSIDE", "FORMAT", "SAMPLE", "WAIT")}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, env={**kept, **environment}, check=False)


def test_the_machine_itself_is_never_asked_for_the_local_clouds_addresses() -> None:
    done = run("tools.deploy", "verify", "--stack", "local")
    assert done.returncode == 1
    assert "OUTSIDE" in done.stdout


def test_a_stack_without_servers_proves_nothing() -> None:
    done = run("multiport", "verify", "--outputs", "-", text="{}")
    assert (done.returncode, done.stdout) == (1, "Nothing to verify: the stack has no servers.\n")
    done = run("multiport", "verify", "--outputs", "-", text="{}", FORMAT="json", SAMPLE="7")
    assert done.returncode == 1
    assert json.loads(done.stdout)["summary"] == {"ok": 0, "FAILED": 0, "not run": 0}
    assert json.loads(done.stdout)["seconds"] == 7


def test_seconds_are_numbers() -> None:
    done = run("multiport", "verify", "--outputs", "-", text="{}", SAMPLE="a minute")
    assert done.returncode == 2
    assert done.stderr.endswith("error: argument --sample: 'a minute' is not a whole number of seconds\n")
