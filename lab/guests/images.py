"""Root file systems for the guests, made of Debian packages: one common base, and per network stack what is laid over it.

They are kept in .tools/guests and made anew when their recipe changes. Root, apt's mirrors and overlayfs are needed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.guests.stacks import NetworkStack

Say = Callable[[str], None]
"""Is told, in a line, what is going on."""

Run = Callable[[list[str], Path, Mapping[str, str]], None]
"""Runs a program to its end with a log and variables beside our own, and fails when it fails."""

CACHE: Final = Path(__file__).parents[2] / ".tools" / "guests"
"""Where they are kept."""

SUITE: Final = "bookworm"
"""Debian 12: systemd 252, cloud-init 22.4, iproute2 6.1, Linux 6.1."""

DISK_MEGABYTES: Final = 1200
"""Size of a disk image; the largest root file system is about 500 MB."""

PACKAGES: Final = (
    *("systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "init", "kmod", "procps", "netbase"),
    *("cloud-init", "iproute2", "iputils-ping", "openssh-server", "sudo", "python3"),
    *("curl", "tcpdump"),  # the guide's verification
    *("linux-image-cloud-amd64", "initramfs-tools", "zstd", "e2fsprogs"),
)
"""What a cloud image has of Debian; the network stacks come on top."""

FILES: Final = {
    "etc/cloud/cloud.cfg.d/90-guests.cfg": (
        # As on the images that clouds offer; no other data source is asked, in vain, for a minute.
        "datasource_list: [ConfigDrive, None]\nlocale: C.UTF-8\nmanage_etc_hosts: true\nssh_genkeytypes: [ed25519]\n"
        "apt: {preserve_sources_list: true}\n"
    ),
    "etc/initramfs-tools/conf.d/guests": "MODULES=list\n",
    "usr/share/initramfs-tools/modules.d/guests": "virtio_pci\nvirtio_blk\nvirtio_net\next4\n",
    "usr/local/lib/equipment.py": (Path(__file__).parent / "equipment.py").read_text(),
    "etc/systemd/system/equipment.service": (
        "[Unit]\nDescription=Test equipment\nDefaultDependencies=no\nAfter=systemd-remount-fs.service\n"
        "[Service]\nExecStart=/usr/bin/python3 /usr/local/lib/equipment.py\n"
    ),
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
}
"""What the tests add to the packages."""

SETTLE: Final = """
chroot "$1" systemctl --quiet add-wants sysinit.target equipment.service
chroot "$1" systemctl --quiet mask \\
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
rm -f "$1"/etc/ssh/ssh_host_*
: > "$1/etc/machine-id"
"""
"""Last step of the base: no background work, no identity."""

LAYER: Final = """
mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer,workdir=$work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get --quiet --quiet --yes --no-install-recommends install $packages
[ -z "$enable" ] || chroot "$root" systemctl --quiet enable $enable
echo "system_info: {default_user: {name: $user}}" > "$root/etc/cloud/cloud.cfg.d/91-user.cfg"
[ -L "$root/etc/resolv.conf" ] || : > "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
rm -rf "$root"/var/cache/apt/*
"""
"""What is done to lay a network stack over the base."""


_ENVIRONMENT: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Disk:
    """What QEMU boots.

    Attributes:
        image: ext4, without a partition table.
        kernel: From the root file system.
        initrd: From the root file system.
    """

    image: Path
    kernel: Path
    initrd: Path


class ImageError(Exception):
    """An image could not be made; the text holds the end of what the tools printed."""


def run_here(command: list[str], log: Path, variables: Mapping[str, str]) -> None:
    """Run a program with what the machine itself has installed.

    Raises:
        ImageError: It failed.
    """
    environment = {**os.environ, **variables}
    with log.open("w") as output:
        status = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ).returncode
    if status != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise ImageError(f"{command[0]} ended with {status}; all of it is in {log}\n{end}")


def layers(stack: NetworkStack, say: Say, run: Run = run_here) -> str:
    """Return the directories of a stack's root file system, the upper one first, as overlayfs takes them.

    Args:
        stack: The network stack.
        say: Is told what is being made.
        run: Runs mmdebstrap and the shell.
    """
    base = _base(say, run)

    def build(target: Path, log: Path) -> None:
        layer, work, root = target / "layer", target / "work", target / "root"
        for each in (layer, work, root):
            each.mkdir(parents=True)
        _run_apart(
            run,
            LAYER,
            log,
            base=base,
            layer=layer,
            work=work,
            root=root,
            packages=stack.packages,
            enable=stack.enable,
            user=stack.user,
        )
        shutil.rmtree(work)
        root.rmdir()

    recipe = f"{base.parent.name} {stack.packages} {stack.enable} {stack.user} {LAYER}"
    return f"{_kept(f'rootfs-{stack.name}', recipe, build, say) / 'layer'}:{base}"


def disk(stack: NetworkStack, say: Say, run: Run = run_here) -> Disk:
    """Return a stack's root file system as a disk image, with its kernel."""
    lower = layers(stack, say, run)
    make = (
        'mount -t overlay overlay -o "lowerdir=$lower" "$root"\nmke2fs -q -t ext4 -d "$root" "$image" "$megabytes"M\n'
        'cp --dereference "$root/vmlinuz" "$root/initrd.img" "$target"\n'
    )

    def build(target: Path, log: Path) -> None:
        root = target / "root"
        root.mkdir(parents=True)
        _run_apart(run, make, log, lower=lower, root=root, target=target, image=target / "ext4", megabytes=DISK_MEGABYTES)
        root.rmdir()

    kept = _kept(f"disk-{stack.name}", f"{lower} {make} {DISK_MEGABYTES}", build, say)
    return Disk(kept / "ext4", kept / "vmlinuz", kept / "initrd.img")


def _base(say: Say, run: Run) -> Path:
    def build(target: Path, log: Path) -> None:
        files = target / "files"
        for path, content in FILES.items():
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            (files / path).write_text(content)
        run(
            [
                "mmdebstrap",
                "--mode=root",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                '--aptopt=Apt::Install-Recommends "0"',
                *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "info", "locale", "man")),
                "--skip=cleanup/apt/lists",  # the network stacks' packages are still to come
                f'--essential-hook=cp -a {files}/. "$1"',  # before the kernel's package makes its initrd
                f"--customize-hook={SETTLE}",
                SUITE,
                str(target / "base"),
            ],
            log,
            _ENVIRONMENT,
        )
        shutil.rmtree(files)

    return _kept("rootfs-base", f"{SUITE} {PACKAGES} {FILES} {SETTLE}", build, say) / "base"


def _kept(name: str, recipe: str, build: Callable[[Path, Path], None], say: Say) -> Path:
    """Return the folder that was made by this recipe; make it, and drop those made by former ones, if there is none."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed
        if not kept.exists():
            say(f"making {name} from Debian packages, about {'a minute' if name == 'rootfs-base' else '15 seconds'}")
            for former in CACHE.glob(f"{name}-*"):
                shutil.rmtree(former)
            partial = CACHE / f"partial-{name}"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            build(partial, CACHE / f"{name}.log")
            partial.rename(kept)
    return kept


def _run_apart(run: Run, script: str, log: Path, **values: object) -> None:
    """Run shell commands whose mounts go when they end; the values are their variables."""
    words = {name: " ".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}
    run(["unshare", "--mount", "--propagation=private", "bash", "-euxc", script], log, {**_ENVIRONMENT, **words})


if __name__ == "__main__":
    from lab.guests.stacks import STACKS

    for each in STACKS:
        print(disk(each, lambda text: print(text, file=sys.stderr, flush=True)))
