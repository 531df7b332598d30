"""A stack's outputs as a table that people like to read."""

from collections.abc import Mapping
from typing import Any

from multiport import terminal

HEAD = ("server", "port", "fixed IPs", "floating IPs", "MAC", "table", "priority")


def table(exports: Mapping[str, Any]) -> str:
    """Servers and ports, then the virtual addresses, then one line to try each server with."""
    rows: list[tuple[str, ...]] = []
    lines: list[str] = []
    for server, each in sorted(exports.get("servers", {}).items()):
        for place, (key, port) in enumerate(sorted(each["ports"].items())):
            rows.append(
                (
                    server if place == 0 else "",
                    key,
                    " ".join(port["fixed_ips"].values()),
                    " ".join(port["floating_ips"].values()) or "-",
                    port["mac_address"],
                    str(int(port["table"])),
                    str(int(port["priority"])),
                )
            )
            lines += each["commands"].get(key, {}).get("ssh", [])
    if not rows:
        return "No servers."
    text = [terminal.table(HEAD, rows)]
    for key, virtual_ip in sorted(exports.get("virtual_ips", {}).items()):
        text.append(f"virtual address {key}: {virtual_ip['ip_address']}, floating IP {virtual_ip.get('floating_ip', '-')}")
    if lines:
        text += ["", "Try:", *(f"  {line}" for line in lines[:3])]
        text += ["  (all ssh, ping, curl and tcpdump lines: make outputs FORMAT=json)"] if len(lines) > 3 else []  # noqa: PLR2004
    return "\n".join(text)
