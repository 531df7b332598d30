"""What is asked of every guest after every event: each floating IP answers in time and goes on answering, nothing is broken."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from multiport.guest.files import SERVICE
from tests.guests.access import Guest, asked
from tests.guests.network import Nic
from tests.guests.probes import ENOUGH, INTERVAL, PATIENCE, tcp_answers

ACCEPTED: Final = float(os.environ.get("MULTIPORT_GUESTS_SECONDS", "5"))
"""Seconds from the lease, or from the end of a restart, within which every floating IP must answer. A machine that is busy with
other work needs more to emulate another one."""


def prove(guest: Guest, nics: Sequence[Nic], event: Callable[[], float], accepted: float = ACCEPTED) -> str:
    """Show that each floating IP answers in time after an event, 20 of 20 pings and TCP connections, and that nothing is broken.

    Args:
        guest: The guest.
        nics: The ports whose floating IPs must answer.
        event: Tells when they should have been able to answer; is asked again, as a later lease is a later event.
        accepted: Seconds after the event by which all must answer.

    Returns:
        When each began to answer, for the report.
    """
    since = _answering(guest, nics, event, accepted)
    spoofed = guest.network.spoofed()
    for nic in nics:
        answers = tcp_answers(guest.network.client, nic.floating_ip)
        assert answers == [str(nic.address.ip)] * ENOUGH, f"TCP to {nic.floating_ip}: {answers}\n{state(guest)}"
    assert not (found := faults(guest)), f"{found}\n{state(guest)}"
    for nic in nics:
        answered, asked_for = guest.network.prober.sample(nic.floating_ip, since[nic.key])
        assert answered == asked_for, f"{nic.floating_ip}: {asked_for - answered} of {asked_for} lost again\n{state(guest)}"
    assert guest.network.spoofed() == spoofed, f"sent from another port's address\n{state(guest)}"
    at = event()
    return ", ".join(f"{nic.key} {_after(since[nic.key] - at)}" for nic in nics)


def faults(guest: Guest) -> list[str]:
    """What is wrong in the guest itself."""
    found = []
    if failed := asked(guest, "systemctl list-units --failed --plain --no-legend"):
        found.append(f"failed units: {failed}")
    if detached := asked(guest, "{ ip rule; ip -6 rule; } | grep -F '[detached]' || true"):
        found.append(f"rules of an interface that is gone: {detached}")
    until_active = f"until systemctl is-active {SERVICE}; do sleep 0.2; done"
    status, output = guest.run(f"timeout {ACCEPTED} sh -c '{until_active}'")
    if status != 0:
        found.append(f"{SERVICE}: {output}")
    status, output = guest.run("policy-routing check")
    if status != 0:
        found.append(f"policy-routing check: {status} {output}")
    return found


def cloud_init_faults(guest: Guest) -> list[str]:
    """What cloud-init complained of, in this boot and all before it."""
    status, output = guest.run("cloud-init status --wait --long")
    found = [] if status == 0 else [output]
    found += asked(guest, "grep -E 'WARNING|ERROR|CRITICAL|Traceback' /var/log/cloud-init.log || true").splitlines()
    if '"errors": []' not in (result := asked(guest, "cat /run/cloud-init/result.json")):
        found.append(result)
    return found


def state(guest: Guest) -> str:
    """Everything that explains a failure."""
    commands = (
        "ip -br address",
        "ip rule",
        "ip route show table all type unicast",
        "ip neigh",
        "policy-routing check",
        "policy-routing status",
        "cloud-init schema --system",
        "systemctl list-units --failed --plain --no-legend",
        "journalctl --boot --no-pager --output=short-precise --lines=60 --unit=policy-routing* --unit=pbr@*",
    )
    shown = "\n".join(f"# {command}\n{guest.run(command)[1]}" for command in commands)
    return f"{shown}\n# dropped by port security\n{guest.network.spoofed()}"


def _answering(guest: Guest, nics: Sequence[Nic], event: Callable[[], float], accepted: float) -> dict[str, float]:
    """Wait until enough requests to each were answered without a gap after the event; return when each gapless time began."""
    prober = guest.network.prober
    while True:
        at = event()
        since = {nic.key: began for nic in nics if (began := prober.answers_since(nic.floating_ip)) is not None}
        late = {key: f"{began - at:.1f} s" for key, began in since.items() if began - at > accepted}
        assert not late, f"answered too late after the event: {late}\n{state(guest)}"
        if all(nic.key in since and prober.sample(nic.floating_ip, max(since[nic.key], at))[1] >= ENOUGH for nic in nics):
            return since
        if time.time() > at + accepted + ENOUGH * INTERVAL + 2 * PATIENCE:
            raise AssertionError(f"no answer from {[nic.key for nic in nics if nic.key not in since]}\n{state(guest)}")
        time.sleep(INTERVAL)


def _after(seconds: float) -> str:
    return f"after {seconds:.1f} s" if seconds > 0 else "all the time"
