"""User data as our own code renders it, where the engine cannot know it before Neutron has chosen a MAC address."""

from collections.abc import Mapping
from typing import Any, Final

from multiport.guest.cloud_config import user_data
from multiport.guest.errors import GuestError
from multiport.guest.plan import BootPort, RoutingPlan
from multiport.guest.slots import assign_slots
from multiport.review.preview import UNKNOWN, Preview, Step
from multiport.review.redaction import SECRET

CHOSEN_BY_NEUTRON: Final = "(MAC address chosen by Neutron)"
"""What the plan shows in place of an address that is yet to be chosen."""


def rendered(preview: Preview, config: Mapping[str, Any] | None = None) -> dict[str, str]:
    """User data by server, of those that the engine says nothing of.

    Args:
        preview: A preview of this checkout's program: its configuration is read, and its templates are used.
        config: The configuration with its secrets in the clear. Default: the preview's own; a secret cloud-config is left out.
    """
    components = {step.name: step for step in preview.steps.values() if step.kind == "multiport:index:MultiPortInstance"}
    found: dict[str, str] = {}
    servers = (preview.config if config is None else config).get("servers")
    for key, server in sorted(servers.items() if isinstance(servers, dict) else ()):
        component = components.get(key)
        if component is not None and component.new.outputs.get("userData", UNKNOWN) is UNKNOWN:
            try:
                found[key] = _user_data(preview, component, server)
            except GuestError:
                continue  # the program itself says what is wrong
    return found


def _user_data(preview: Preview, component: Step, server: Mapping[str, Any]) -> str:
    cloud_config = server.get("cloud_config")
    cloud_config = None if cloud_config is None or SECRET in cloud_config else cloud_config
    if server.get("return_path") == "none":
        return user_data(None, cloud_config)
    ports: dict[str, Mapping[str, Any]] = server["ports"]
    boot = sorted(key for key, port in ports.items() if not port.get("hot", False))
    primary = server.get("primary_port", boot[0])
    born = {key: (port.get("formerly") or [key])[0] for key, port in ports.items()}
    slots = assign_slots({born[key]: port.get("slot") for key, port in ports.items()})
    stand_ins: dict[str, str] = {}
    plan: list[BootPort] = []
    for number, key in enumerate(boot, start=1):
        mac = _mac(preview, component, key) or ports[key].get("mac_address")
        if mac is None:
            mac = f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"
            stand_ins[mac] = CHOSEN_BY_NEUTRON
        plan.append(BootPort(slot=slots[born[key]], mac=mac, primary=key == primary))
    text = user_data(RoutingPlan(tuple(plan)), cloud_config)
    for mac, words in stand_ins.items():
        text = text.replace(mac, words)
    return text


def _mac(preview: Preview, component: Step, key: str) -> str | None:
    for step in preview.of("networking:Port"):
        if step.parent == component.urn and step.name == f"{component.name}-{key}" and step.op in ("same", "update"):
            mac = step.old.outputs.get("macAddress")
            return mac if isinstance(mac, str) else None
    return None
