"""The outside world: where the external networks lead to, with an echo service that answers with the caller's address."""

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
"""Physical network: what its subnet has as gateway (see `lab.services.seed`)."""
ECHO_ADDRESS = "192.0.2.80"
"""Of the echo service: http://192.0.2.80/ is what ifconfig.me is on the Internet."""
RESOLVER_ADDRESS = "192.0.2.53"
"""What DHCP names as the resolver. No resolver listens there, which a guest is told at once."""
ECHO = "echo"
ECHO_SECONDS = 60.0
BOOT_SECONDS = 420
"""Within which an emulated guest has booted, on a busy machine too."""


def start(settings: Settings) -> None:
    """Wire the external networks to the outside, and start the echo service there.

    Raises:
        LabError: a link cannot be made, or the service does not answer.
    """
    host, outside = (str(holder(settings, name).pid) for name in (HOST, OUTSIDE))
    run(settings, OUTSIDE, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
    for address in (ECHO_ADDRESS, RESOLVER_ADDRESS):
        run(settings, OUTSIDE, "ip", "address", "add", f"{address}/32", "dev", "lo")
    for network, gateway in GATEWAYS.items():
        inner, outer, bridge = BRIDGES[network].replace("br-", "to-"), BRIDGES[network].removeprefix("br-"), BRIDGES[network]
        # Made where they belong: the machine's own namespace never sees them.
        words = ["ip", "link", "add", inner, "netns", host, "type", "veth", "peer", "name", outer, "netns", outside]
        made = subprocess.run(words, check=False, capture_output=True, text=True)
        if made.returncode:
            raise LabError(f"{' '.join(words)}: {made.stderr.strip()}")
        for name, link in ((HOST, inner), (OUTSIDE, outer)):
            # The userspace datapath forwards checksums as it finds them: they must be whole.
            run(settings, name, "ethtool", "--offload", link, "tx", "off", "rx", "off")
            run(settings, name, "ip", "link", "set", link, "up")
        run(settings, OUTSIDE, "ip", "address", "add", gateway, "dev", outer)
        run(settings, HOST, "ovs-vsctl", "--may-exist", "add-port", bridge, inner)
    log = settings.log(ECHO)
    with log.open("ab") as file:
        child = subprocess.Popen(
            # By its path: who enters a mount namespace is in its root folder, where no package `lab` is found.
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
            raise LabError(f"the echo service does not answer; its log: {log}")
        time.sleep(0.1)


def reach(settings: Settings) -> dict[str, str]:
    """The variables by which the verification (`verify`) reaches the guests."""
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
    """Where the echo service is recorded."""
    return settings.directory / "run" / f"{ECHO}.json"
