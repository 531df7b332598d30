"""Locks of the file backend: whose they are, and whether anybody still holds them."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from multiport.audit import remedies
from multiport.audit.locks import lock_findings


def lock(root: Path, stack: str, **changed: object) -> dict[str, str]:
    """A lock as the CLI writes it; returns the environment that names the backend."""
    folder = root / ".pulumi" / "locks" / "organization" / "multiport" / stack
    folder.mkdir(parents=True)
    content = {"pid": os.getpid(), "username": "me", "hostname": socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "0000.json").write_text(json.dumps(content | changed))
    return {"PULUMI_BACKEND_URL": f"file://{root}"}


def ended() -> int:
    """The pid of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_lock_whose_process_is_no_more_is_stale(tmp_path: Path) -> None:
    pid = ended()
    [finding] = lock_findings(lock(tmp_path, "dev", pid=pid), "multiport", "dev")
    assert finding.remedy == remedies.LOCKED
    assert str(pid) in finding.problem


def test_a_lock_whose_pid_is_somebody_elses_by_now_is_stale(tmp_path: Path) -> None:
    [finding] = lock_findings(lock(tmp_path, "dev", pid=os.getpid()), "multiport", "dev")
    assert finding.remedy == remedies.LOCKED  # this is Python, not pulumi


def test_a_lock_of_another_machine_is_taken_for_held(tmp_path: Path) -> None:
    [finding] = lock_findings(lock(tmp_path, "dev", pid=ended(), hostname="elsewhere"), "multiport", "dev")
    assert finding.remedy == remedies.RUNNING


def test_locks_of_other_stacks_and_half_written_ones_are_not_told(tmp_path: Path) -> None:
    environment = lock(tmp_path, "prod")
    assert not list(lock_findings(environment, "multiport", "dev"))
    (tmp_path / ".pulumi/locks/organization/multiport/prod/0000.json").write_text("{")
    assert not list(lock_findings(environment, "multiport", "prod"))


@pytest.mark.parametrize("backend", ["", "https://api.pulumi.com", "s3://bucket"])
def test_other_backends_show_no_locks(backend: str) -> None:
    assert not list(lock_findings({"PULUMI_BACKEND_URL": backend}, "multiport", "dev"))
