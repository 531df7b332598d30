"""The machine is as it was, while the lab runs and after it."""

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


def test_two_modes_side_by_side_and_the_machine_after_them(tmp_path: Path, lab: settings.Settings) -> None:
    """A lab of each mode beside the one that runs already; each goes without the others noticing."""
    before = snapshot()
    records, packets = LabCommand(tmp_path / "api"), LabCommand(ROOT / ".reports" / "packets-beside", "packets")
    assert not packets.directory.exists(), "a former run left it behind: reset it with python -m lab, then remove it"
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


def test_the_machine_is_untouched_while_the_lab_runs(before: dict[str, str], lab: settings.Settings) -> None:
    assert lab.clouds_yaml.exists()
    assert changed(before, snapshot()) == set()


@pytest.fixture
def other(lab: settings.Settings, tmp_path: Path) -> settings.Settings:
    """A second lab's settings; of it there are only namespaces."""
    return replace(lab, directory=tmp_path)


def test_nothing_outlives_its_namespaces(lab: settings.Settings, other: settings.Settings) -> None:
    namespaces.make(other, layer.ensure(lab.python, print))
    seconds = str(3000 + secrets.randbelow(90000))
    # Away from its parent, its session and its terminal, as QEMU is when libvirt has started it.
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


def test_a_switch_that_crashed_is_started_again(lab: settings.Settings) -> None:
    def pid() -> str:
        return namespaces.run(lab, namespaces.HOST, "cat", "/run/openvswitch/ovs-vswitchd.pid")

    before = pid()
    namespaces.run(lab, namespaces.HOST, "kill", "-ABRT", before.strip())
    until(lambda: pid() != before, 30, "it is started again")
    shown = namespaces.run(lab, namespaces.HOST, "ovs-appctl", "--target", "ovs-vswitchd", "--timeout=30", "ofproto/list")
    assert "br-int" in shown
    assert _down(LabCommand(lab.directory, "packets")) == []


def test_namespaces_go_although_a_holder_was_killed(lab: settings.Settings, other: settings.Settings) -> None:
    namespaces.make(other, layer.ensure(lab.python, print))
    seconds = str(3000 + secrets.randbelow(90000))
    daemon = [*namespaces.inside(other, namespaces.OUTSIDE), "sleep", seconds]
    with subprocess.Popen(daemon, start_new_session=True) as child:
        until(lambda: bool(_sleeping(seconds)), 10, "the daemon starts")
        processes.write(other.directory / "run" / "daemon.json", processes.identify(child.pid))
        processes.stop([namespaces.holder(other, namespaces.OUTSIDE)])
        with pytest.raises(namespaces.NamespaceError, match="does not run"):
            namespaces.holder(other, namespaces.OUTSIDE)
        assert namespaces.end(other)
    assert not _sleeping(seconds)


def _boot(lab: LabCommand) -> None:
    """Have a guest, and what the metadata agent starts for its network in a namespace of its own."""
    cloud = lab.connect("local")
    network = cloud.network.create_network(name="of-a-guest")
    cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="192.168.90.0/24")
    image = cloud.image.find_image(IMAGE, ignore_missing=False)
    flavor = cloud.compute.find_flavor("gp.0.1.2", ignore_missing=False)
    server = cloud.compute.create_server(name="guest", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}])
    cloud.compute.wait_for_server(server, wait=GUEST_SECONDS)
    for program in ("qemu-system", "haproxy"):
        until(lambda program=program: any(program in each for each in processes_of(lab.directory)), GUEST_SECONDS, program)  # type: ignore[misc]


def _sleeping(seconds: str) -> list[str]:
    answer = subprocess.run(["pgrep", "--full", "--exact", f"sleep {seconds}"], check=False, capture_output=True, text=True)
    return answer.stdout.split()


def _down(lab: LabCommand) -> list[str]:
    """What does not run of a lab; on a busy machine something that does may be late to answer."""
    return [each["service"] for each in lab.status()["services"] if each["state"] == "down"]


def _flavors(lab: LabCommand) -> list[str]:
    return sorted(flavor.name for flavor in lab.connect("local").compute.flavors())
