"""The network outside the cloud: gateways of the external networks, and an echo service that tells clients their address."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import processes
from lab.packets.daemons import BRIDGES
from lab.packets.namespaces import HOST, OUTSIDE, call, holder, inside, run
from lab.settings import LabError

if TYPE_CHECKING:
    from lab.settings import Settings

GATEWAYS = {"publicnet": "203.0.113.1/24", "publicnet-routed": "198.51.100.1/24"}
"""The gateway of the subnet on each physical network (see `lab.services.seed`)."""
ECHO_ADDRESS = "192.0.2.80"
"""Address of the echo service: http://192.0.2.80/ answers as ifconfig.me does on the Internet."""
RESOLVER_ADDRESS = "192.0.2.53"
"""The DNS resolver that DHCP announces. Nothing listens there, so that guests get an error immediately instead of a timeout."""
ECHO = "echo"
ECHO_SECONDS = 60.0
BOOT_SECONDS = 420
"""Seconds in which an emulated guest boots, even on a busy machine."""


def start(settings: Settings) -> None:
    """Connect the external networks to the outside, and start the echo service there.

    Raises:
        LabError: a link cannot be created, or the service does not answer.
    """
    host, outside = (str(holder(settings, name).pid) for name in (HOST, OUTSIDE))
    run(settings, OUTSIDE, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
    for address in (ECHO_ADDRESS, RESOLVER_ADDRESS):
        run(settings, OUTSIDE, "ip", "address", "add", f"{address}/32", "dev", "lo")
    for network, gateway in GATEWAYS.items():
        inner, outer, bridge = BRIDGES[network].replace("br-", "to-"), BRIDGES[network].removeprefix("br-"), BRIDGES[network]
        # Both ends are created in their namespaces, so that they never appear among the machine's own interfaces.
        words = ["ip", "link", "add", inner, "netns", host, "type", "veth", "peer", "name", outer, "netns", outside]
        made = subprocess.run(words, check=False, capture_output=True, text=True)
        if made.returncode:
            raise LabError(f"{' '.join(words)}: {made.stderr.strip()}")
        for name, link in ((HOST, inner), (OUTSIDE, outer)):
            # The userspace datapath does not complete checksums, so none may be left to the NIC.
            run(settings, name, "ethtool", "--offload", link, "tx", "off", "rx", "off")
            run(settings, name, "ip", "link", "set", link, "up")
        run(settings, OUTSIDE, "ip", "address", "add", gateway, "dev", outer)
        run(settings, HOST, "ovs-vsctl", "--may-exist", "add-port", bridge, inner)
    log = settings.log(ECHO)
    with log.open("ab") as file:
        child = subprocess.Popen(
            # Started by path instead of `-m`: after nsenter the working directory is /, where Python does not find `lab`.
            [*inside(settings, OUTSIDE), sys.executable, str(Path(__file__).with_name("echo.py"))],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    processes.write(record(settings), processes.identify(child.pid))
    deadline = time.monotonic() + ECHO_SECONDS
    while not call(settings, OUTSIDE, _echoes):
        if child.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"the echo service does not answer; its log is {log}")
        time.sleep(0.1)


def reach(settings: Settings) -> dict[str, str]:
    """Return the environment variables with which `multiport.verify` reaches the guests."""
    return {
        "OUTSIDE": shlex.join(inside(settings, OUTSIDE)),
        "IDENTITY": str(settings.private_key),
        "ECHO_URL": f"http://{ECHO_ADDRESS}/",
        "WAIT": str(BOOT_SECONDS),
    }


def _echoes() -> bool:
    try:
        socket.create_connection((ECHO_ADDRESS, 80), 5).close()
    except OSError:
        return False
    return True


def record(settings: Settings) -> Path:
    """Return the file that records the process of the echo service."""
    return settings.directory / "run" / f"{ECHO}.json"
