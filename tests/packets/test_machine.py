"""The lab with packets must not change the machine, neither while it runs nor afterwards."""

import secrets
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab import processes, settings
from lab.packets import layer, namespaces
from tests.engine.stack import ROOT
from tests.lab.command import LabCommand
from tests.packets.conftest import start
from tests.packets.machine import changed, processes_of, snapshot
from tests.packets.world import until

IMAGE = "Debian-12"
GUEST_SECONDS = 180


def test_both_modes_run_at_the_same_time_and_leave_the_machine_unchanged(tmp_path: Path, lab: settings.Settings) -> None:
    """Two labs, one of each mode, are started and stopped in addition to the running one, without an effect on each other."""
    before = snapshot()
    records, packets = LabCommand(tmp_path / "api"), LabCommand(ROOT / ".reports" / "packets-second", "packets")
    assert not packets.directory.exists(), "the folder is left from a former run: run `python -m lab reset` on it, then remove it"
    try:
        records("up")
        start(packets.directory)
        assert changed(before, snapshot()) == set()
        assert _flavors(records) == _flavors(packets) != []
        made = records.connect("local").network.create_network(name="of-records")
        assert packets.connect("local").network.find_network("of-records") is None
        records("down")
        assert processes_of(records.directory) == []
        assert _down(packets) == []
        assert _flavors(packets) != []
        records("up")
        _boot(packets)
        assert changed(before, snapshot()) == set()
        packets("down")
        assert processes_of(packets.directory) == []
        assert _down(records) == []
        assert records.connect("local").network.get_network(made.id).name == "of-records"
    finally:
        records("reset")
        packets("reset")
        shutil.rmtree(packets.directory, ignore_errors=True)
    assert _down(LabCommand(lab.directory, "packets")) == []
    assert processes_of(packets.directory) == processes_of(records.directory) == []
    assert changed(before, snapshot()) == set()


def test_the_machine_is_unchanged_while_the_lab_runs(before: dict[str, str], lab: settings.Settings) -> None:
    assert lab.clouds_yaml.exists()
    assert changed(before, snapshot()) == set()


@pytest.fixture
def other(lab: settings.Settings, tmp_path: Path) -> settings.Settings:
    """Settings of a second lab, which has nothing but namespaces."""
    return replace(lab, directory=tmp_path)


def test_all_processes_end_with_their_namespaces(lab: settings.Settings, other: settings.Settings) -> None:
    namespaces.make(other, layer.ensure(lab.python, print))
    seconds = str(3000 + secrets.randbelow(90000))
    # The process has no parent, session or terminal in common with the lab, like a QEMU that libvirt has started.
    for name in namespaces.NAMESPACES:
        namespaces.run(other, name, "sh", "-c", f"setsid sleep {seconds} > /dev/null 2>&1 &")
    assert len(_sleeping(seconds)) == len(namespaces.NAMESPACES)
    assert namespaces.end(other)
    assert not _sleeping(seconds)
    assert not namespaces.end(other)


def test_the_labs_do_not_disturb_each_other(lab: settings.Settings, other: settings.Settings) -> None:
    namespaces.make(other, layer.ensure(lab.python, print))
    assert namespaces.holder(other, namespaces.OUTSIDE).pid != namespaces.holder(lab, namespaces.OUTSIDE).pid
    links = namespaces.run(lab, namespaces.HOST, "ip", "-brief", "link")
    assert "br-int" in links
    assert "br-int" not in namespaces.run(other, namespaces.HOST, "ip", "-brief", "link")
    namespaces.end(other)
    assert namespaces.run(lab, namespaces.HOST, "ip", "-brief", "link") == links


def test_a_crashed_vswitchd_is_restarted(lab: settings.Settings) -> None:
    def pid() -> str:
        return namespaces.run(lab, namespaces.HOST, "cat", "/run/openvswitch/ovs-vswitchd.pid")

    before = pid()
    namespaces.run(lab, namespaces.HOST, "kill", "-ABRT", before.strip())
    until(lambda: pid() != before, 30, "vswitchd is restarted")
    shown = namespaces.run(lab, namespaces.HOST, "ovs-appctl", "--target", "ovs-vswitchd", "--timeout=30", "ofproto/list")
    assert "br-int" in shown
    assert _down(LabCommand(lab.directory, "packets")) == []


def test_namespaces_are_removed_even_if_the_process_that_holds_them_was_killed(
    lab: settings.Settings, other: settings.Settings
) -> None:
    namespaces.make(other, layer.ensure(lab.python, print))
    seconds = str(3000 + secrets.randbelow(90000))
    daemon = [*namespaces.inside(other, namespaces.OUTSIDE), "sleep", seconds]
    with subprocess.Popen(daemon, start_new_session=True) as child:
        until(lambda: bool(_sleeping(seconds)), 10, "the daemon starts")
        processes.write(other.directory / "run" / "daemon.json", processes.identify(child.pid))
        processes.stop([namespaces.holder(other, namespaces.OUTSIDE)])
        with pytest.raises(namespaces.NamespaceError, match="is not running"):
            namespaces.holder(other, namespaces.OUTSIDE)
        assert namespaces.end(other)
    assert not _sleeping(seconds)


def _boot(lab: LabCommand) -> None:
    """Boot a guest, and wait for the programs that the metadata agent starts for its network in another namespace."""
    cloud = lab.connect("local")
    network = cloud.network.create_network(name="of-a-guest")
    cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="192.168.90.0/24")
    image = cloud.image.find_image(IMAGE, ignore_missing=False)
    flavor = cloud.compute.find_flavor("gp.0.1.2", ignore_missing=False)
    server = cloud.compute.create_server(name="guest", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}])
    cloud.compute.wait_for_server(server, wait=GUEST_SECONDS)
    for program in ("qemu-system", "haproxy"):
        until(lambda program=program: any(program in line for line in processes_of(lab.directory)), GUEST_SECONDS, program)  # type: ignore[misc]


def _sleeping(seconds: str) -> list[str]:
    answer = subprocess.run(["pgrep", "--full", "--exact", f"sleep {seconds}"], check=False, capture_output=True, text=True)
    return answer.stdout.split()


def _down(lab: LabCommand) -> list[str]:
    """Return the services that are down. The state "starting" is ignored, because services answer late on a busy machine."""
    return [service["service"] for service in lab.status()["services"] if service["state"] == "down"]


def _flavors(lab: LabCommand) -> list[str]:
    return sorted(flavor.name for flavor in lab.connect("local").compute.flavors())
