"""Runs `make up` twice and then `make down` in a copy of the checkout, with the CLI and with the direct driver."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from multiport import toolchain
from tests.engine.stack import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project's files as git would clone them, which uses the installed dependencies of this checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and not name.startswith("tests/") and ((ROOT / name).is_file() or (ROOT / name).is_symlink()):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def deploy(checkout: Path, verb: str, **environment: str) -> str:
    """Run the command that the Makefile calls."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_", "LAB_", "MULTIPORT_"))}
    lab = {"LAB_DIR": str(checkout / ".lab"), "LAB_VENV": os.environ.get("LAB_VENV", str(ROOT / ".lab" / "venv"))}
    answer = subprocess.run(
        [sys.executable, "-m", "tools.deploy", verb, "--stack", "dev"],
        cwd=checkout,
        env={**kept, **lab, **environment},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def running(checkout: Path) -> list[str]:
    """Return the pids of processes of this checkout's local cloud."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(checkout / ".lab").encode() in words and int(process.name) != os.getpid():
            found.append(process.name)
    return found


@pytest.mark.parametrize("engine", ["cli", "direct"])
def test_up_is_repeatable_and_down_leaves_nothing(checkout: Path, engine: str) -> None:
    environment = {}
    if engine == "direct":
        environment["MULTIPORT_ENGINE"] = "direct"
    else:
        try:
            toolchain.find(print, fetch=False)
        except toolchain.ToolchainError as error:
            pytest.skip(f"no official Pulumi CLI on this machine ({error}); get it from {toolchain.INSTALL_HELP}")
    files = {path: path.read_bytes() for path in (checkout / "stacks").iterdir()}
    try:
        first = deploy(checkout, "up", **environment)
        assert "ssh ubuntu@203.0.113." in first
        second = deploy(checkout, "up", **environment)
        assert "unchanged" in second
        for change in ("created", "updated", "replaced", "deleted"):
            assert f" {change}" not in second
    finally:
        last = deploy(checkout, "down", **environment)
    assert "Stopping the local cloud" in last
    assert running(checkout) == []
    assert {path: path.read_bytes() for path in (checkout / "stacks").iterdir()} == files
    states = [json.loads(path.read_text()) for path in (checkout / ".state").rglob("*.json")]
    assert not any(state.get("resources") for state in states)
