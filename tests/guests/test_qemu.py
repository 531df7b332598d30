"""Guests in QEMU, on each network stack: what a container cannot show, above all restarts under udev and hot-plug."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab.guests.images import Say, disk
from lab.guests.stacks import NetworkStack
from multiport.guest.files import SERVICE
from tests.guests import life
from tests.guests.config_drive import config_drive, meta_data
from tests.guests.folders import temporary_folder
from tests.guests.network import Network, Nic
from tests.guests.qemu import QemuGuest

pytestmark = [pytest.mark.guests, pytest.mark.usefixtures("machine")]


@pytest.fixture(scope="module")
def guest(machine: None, stack: NetworkStack, nics: tuple[Nic, ...], hot_nic: Nic, say: Say) -> Iterator[QemuGuest]:  # noqa: ARG001
    """A guest on a network with DHCP; the tests take it through its life in their order."""
    image = disk(stack, say)
    with ExitStack() as ends:
        network = ends.enter_context(Network((*nics, hot_nic), dhcp=True, folder=ends.enter_context(temporary_folder())))
        network.tell(meta_data(nics))
        drive = config_drive(nics, dhcp=True, policy_routing=True)
        guest = ends.enter_context(QemuGuest(image, network, nics, drive, ends.enter_context(temporary_folder())))
        yield guest
        say(f"QEMU used {guest.memory()} MB at most")


def test_first_boot(guest: QemuGuest, say: Say) -> None:
    say(life.first_boot(guest))


def test_the_service_reads_the_config_drive(guest: QemuGuest) -> None:
    """As it has to where no metadata service answers; its sandbox keeps devices from what runs outside of it, too."""
    guest.run(f"systemctl stop {SERVICE}; rm -f /var/lib/policy-routing/metadata; systemctl start {SERVICE}")
    assert "status=0" in guest.run(f"systemctl show --property=ExecStartPre {SERVICE}")[1]


def test_restarts_of_the_network_stack(guest: QemuGuest, stack: NetworkStack, say: Say) -> None:
    for command in stack.restarts:
        say(life.restart(guest, command))


def test_restart_and_death_of_our_service(guest: QemuGuest, say: Say) -> None:
    say(life.restart(guest, f"systemctl restart {SERVICE}"))
    say(life.restart(guest, f"systemctl kill --signal=KILL {SERVICE}"))


def test_hot_plug(guest: QemuGuest, hot_nic: Nic, say: Say) -> None:
    say(life.hot_plug(guest, hot_nic))
    say(life.unplug(guest, hot_nic))


def test_reboot(guest: QemuGuest, say: Say) -> None:
    say(life.reboot(guest))
