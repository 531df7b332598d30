"""Formats the outputs of a stack as a table."""

from collections.abc import Mapping
from typing import Any

from multiport import terminal

HEAD = ("server", "port", "fixed IPs", "floating IPs", "MAC", "table", "priority")


def table(exports: Mapping[str, Any]) -> str:
    """Return a table of servers and ports, then the virtual IPs, then the first ssh commands to try."""
    rows: list[tuple[str, ...]] = []
    lines: list[str] = []
    for name, server in sorted(exports.get("servers", {}).items()):
        for place, (key, port) in enumerate(sorted(server["ports"].items())):
            rows.append(
                (
                    name if place == 0 else "",
                    key,
                    " ".join(port["fixed_ips"].values()),
                    " ".join(port["floating_ips"].values()) or "-",
                    port["mac_address"],
                    str(int(port["table"])),
                    str(int(port["priority"])),
                )
            )
            lines += server["commands"].get(key, {}).get("ssh", [])
    if not rows:
        return "No servers."
    text = [terminal.table(HEAD, rows)]
    for key, virtual_ip in sorted(exports.get("virtual_ips", {}).items()):
        text.append(f"virtual address {key}: {virtual_ip['ip_address']}, floating IP {virtual_ip.get('floating_ip', '-')}")
    if lines:
        text += ["", "Try:", *(f"  {line}" for line in lines[:3])]
        text += ["  (all ssh, ping, curl and tcpdump commands: make outputs FORMAT=json)"] if len(lines) > 3 else []  # noqa: PLR2004
    return "\n".join(text)
