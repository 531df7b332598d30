"""What the five services stand on: nothing in the lab without packets, namespaces and daemons in the one with (`lab.packets`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.settings import API

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.configuration import Section
    from lab.settings import Settings


@dataclass(frozen=True)
class ServiceState:
    """What `status` says of one service.

    Attributes:
        service: its name.
        state: "up", "starting" (runs, does not answer) or "down".
        pid: process id, None when down.
        url: address of its API, or what it serves.
        memory_mib: resident memory in MiB.
        log: where its log lies.
    """

    service: str
    state: str
    pid: int | None
    url: str
    memory_mib: int
    log: str


class Plane:
    """A plane of records: the fake hypervisor and the mechanism driver need nothing of the machine."""

    mode = API
    lacks = (
        "no packets move and no guest boots (fake hypervisor); no volumes (no Cinder), no load balancers, no DHCP ports, no VNC"
    )

    def prepare(self, settings: Settings) -> None:
        """Install what is missing; nothing runs yet."""

    def complete(self, settings: Settings) -> bool:  # noqa: ARG002 - for others
        """Whether a lab that runs has all that is wanted; otherwise it is prepared and seeded once more."""
        return True

    def start(self, settings: Settings) -> None:
        """Start what the services need, before them."""

    def finish(self, settings: Settings) -> None:
        """Start what needs the services, after them."""

    def options(self, settings: Settings) -> Mapping[str, Mapping[str, Section]]:  # noqa: ARG002 - for others
        """Service, section, option: what is set otherwise than in the lab without packets."""
        return {}

    def environment(self, settings: Settings) -> Mapping[str, str]:  # noqa: ARG002
        """Variables of the services beside those of the lab without packets."""
        return {}

    def command(self, settings: Settings, service: str) -> list[str]:  # noqa: ARG002
        """The words to put before a service's command."""
        return []

    def states(self, settings: Settings) -> list[ServiceState]:  # noqa: ARG002
        """What its own parts do now."""
        return []

    def stop(self, settings: Settings) -> bool:  # noqa: ARG002
        """Stop everything of it, after the services; returns whether anything ran."""
        return False
