"""What a lab may not change of the machine."""

import hashlib
import subprocess
from pathlib import Path

COMMANDS = {
    "links": ("ip", "-o", "-brief", "link"),
    "addresses": ("ip", "-o", "-brief", "address"),
    "IPv4 routes": ("ip", "route", "show", "table", "all"),
    "IPv6 routes": ("ip", "-6", "route", "show", "table", "all"),
    "IPv4 rules": ("ip", "rule"),
    "IPv6 rules": ("ip", "-6", "rule"),
    "forwarding": ("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"),
    "host name": ("uname", "--nodename"),
    "mounts": ("cat", "/proc/self/mounts"),
    "packages": ("dpkg-query", "--show"),
}
FILES = ("/etc", "/usr/local", "/usr/sbin", "/var/lib/libvirt", "/var/lib/mysql", "/var/lib/openvswitch", "/run/libvirt")


def snapshot() -> dict[str, str]:
    """Routes, rules, links, mounts, packages, and the names and times of the files that packages and services would change."""
    found = {
        name: subprocess.run(command, check=False, capture_output=True, text=True).stdout for name, command in COMMANDS.items()
    }
    return found | {folder: _digest(Path(folder)) for folder in FILES}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.is_file():
            digest.update(f"{path} {path.lstat().st_mtime_ns} {path.lstat().st_size}\n".encode())
    return digest.hexdigest()
