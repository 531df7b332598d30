"""What happens in the life of a guest with policy routing; each event ends with the evidence and returns a line to report."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from multiport.guest.plan import table
from tests.guests.access import Guest, asked, interfaces, last_leased, online, plan_written
from tests.guests.config_drive import meta_data
from tests.guests.evidence import ACCEPTED, cloud_init_faults, prove, state
from tests.guests.network import Nic
from tests.guests.probes import wait

BOOT: Final = 600
"""Seconds that a boot may take: in QEMU without KVM it takes about one minute, more on a busy machine."""

ATTACHED: Final = 2 * ACCEPTED
"""Seconds from the attachment of a port, or its lease, within which its floating IP must answer: 10."""


def wait_for_boot(guest: Guest) -> None:
    """Wait until the guest has nothing left to start, cloud-init's last stage included."""
    command = "systemctl is-system-running --wait > /dev/null; systemctl is-system-running"
    wait(lambda: guest.run(command)[1].strip() in {"running", "degraded"}, BOOT, lambda: f"end of the boot\n{guest.console()}")


def first_boot(guest: Guest) -> str:
    """cloud-init finds its config drive, writes our files and starts them."""
    wait_for_boot(guest)
    assert not (found := cloud_init_faults(guest)), f"{found}\n{state(guest)}"
    written, up = plan_written(guest), connected(guest)
    answers = prove(guest, guest.nics, lambda: max(connected(guest), written))
    show = "systemctl show --property=ExecMainStartTimestampMonotonic --value"
    ours, final = (int(asked(guest, f"{show} {unit}")) / 1e6 for unit in ("policy-routing.service", "cloud-final.service"))
    assert 0 < ours < final, "it started in cloud-init's last stage or later"
    return (
        f"first boot: network {up - guest.booted_at:.1f} s, files {written - guest.booted_at:.1f} s after the start; "
        f"{answers}; started {final - ours:.1f} s before cloud-init's last stage"
    )


def reboot(guest: Guest) -> str:
    """It boots again and has all that it needs, and its rules before its addresses."""
    with nothing_let_out(guest, "the reboot"):
        guest.reboot()
        wait_for_boot(guest)
        up = connected(guest)
        answers = prove(guest, guest.nics, lambda: connected(guest))
    cycles = asked(guest, "journalctl --boot --quiet --grep 'ordering cycle' || true")
    assert not cycles, cycles
    return f"reboot: network {up - guest.booted_at:.1f} s after the start; {answers}"


def restart(guest: Guest, command: str) -> str:
    """A part of the network stack, or our own service, is restarted or killed; {0} and {1} in the command are the interfaces."""
    line = command.format(*interfaces(guest))
    with nothing_let_out(guest, line):
        began = time.time()
        asked(guest, line)
        ended = time.time()
        answers = prove(guest, guest.nics, lambda: last_leased(guest, ended))
    return f"{line}: {ended - began:.1f} s; {answers}"


@contextmanager
def nothing_let_out(guest: Guest, what: str) -> Iterator[None]:
    """No address leaves by a port that is not its own meanwhile."""
    before = guest.network.spoofed()
    yield
    let_out = {packet: count for packet, count in guest.network.spoofed().items() if count != before.get(packet)}
    assert not let_out, f"{what} let an address out by a wrong port: {let_out}\n{state(guest)}"


def hot_plug(guest: Guest, nic: Nic, then: str = "true") -> str:
    """A port is attached, which the metadata service tells the guest of; a command may follow in the guest."""
    nics = (*guest.nics, nic)
    guest.network.tell(meta_data(nics))
    plugged = time.time()
    guest.plug(nic)
    asked(guest, then)
    answers = prove(guest, nics, lambda: guest.network.leased(nic, plugged) or plugged, ATTACHED)
    return f"hot-plug: {answers}"


def unplug(guest: Guest, nic: Nic) -> str:
    """The port is detached again; nothing of it stays."""
    guest.network.tell(meta_data(guest.nics))
    guest.unplug(nic)
    unplugged = time.time()
    leftovers = f"ip rule | grep -w {table(nic.slot)}; ip route show table {table(nic.slot)} 2> /dev/null"
    wait(lambda: not guest.run(leftovers)[1], ACCEPTED, lambda: f"end of\n{guest.run(leftovers)[1]}")
    return f"unplug: {prove(guest, guest.nics, lambda: unplugged)}"


def connected(guest: Guest) -> float:
    """When the last of its ports had got its lease since the start; without DHCP, when its network stack was done."""
    if not guest.network.dhcp:
        return online(guest)
    missing = [nic.key for nic in guest.nics if guest.network.leased(nic, guest.booted_at) is None]
    assert not missing, f"no lease for {missing}"
    return last_leased(guest, guest.booted_at)
