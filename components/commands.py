"""Commands that show, as the guide does by hand, that a server answers on every port; ready to paste."""

from collections.abc import Mapping
from typing import TypedDict

from multiport.components.instance.outputs import PortState
from multiport.components.known import known_text
from multiport.components.topology import ServerConfig
from multiport.guest.metadata import DEFAULT_ECHO_URL

# Login names that the distributions' cloud images create.
LOGINS = {
    "ubuntu": "ubuntu",
    "debian": "debian",
    "rocky": "rocky",
    "alma": "almalinux",
    "centos": "cloud-user",
    "fedora": "fedora",
}
DEFAULT_LOGIN = "cloud-user"


class PortLines(TypedDict):
    """Lines for one port."""

    ssh: list[str]
    """Log in through each floating IP, from outside."""
    ping: list[str]
    """Reach each floating IP, from outside."""
    curl: list[str]
    """Ask the world which address each fixed IP has there; run it on the server."""
    tcpdump: str
    """Watch request and reply on the same NIC; run it on the server."""


def login(image: str) -> str:
    """Login name of an image's default user, by the distribution in its name."""
    return next((user for distribution, user in LOGINS.items() if image.lower().startswith(distribution)), DEFAULT_LOGIN)


def server_lines(server: ServerConfig, ports: Mapping[str, PortState]) -> dict[str, PortLines]:
    """Lines for each port of a server, by the port's key. NICs are found by MAC address: the guest chooses their names."""
    user = login(known_text(server.get("image")) or "")
    echo_url = server.get("routing", {}).get("echo_url", DEFAULT_ECHO_URL)
    lines: dict[str, PortLines] = {}
    for key, port in ports.items():
        nic = f'"$(grep -l {port["mac_address"]} /sys/class/net/*/address | cut -d/ -f5)"'
        lines[key] = {
            "ssh": [f"ssh {user}@{address}" for address in port["floating_ips"].values()],
            "ping": [f"ping -c 4 {address}" for address in port["floating_ips"].values()],
            "curl": [f"curl --interface {address} {echo_url}; echo" for address in port["fixed_ips"].values()],
            "tcpdump": f"sudo tcpdump -nni {nic} icmp",
        }
    return lines
