"""Waiting until nothing moves: a killed CLI leaves a provider behind that goes on with the call that it is in."""

import time
from collections.abc import Callable
from typing import Final

from multiport.audit.cloud import Cloud

_SECONDS: Final = 60
"""How long to wait at most; a server that is still building then is taken as it is."""
_PAUSE: Final = 3

_MOVING: Final = frozenset({"BUILD", "RESIZE", "REBUILD", "REBOOT", "HARD_REBOOT", "MIGRATING"})


def quiet(look: Callable[[], Cloud]) -> Cloud:
    """The cloud, once two looks at it have seen the same and no server was being built or rebuilt."""
    deadline = time.monotonic() + _SECONDS
    before, cloud = None, look()
    while time.monotonic() < deadline:
        shown = _shown(cloud)
        if shown == before and not any(each.get("status") in _MOVING for each in cloud.servers.values()):
            break
        before = shown
        time.sleep(_PAUSE)
        cloud = look()
    return cloud


def _shown(cloud: Cloud) -> list[tuple[str, str, str]]:
    parts = (cloud.servers, cloud.ports, cloud.floating_ips, cloud.networks, cloud.subnets, cloud.routers, cloud.security_groups)
    return [
        (each["id"], str(each.get("status")), f"{each.get('device_id')} {each.get('port_id')}")
        for part in parts
        for each in part.values()
    ]
