from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.command import CHECKOUT, LabCommand
from tests.lab.topology import topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

pytestmark = pytest.mark.lab


@pytest.fixture
def second(tmp_path: Path) -> Iterator[LabCommand]:
    command = LabCommand(tmp_path / "second")
    yield command
    command("reset")


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not stat.rpartition(")")[2].startswith(" Z")  # a zombie has ended, but init has not reaped it yet


def test_servers_and_ports_survive_a_restart(lab: LabCommand, member: Connection) -> None:
    with topology(member, "survivor") as built:
        boot, hot = built.port(), built.port()
        server = built.server([boot], config_drive=True)
        member.compute.create_server_interface(server, port_id=hot.id)
        floating_ip = built.floating_ip(port_id=boot.id)
        stopped = built.server([built.port()])
        member.compute.stop_server(stopped)
        member.compute.wait_for_server(stopped, "SHUTOFF", wait=120, interval=1)
        drive = lab.directory / "config-drives" / server.id
        before = {path: path.read_bytes() for path in drive.rglob("*") if path.is_file()}
        assert before

        pids = lab.pids()
        lab("down")
        assert not any(lives(pid) for pid in pids)
        lab("up")
        assert not set(lab.pids()) & set(pids)

        member = built.cloud = lab.connect("local")
        assert member.compute.get_server(server.id).status == "ACTIVE"
        assert member.compute.get_server(stopped.id).status == "SHUTOFF"
        assert [member.network.get_port(port.id).status for port in (boot, hot)] == ["ACTIVE", "ACTIVE"]
        assert member.network.get_ip(floating_ip.id).status == "ACTIVE"
        assert {path: path.read_bytes() for path in drive.rglob("*") if path.is_file()} == before
        member.compute.reboot_server(server, "HARD")
        member.compute.wait_for_server(server, wait=120, interval=1)
        member.compute.start_server(stopped)
        member.compute.wait_for_server(stopped, wait=120, interval=1)


def test_a_second_up_changes_nothing(lab: LabCommand) -> None:
    pids = lab.pids()
    settings = lab.directory.joinpath("lab.json").stat()
    assert len(pids) == 5
    lab("up")
    assert lab.pids() == pids
    assert lab.directory.joinpath("lab.json").stat() == settings


def test_up_restarts_services_that_were_killed(lab: LabCommand) -> None:
    by_name = {service["service"]: service["pid"] for service in lab.status()["services"]}
    os.kill(by_name["neutron"], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while lives(by_name["neutron"]):
        assert time.monotonic() < deadline
    assert not lab.status()["running"]
    lab("up")
    assert lab.status()["running"]
    assert not any(lives(pid) for name, pid in by_name.items() if name != "neutron"), (
        "former services still run next to the new ones"
    )


def test_two_labs_run_at_the_same_time(lab: LabCommand, second: LabCommand) -> None:
    second("up")
    assert {service["url"] for service in lab.status()["services"]}.isdisjoint(
        service["url"] for service in second.status()["services"]
    )
    there = second.connect("local")
    network = there.network.create_network(name="only-there")
    assert lab.connect("local").network.find_network("only-there", ignore_missing=True) is None
    left = second("leftovers", check=False)
    assert left.returncode == 1
    assert network.id in left.stdout
    there.network.delete_network(network)
    assert second("leftovers").stdout == ""
    pids = lab.pids()
    second("down")
    assert lab.pids() == pids
    assert lab.status()["running"]


def test_ports_that_another_program_uses_are_refused(second: LabCommand) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = second("--port-base", str(port - 2), "up", check=False)
        assert refused.returncode == 1
        assert f"port {port} is in use" in refused.stderr
    assert second.pids() == []


def test_leftovers_lists_the_objects_of_the_user(lab: LabCommand, member: Connection) -> None:
    assert lab("leftovers").returncode == 0
    with topology(member, "left-behind") as built:
        built.port()
        built.floating_ip()
        default = next(member.network.security_groups(name="default", project_id=member.current_project_id))
        rule = member.network.create_security_group_rule(security_group_id=default.id, direction="ingress", protocol="icmp")
        group = member.compute.create_server_group(name="left-behind", policies=["affinity"])
        key = member.compute.create_keypair(name="left-behind")
        left = lab("leftovers", check=False)
        assert left.returncode == 1
        kinds = {line[:20].strip() for line in left.stdout.splitlines()}
        assert kinds == {
            "network",
            "subnet",
            "router",
            "port",
            "floating IP",
            "security group",
            "rule of default",
            "server group",
            "key pair",
        }
        member.network.delete_security_group_rule(rule)
        member.compute.delete_server_group(group)
        member.compute.delete_keypair(key)
    assert lab("leftovers").stdout == ""


def test_a_reused_pid_is_never_signalled(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        lab = LabCommand(tmp_path)
        lab.directory.joinpath("run").mkdir()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ticks = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
        record = lab.directory / "run" / "nova.json"
        for wrong in ({"start_ticks": ticks - 1, "boot_id": boot}, {"start_ticks": ticks, "boot_id": "another boot"}):
            record.write_text(json.dumps({"pid": stranger.pid, **wrong}))
            assert "was not running" in lab("down").stdout
            assert stranger.poll() is None
        record.write_text(json.dumps({"pid": stranger.pid, "start_ticks": ticks, "boot_id": boot}))
        assert "the local cloud is stopped" in lab("down").stdout
        assert stranger.wait(timeout=30) == -signal.SIGTERM, "the process must end if pid file and process match"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_failed_start_shows_the_log_and_leaves_nothing_running(second: LabCommand) -> None:
    second("up")
    second("down")
    database = second.directory / "data" / "neutron" / "neutron.sqlite"
    database.write_bytes(b"This text is not a database, but long enough to be read as one. " * 100)
    for extra in ("-wal", "-shm"):
        database.with_name(database.name + extra).unlink(missing_ok=True)
    failed = second("up", check=False)
    assert failed.returncode == 1
    assert "neutron ended while starting. The end of its log:" in failed.stderr
    assert "file is not a database" in failed.stderr
    assert "python3 -m lab reset" in failed.stderr
    assert second.pids() == []
    assert list(second.directory.joinpath("run").iterdir()) == []


def test_an_interrupted_start_leaves_nothing_running(second: LabCommand) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "--dir", str(second.directory), "up"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as up:
        assert up.stdout is not None
        timer = threading.Timer(60, up.kill)
        timer.start()
        for line in up.stdout:
            if line.startswith("starting keystone"):
                break
        deadline = time.monotonic() + 30
        while len(pids := second.pids()) < 5:
            assert time.monotonic() < deadline
        up.send_signal(signal.SIGINT)
        output = up.stdout.read()
        assert up.wait() == 130
        timer.cancel()
    assert "lab: interrupted" in output
    assert not any(lives(pid) for pid in pids)
    second("up")
    assert second.status()["running"], "a start after an interrupted one begins again and succeeds"
