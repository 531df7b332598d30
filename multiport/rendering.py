"""The routing plan and the user data that a server would be created with, rendered from its description without a cloud."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from multiport.components.identity import boot_order, slot_of
from multiport.guest.cloud_config import user_data
from multiport.guest.plan import BootPort, RoutingPlan, plan_text

if TYPE_CHECKING:
    from multiport.components.topology import PortOptions

CHOSEN_BY_NEUTRON: Final = "(MAC address chosen by Neutron)"
"""The text that the plan shows in place of a MAC address that Neutron will choose when it creates the port."""


class Rendering:
    """One server's routing plan and user data.

    Args:
        server: The server as a stack file describes it.
        macs: Known MAC addresses, by port key; those that the description pins need not be among them.

    Raises:
        GuestError: The description cannot be rendered; the text says why.
    """

    def __init__(self, server: Mapping[str, Any], macs: Mapping[str, str]) -> None:
        self._stand_ins: dict[str, str] = {}
        self._plan = None if server.get("return_path") == "none" else self._routing(server, macs)
        self.user_data: str = self._shown(user_data(self._plan, server.get("cloud_config")))
        """The whole user data; empty if the server needs none."""

    @property
    def plan(self) -> str | None:
        """The file that tells the guest its boot ports; None without policy routing."""
        return None if self._plan is None else self._shown(plan_text(self._plan))

    @property
    def complete(self) -> bool:
        """Whether every MAC address is known, so that this is exactly the user data that the server would get."""
        return not self._stand_ins

    def _routing(self, server: Mapping[str, Any], macs: Mapping[str, str]) -> RoutingPlan:
        ports: Mapping[str, PortOptions] = server["ports"]
        boot = boot_order(ports, server.get("primary_port"))
        return RoutingPlan(
            tuple(
                BootPort(
                    slot=slot_of(key, ports[key]),
                    mac=self._mac(number, macs.get(key) or ports[key].get("mac_address")),
                    primary=key == boot[0],
                )
                for number, key in enumerate(boot, start=1)
            )
        )

    def _mac(self, number: int, known: str | None) -> str:
        if known is not None:
            return known
        stand_in = f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"
        self._stand_ins[stand_in] = CHOSEN_BY_NEUTRON
        return stand_in

    def _shown(self, text: str) -> str:
        for mac, words in self._stand_ins.items():
            text = text.replace(mac, words)
        return text
