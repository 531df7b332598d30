"""The faults of the soak test: events in a running cloud and its guests, at random places."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from lab.packets import daemons
from lab.settings import Settings
from tests.packets.guests import BACK, Guest, Port
from tests.packets.world import until

HOT_SECONDS: Final = 30.0
"""Seconds until an attached port must answer. Nova's metadata service may answer from its cache for 15 s after the attachment."""
OVN_SECONDS: Final = 30.0
"""Seconds in which OVN computes all flows again."""
AWAY_SECONDS: Final = 3
"""Seconds for which a link is down, or an address is deleted."""

RENEW: Final = {
    "netplan": "networkctl renew {0}",
    "networkd": "networkctl renew {0}",
    "ifupdown": "client=/run/dhclient.{0}.pid; kill $(cat $client); "
    "dhclient -4 -pf $client -lf /var/lib/dhcp/dhclient.{0}.leases {0}",
    "network-manager": "nmcli connection up ifname {0}",
}
"""Command that makes the DHCP client renew its lease, by network stack."""
RECONFIGURE: Final = {
    "netplan": "networkctl reconfigure {0}",
    "networkd": "networkctl reconfigure {0}",
    "ifupdown": "ifdown {0}; ifup {0}",
    "network-manager": "nmcli connection up ifname {0}",
}
"""Command that configures an interface again, by network stack."""


@dataclass(frozen=True)
class Happened:
    """A fault that has happened.

    Attributes:
        kind: Kind of the fault.
        where: The guest, port or daemon that had the fault.
        over: Time from which every address can answer again, in seconds of Unix time.
        allowed: Seconds after that time within which every address must answer.
    """

    kind: str
    where: str
    over: float
    allowed: float = BACK


@dataclass(frozen=True)
class Faults:
    """Causes faults in one lab.

    Attributes:
        lab: The lab.
        api: The cloud's API.
        guests: The guests, with the network stack of each.
        hot: The guest that has a hot port, and that port.
        random: Generator of the random choices.
    """

    lab: Settings
    api: Any
    guests: Mapping[str, tuple[Guest, str]]
    hot: tuple[Guest, Port]
    random: Random

    @property
    def kinds(self) -> dict[str, Callable[[], Happened]]:
        """Return a function for each kind of fault, by name."""
        return {
            "soft reboot": lambda: self._reboot("SOFT"),
            "hard reboot": lambda: self._reboot("HARD"),
            "port detached and attached": self._detach_and_attach,
            "DHCP renewal": lambda: self._in_guest("DHCP renewal", RENEW),
            "link flap": lambda: self._in_guest(
                "link flap", _same(f"ip link set {{0}} down; sleep {AWAY_SECONDS}; ip link set {{0}} up")
            ),
            "address deleted": lambda: self._in_guest(
                "address deleted",
                {stack: f"ip -4 address flush dev {{0}}; sleep {AWAY_SECONDS}; {again}" for stack, again in RECONFIGURE.items()},
            ),
            "ovn-controller restarted": lambda: self._restart("ovn-controller"),
            "ovn-northd restarted": lambda: self._restart("northd"),
            "ovs-vswitchd restarted": lambda: self._restart("vswitchd"),
        }

    def _reboot(self, kind: str) -> Happened:
        guest, _ = self._guest()
        called = time.time()
        self.api.compute.reboot_server(guest.id, kind)
        until(lambda: self._status(guest) != "ACTIVE", 60, "Nova reboots")
        until(lambda: self._status(guest) == "ACTIVE", 240, "Nova has rebooted")
        up = guest.await_leases(called, [port.key for port in guest.ports if port != self.hot[1]])
        # A hot port is configured from the metadata, so DHCP gives no lease for it.
        allowed = HOT_SECONDS if guest is self.hot[0] else BACK
        return Happened(f"{kind.lower()} reboot", guest.name, up, allowed)

    def _detach_and_attach(self) -> Happened:
        guest, port = self.hot
        self.api.compute.delete_server_interface(port.id, server=guest.id)
        until(lambda: port.id not in self._attached(guest), 120, "Nova has detached the port")
        until(lambda: port.mac not in guest.ask("cat /sys/class/net/*/address"), 60, "the port is gone from the guest")
        self.api.compute.create_server_interface(guest.id, port_id=port.id)
        attached = time.time()
        return Happened("port detached and attached", f"{guest.name} {port.key}", attached, HOT_SECONDS)

    def _in_guest(self, kind: str, commands: Mapping[str, str]) -> Happened:
        guest, stack = self._guest()
        position = self.random.randrange(sum(port != self.hot[1] for port in guest.ports))
        interface = guest.interfaces()[position]
        began = time.time()
        ended = guest.run_apart(commands[stack].format(interface))
        time.sleep(AWAY_SECONDS)
        return Happened(kind, f"{guest.name} {guest.ports[position].key}", max([ended, *guest.leased(began).values()]))

    def _restart(self, daemon: str) -> Happened:
        daemons.restart(self.lab, daemon)
        name = {"northd": "ovn-northd", "vswitchd": "ovs-vswitchd"}.get(daemon, daemon)
        return Happened(f"{name} restarted", "the compute host", time.time(), OVN_SECONDS)

    def _guest(self) -> tuple[Guest, str]:
        return self.guests[self.random.choice(sorted(self.guests))]

    def _status(self, guest: Guest) -> str:
        return str(self.api.compute.get_server(guest.id).status)

    def _attached(self, guest: Guest) -> set[str]:
        return {interface.port_id for interface in self.api.compute.server_interfaces(guest.id)}


def _same(command: str) -> dict[str, str]:
    return dict.fromkeys(RENEW, command)
