"""Renders the user data that the engine cannot know before Neutron has chosen a MAC address."""

from collections.abc import Mapping
from typing import Any

from multiport.guest.errors import GuestError
from multiport.rendering import Rendering
from multiport.review.preview import UNKNOWN, Preview, Step
from multiport.review.redaction import SECRET


def rendered(preview: Preview, config: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the user data of the servers for which the engine does not know it, by server.

    Args:
        preview: A preview of this checkout's program: its configuration is read, and its templates are used.
        config: The configuration with its secrets in clear text. Default: that of the preview, without secret cloud-configs.
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
                continue  # the program itself reports the fault
    return found


def _user_data(preview: Preview, component: Step, server: Mapping[str, Any]) -> str:
    cloud_config = server.get("cloud_config")
    shown = {**server, "cloud_config": None if cloud_config is None or SECRET in cloud_config else cloud_config}
    macs = {key: mac for key in server["ports"] if (mac := _mac(preview, component, key)) is not None}
    return Rendering(shown, macs).user_data


def _mac(preview: Preview, component: Step, key: str) -> str | None:
    for step in preview.of("networking:Port"):
        if step.parent == component.urn and step.name == f"{component.name}-{key}" and step.op in ("same", "update"):
            mac = step.old.outputs.get("macAddress")
            return mac if isinstance(mac, str) else None
    return None
