"""Guests in systemd-nspawn, on each network stack: real systemd, cloud-init and DHCP server, on this machine's kernel."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from lab.guests.images import Say, layers
from lab.guests.stacks import NetworkStack
from tests.guests import life
from tests.guests.config_drive import config_drive, meta_data
from tests.guests.folders import temporary_folder
from tests.guests.network import Network, Nic
from tests.guests.nspawn import NspawnGuest
from tests.guests.probes import ENOUGH, wait

pytestmark = [pytest.mark.guests, pytest.mark.usefixtures("machine")]


@pytest.fixture(scope="module")
def guest(machine: None, stack: NetworkStack, nics: tuple[Nic, ...], say: Say) -> Iterator[NspawnGuest]:  # noqa: ARG001
    """A guest on a network with DHCP; the tests take it through its life in their order."""
    with running(stack, nics, say) as guest:
        yield guest


@contextmanager
def running(
    stack: NetworkStack,
    nics: tuple[Nic, ...],
    say: Say,
    *,
    hot: tuple[Nic, ...] = (),
    dhcp: bool = True,
    policy_routing: bool = True,
) -> Iterator[NspawnGuest]:
    root = layers(stack, say)
    with ExitStack() as ends:
        network = ends.enter_context(Network((*nics, *hot), dhcp, ends.enter_context(temporary_folder())))
        network.tell(meta_data(nics, policy_routing=policy_routing))
        drive = config_drive(nics, dhcp=dhcp, policy_routing=policy_routing)
        folder = ends.enter_context(temporary_folder())
        yield ends.enter_context(NspawnGuest(root, stack.nspawn_adaption, network, nics, drive, folder))


def test_first_boot(guest: NspawnGuest, say: Say) -> None:
    say(life.first_boot(guest))


def test_restarts_of_the_network_stack(guest: NspawnGuest, stack: NetworkStack, say: Say) -> None:
    for command in stack.nspawn_restarts:
        say(life.restart(guest, command))


def test_reboot(guest: NspawnGuest, say: Say) -> None:
    say(life.reboot(guest))


def test_without_dhcp_and_with_a_hot_port(stack: NetworkStack, nics: tuple[Nic, ...], hot_nic: Nic, say: Say) -> None:
    with running(stack, nics, say, hot=(hot_nic,), dhcp=False) as guest:
        say(life.first_boot(guest))
        # To the watcher a container's veth is no hardware: it is for the check timer to find.
        say(life.hot_plug(guest, hot_nic, then="systemctl start policy-routing-check.service"))
        say(life.unplug(guest, hot_nic))


def test_one_address_is_dead_without_ours(stack: NetworkStack, nics: tuple[Nic, ...], say: Say) -> None:
    with running(stack, nics, say, policy_routing=False) as guest:
        life.wait_for_boot(guest)
        prober = guest.network.prober
        booted = max(life.connected(guest), guest.booted_at) + 1.0
        wait(lambda: prober.sample(nics[1].floating_ip, booted)[1] >= 2 * ENOUGH, 30, lambda: "requests")
        answered = {nic.key: prober.sample(nic.floating_ip, booted) for nic in nics}
        say(f"without ours: {', '.join(f'{key} {ok} of {of}' for key, (ok, of) in answered.items())}")
        assert any(ok < of for ok, of in answered.values()), f"both answer: {answered}"
        assert guest.network.spoofed(), "port security dropped nothing"
