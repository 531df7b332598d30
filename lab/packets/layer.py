"""The lab's Debian packages, in a layer over /usr, /etc and /var that only the lab's mount namespaces see.

Installing them on the machine would enable their services, bring users and configuration files along and might upgrade others.
apt runs as ever, its changes land in the layer. It is made once, kept in .tools/packets, and made anew when the list changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installation.environment import pip_install
from installation.locks import exclusive
from lab.settings import CHECKOUT, LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CACHE = CHECKOUT / ".tools" / "packets"
PACKAGES = Path(__file__).with_name("apt.txt")
REQUIREMENTS = Path(__file__).with_name("requirements.lock")

EMULATOR = """\
#!/bin/sh
# The userspace datapath reads taps through AF_PACKET and sees checksums that the guest leaves to the NIC: TCP would be dead
# while ping works. So the NICs offer no offloads.
for offload in csum gso host_tso4 host_tso6 host_ecn host_ufo guest_csum guest_tso4 guest_tso6 guest_ecn guest_ufo; do
  set -- "$@" -global "virtio-net-pci.$offload=off"
done
exec nice -n 5 /usr/bin/qemu-system-x86_64.real "$@"  # a guest that boots leaves the services their share
"""
"""What libvirt starts as /usr/bin/qemu-system-x86_64."""

_INSTALL = """
for each in usr etc var run; do
  mkdir -p "$layer/$each" "$layer/work/$each"
  mount -t overlay overlay -o "lowerdir=/$each,upperdir=$layer/$each,workdir=$layer/work/$each" "/$each"
done
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d  # no package starts its service
chmod 755 /usr/sbin/policy-rc.d
apt-get --quiet --quiet update
apt-get --quiet --quiet --yes --no-install-recommends install $packages
# libvirtd does not start without its default user, though ours runs guests as root.
id -u libvirt-qemu > /dev/null 2>&1 || useradd --system --user-group --no-create-home libvirt-qemu
mv /usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-x86_64.real
printf %s "$emulator" > /usr/bin/qemu-system-x86_64
chmod 755 /usr/bin/qemu-system-x86_64
apt-get clean
"""

_ENTER = """
for each in usr etc var; do
  mkdir -p "$lab_scratch/$each" "$lab_scratch/work/$each"
  upper="upperdir=$lab_scratch/$each,workdir=$lab_scratch/work/$each"
  mount -t overlay overlay -o "lowerdir=$lab_layer/$each:/$each,$upper" "/$each"
done
exec "$@"
"""


@dataclass(frozen=True)
class Layer:
    """The installed packages.

    Attributes:
        folder: holds the changed parts of /usr, /etc and /var.
        python: holds the Python packages that are built against them.
    """

    folder: Path
    python: Path

    def run(self, command: list[str], scratch: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a program that sees the packages, in the machine's own network.

        Args:
            command: program and arguments.
            scratch: receives what it changes in /usr, /etc and /var; dropped afterwards.
            log: receives what it prints.
            environment: variables beside our own.

        Raises:
            LabError: it failed.
        """
        variables = {**(environment or {}), "lab_layer": str(self.folder), "lab_scratch": str(scratch)}
        try:
            _apart(_ENTER, log, variables, *command)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def ensure(python: Path, say: Callable[[str], None]) -> Layer:
    """Make the layer unless it is there.

    Args:
        python: interpreter of the lab's virtual environment.
        say: receives lines of progress.

    Raises:
        LabError: apt or pip failed; the message holds the end of what they said.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    packages = [line.split("#")[0].strip() for line in PACKAGES.read_text().splitlines()]
    release = Path("/etc/os-release").read_text()
    layer = CACHE / f"layer-{_digest(' '.join(packages), release, _INSTALL, EMULATOR)}"
    extras = CACHE / f"python-{_digest(layer.name, REQUIREMENTS.read_text(), str(python.resolve()))}"
    with exclusive(CACHE / "lock", "another command installs packages", say):
        if not layer.exists():
            wanted = [each for each in packages if each]
            say(f"installing {len(wanted)} Debian packages into {layer}, not onto the machine (once; 20 s, 200 MB)")
            variables = {"packages": " ".join(wanted), "emulator": EMULATOR}
            _build(layer, lambda partial: _apart(_INSTALL, CACHE / "apt.log", {"layer": str(partial), **variables}))
            _drop_former(layer)
        found = Layer(layer, extras)
        if not extras.exists():
            say(f"building libvirt-python into {extras} (once; 20 s)")
            # The build must find the virtual environment's setuptools: the lock file names no other.
            options = ("--no-build-isolation", "--no-binary", "libvirt-python", "--target")

            def build(partial: Path) -> None:
                words = pip_install(python, REQUIREMENTS, *options, str(partial))
                found.run(words, CACHE / "scratch", CACHE / "pip.log")

            _build(extras, build)
    return found


def _build(target: Path, build: Callable[[Path], None]) -> None:
    partial = CACHE / f"partial-{target.name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    build(partial)
    partial.rename(target)


def _drop_former(layer: Path) -> None:
    """Remove what former lists made, unless a running lab still lies over it."""
    mounts = ""
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            mounts += path.read_text()
    former = [each for each in CACHE.glob("layer-*") if each != layer]
    if not any(str(each) in mounts for each in former):
        for each in (*former, *CACHE.glob("python-*")):
            shutil.rmtree(each)


def _apart(script: str, log: Path, variables: Mapping[str, str], *arguments: str) -> None:
    """Run shell commands whose mounts go when they end."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", **variables}
    command = ["unshare", "--mount", "--propagation=private", "bash", "-euc", script, "bash", *arguments]
    with log.open("w") as output:
        status = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ).returncode
    if status:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{log.stem} ended with {status}; all of it is in {log}:\n{end}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
