"""Guest images with the names of Rackspace Flex's images: the network stack of each, and its files for Glance."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from lab.guests import images, stacks
from lab.packets.layer import CACHE
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from lab.packets.layer import Layer
    from lab.settings import Settings

STACKS = {
    "Ubuntu-24.04": "netplan",
    "Ubuntu-22.04": "networkd",
    "Debian-12": "ifupdown",
    "Rocky-9.4": "network-manager",
}
"""The network stack of each image, which is that of Flex's image of this name. The userland is Debian 12's in all of them."""

CONVERT: Final = ("qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd")
"""Compression leaves a third of the bytes, which saves time because Glance hashes every image."""


@dataclass(frozen=True)
class GuestImage:
    """Files and properties of one image in Glance.

    Attributes:
        disk: path of the root file system as qcow2.
        kernel: path of its kernel.
        ramdisk: path of its initial ramdisk.
        recipe: digest of the recipe that the image was built from.
    """

    disk: str
    kernel: str
    ramdisk: str
    recipe: str


def ensure(settings: Settings, layer: Layer, wanted: Collection[str], say: Callable[[str], None]) -> None:
    """Build the wanted images, keep those that the lab has already, and record the paths of all.

    Raises:
        LabError: an image could not be built.
    """

    def run(command: list[str], log: Path, variables: Mapping[str, str]) -> None:
        layer.run(command, images.CACHE / "scratch", log, variables)

    found = {}
    wanted = {*wanted, *load(settings)}
    known = {stack.name: stack for stack in stacks.STACKS}
    for image, stack in ((image, stack) for image, stack in STACKS.items() if image in wanted):
        try:
            disk = images.disk(known[stack], say, run)
        except images.ImageError as error:
            raise LabError(str(error)) from error
        folder = CACHE / f"{disk.image.parent.name}-compressed"
        if not folder.exists():
            for former in CACHE.glob(f"disk-{stack}-*"):
                shutil.rmtree(former)
            partial = CACHE / f"partial-{folder.name}"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            run([*CONVERT, str(disk.image), str(partial / "qcow2")], CACHE / "qemu-img.log", {})
            shutil.copy(disk.kernel, partial / "kernel")
            shutil.copy(disk.initrd, partial / "ramdisk")
            partial.rename(folder)
        found[image] = GuestImage(str(folder / "qcow2"), str(folder / "kernel"), str(folder / "ramdisk"), folder.name)
    record(settings).parent.mkdir(parents=True, exist_ok=True)
    record(settings).write_text(json.dumps({image: asdict(files) for image, files in found.items()}, indent=2))


def record(settings: Settings) -> Path:
    """Return the file that tells `lab.services.seed` the paths of the images. It is deleted with the lab's data."""
    return settings.data("guest-images.json")


def load(settings: Settings) -> dict[str, GuestImage]:
    """Return the images that the lab has; none before its first start."""
    try:
        found = json.loads(record(settings).read_text())
    except FileNotFoundError:
        return {}
    return {image: GuestImage(**files) for image, files in found.items()}
