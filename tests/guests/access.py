"""What the tests ask of a guest, be it a container or a machine."""

from collections.abc import Sequence
from typing import Protocol

from multiport.guest.files import PLAN_PATH
from tests.guests.network import Network, Nic


class Guest(Protocol):
    """A guest that was started.

    Attributes:
        network: Where its ports are.
        nics: The ports that it boots with, the primary one first.
        booted_at: When it was last started, in seconds of Unix time.
    """

    network: Network
    nics: Sequence[Nic]
    booted_at: float

    def run(self, command: str) -> tuple[int, str]:
        """Run a shell command in the guest; return its status and what it printed."""

    def clock(self) -> float:
        """How much its clock is ahead of ours, in seconds."""

    def reboot(self) -> None:
        """Have it reboot, and wait until it boots again."""

    def plug(self, nic: Nic) -> None:
        """Attach a port."""

    def unplug(self, nic: Nic) -> None:
        """Detach a port."""

    def console(self) -> str:
        """The end of what it printed while it booted."""


def asked(guest: Guest, command: str) -> str:
    """Run a shell command that must succeed in the guest, and return what it printed."""
    status, output = guest.run(command)
    assert status == 0, f"{command}: {status}\n{output}"
    return output.strip()


def interfaces(guest: Guest) -> list[str]:
    """Names that the guest has given to the ports it boots with."""
    links = asked(guest, "ip -o link").splitlines()
    return [next(link.split(": ")[1].split("@")[0] for link in links if nic.mac in link) for nic in guest.nics]


def last_leased(guest: Guest, since: float) -> float:
    """When one of its ports last got a lease after a time, or that time; in seconds of Unix time."""
    return max([since, *(at for nic in guest.nics if (at := guest.network.leased(nic, since)) is not None)])


def plan_written(guest: Guest) -> float:
    """When cloud-init had written the last of our files, in seconds of Unix time."""
    return float(asked(guest, f"stat --format=%.Y {PLAN_PATH}")) - guest.clock()


def online(guest: Guest) -> float:
    """When its network was up as its own network stack sees it, in seconds of Unix time: without DHCP there is no lease."""
    active = "$(systemctl show --property=ActiveEnterTimestamp --timestamp=us+utc --value network-online.target)"
    return float(asked(guest, f'date --date="{active}" +%s.%N')) - guest.clock()
