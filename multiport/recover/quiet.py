"""Waits until the cloud stops changing: after the CLI is killed, the provider's process still finishes the call it is in."""

import time
from collections.abc import Callable
from typing import Final

from multiport.audit.cloud import Cloud

_SECONDS: Final = 60
"""The longest wait, in seconds; a server that is still in status BUILD after it is taken as it is."""
_PAUSE: Final = 3

_MOVING: Final = frozenset({"BUILD", "RESIZE", "REBUILD", "REBOOT", "HARD_REBOOT", "MIGRATING"})


def quiet(look: Callable[[], Cloud]) -> Cloud:
    """Return the cloud's objects as soon as two successive reads agree and no server is being built or rebuilt."""
    deadline = time.monotonic() + _SECONDS
    before, cloud = None, look()
    while time.monotonic() < deadline:
        shown = _shown(cloud)
        if shown == before and not any(server.get("status") in _MOVING for server in cloud.servers.values()):
            break
        before = shown
        time.sleep(_PAUSE)
        cloud = look()
    return cloud


def _shown(cloud: Cloud) -> list[tuple[str, str, str]]:
    parts = (cloud.servers, cloud.ports, cloud.floating_ips, cloud.networks, cloud.subnets, cloud.routers, cloud.security_groups)
    return [
        (item["id"], str(item.get("status")), f"{item.get('device_id')} {item.get('port_id')}")
        for part in parts
        for item in part.values()
    ]
