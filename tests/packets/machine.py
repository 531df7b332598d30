"""Snapshots of everything on the machine that a lab must not change."""

import hashlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

COMMANDS = {
    "links": ("ip", "-o", "-brief", "link"),
    "addresses": ("ip", "-o", "-brief", "address"),
    "IPv4 routes": ("ip", "route", "show", "table", "all"),
    "IPv6 routes": ("ip", "-6", "route", "show", "table", "all"),
    "IPv4 rules": ("ip", "rule"),
    "IPv6 rules": ("ip", "-6", "rule"),
    "named namespaces": ("ip", "netns"),
    "forwarding": ("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.rp_filter"),
    "host name": ("uname", "--nodename"),
    "mounts": ("cat", "/proc/self/mounts"),
    "packages": ("dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\\n"),
    "users": ("cat", "/etc/passwd", "/etc/group"),
}
FILES = (
    "/etc",  # configuration of packages, and the services that start (rc*.d, systemd)
    "/lib/systemd",
    "/usr/bin",
    "/usr/local",
    "/usr/sbin",
    "/var/lib/dpkg",
    "/var/lib/libvirt",
    "/var/lib/mysql",
    "/var/lib/openvswitch",
    "/run/libvirt",
    "/run/openvswitch",
)


def snapshot() -> dict[str, str]:
    """Return routes, rules, links, mounts, packages, and names and times of the files that packages and services would change."""
    found = {
        name: subprocess.run(command, check=False, capture_output=True, text=True).stdout for name, command in COMMANDS.items()
    }
    return found | {folder: _digest(Path(folder)) for folder in FILES}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    """Return the names of the parts that differ between two snapshots."""
    return {name for name in before if before[name] != now[name]}


def processes_of(folder: Path) -> list[str]:
    """Return the processes of a lab. They have its folder in their arguments, environment or mounts, or as working directory."""
    found = []
    named = re.compile(re.escape(str(folder)) + r"(?![\w.-])")  # excludes folders whose names only begin with this one
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            inside = named.search(f"{(process / 'cwd').readlink()} {(process / 'mountinfo').read_text()}")
        except OSError:
            continue  # the process has ended
        if inside or named.search(words.decode(errors="replace")):
            found.append(f"{process.name} {words.partition(bytes(2))[0].replace(bytes(1), b' ').decode(errors='replace')[:200]}")
    return found


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.is_file():
            digest.update(f"{path} {path.lstat().st_mtime_ns} {path.lstat().st_size}\n".encode())
    return digest.hexdigest()
