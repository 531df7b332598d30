"""The interface between the five services and the two modes of the lab.

`Plane` is the mode without packets and needs nothing. Its subclass in `lab.packets` makes namespaces and starts daemons.
"""

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
    """State of one service, as `status` shows it.

    Attributes:
        service: its name.
        state: "up", "starting" (the process runs but does not answer yet) or "down".
        pid: process id; None if it is down.
        url: address of its API, or a description of what it serves.
        memory_mib: resident memory in MiB.
        log: path of its log.
    """

    service: str
    state: str
    pid: int | None
    url: str
    memory_mib: int
    log: str


class Plane:
    """The mode without packets: the fake hypervisor and the lab's mechanism driver need nothing of the machine."""

    mode = API
    lacks = (
        "no packets move and no guest boots (fake hypervisor); no volumes (no Cinder), no load balancers, no DHCP ports, no VNC"
    )

    def prepare(self, settings: Settings) -> None:
        """Install what is missing. It is called before anything runs."""

    def complete(self, settings: Settings) -> bool:  # noqa: ARG002 - subclasses use it
        """Tell whether a running lab has everything that is wanted; if not, it is prepared and seeded again."""
        return True

    def start(self, settings: Settings) -> None:
        """Start what the services need. It is called before they start."""

    def finish(self, settings: Settings) -> None:
        """Start what needs the services. It is called once they answer."""

    def options(self, settings: Settings) -> Mapping[str, Mapping[str, Section]]:  # noqa: ARG002 - subclasses use it
        """Return the options that differ from the lab without packets, by service, section and option."""
        return {}

    def environment(self, settings: Settings) -> Mapping[str, str]:  # noqa: ARG002
        """Return environment variables of the services that the lab without packets does not set."""
        return {}

    def command(self, settings: Settings, service: str) -> list[str]:  # noqa: ARG002
        """Return the words to put before a service's command, for example to run it in a namespace."""
        return []

    def states(self, settings: Settings) -> list[ServiceState]:  # noqa: ARG002
        """Return the present state of the mode's own daemons."""
        return []

    def stop(self, settings: Settings) -> bool:  # noqa: ARG002
        """Stop everything that the mode has started. It is called after the services are stopped. Return whether anything ran."""
        return False
