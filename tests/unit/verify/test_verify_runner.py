"""How ssh is called: by a client that only writes down what it was given."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from multiport.verify.plan import plan
from multiport.verify.runner import Options, Runner, Way

PROGRAM = """#!/usr/bin/env python3
import json, os, sys
open(os.environ["CALLS"], "a").write(json.dumps(sys.argv[1:]) + "\\n")
"""
# What the user's own configuration may say to every host, and what of it must not reach the servers.
WANTED = {
    "forwardagent": "no",
    "forwardx11": "no",
    "forwardx11trusted": "no",
    "clearallforwardings": "yes",
    "tunnel": "false",
    "permitlocalcommand": "no",
    "gssapidelegatecredentials": "no",
    "stricthostkeychecking": "accept-new",
    "globalknownhostsfile": "/dev/null",
}
USERS = """Host *
  ForwardAgent yes
  ForwardX11 yes
  ForwardX11Trusted yes
  Tunnel yes
  PermitLocalCommand yes
  GSSAPIDelegateCredentials yes
  StrictHostKeyChecking no
  RemoteForward 2222 localhost:22
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ssh = tmp_path / "ssh"
    ssh.write_text(PROGRAM)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def _options(arguments: list[str], users: Path) -> dict[str, list[str]]:
    """What the real client makes of its arguments together with the user's configuration."""
    place = arguments.index("-l")
    answer = subprocess.run(
        ["/usr/bin/ssh", "-G", "-F", users, *arguments[:place], "--", "198.51.100.1"], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in answer.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.skipif(not Path("/usr/bin/ssh").exists(), reason="no OpenSSH client: apt-get install openssh-client")
def test_nothing_is_forwarded_and_a_key_once_seen_is_kept(calls: Path, tmp_path: Path) -> None:
    runner = Runner(plan({}), Options(wait=1), print, tmp_path / "known_hosts")
    through = Way("debian", "203.0.113.1")
    for way in (through, Way("debian", "10.0.0.2", through)):
        runner._ssh(way, "true")
    direct, behind = (json.loads(line) for line in calls.read_text().splitlines())
    users = tmp_path / "config"
    users.write_text(USERS)
    for arguments in (direct, behind):
        assert arguments[-5:-3] == ["-l", "debian"]
        assert arguments[-3] == "--"
        found = _options(arguments, users)
        assert {key: found[key] for key in WANTED} == {key: [value] for key, value in WANTED.items()}
        assert "remoteforward" not in found
        assert found["userknownhostsfile"] == [str(tmp_path / "known_hosts")]
    [proxy] = _options(behind, users)["proxycommand"]
    assert "ForwardAgent=no" in proxy
    assert proxy.endswith("-l debian -- 203.0.113.1")
    # the same private address behind two servers is two hosts
    assert _options(behind, users)["hostkeyalias"] == ["10.0.0.2.behind.203.0.113.1"]
