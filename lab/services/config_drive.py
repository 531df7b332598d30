"""Nova's config drive as a folder with the files that a guest would find on the ISO image."""

from __future__ import annotations

import shutil
from pathlib import Path

from nova.api.metadata.base import InstanceMetadata
from nova.virt import configdrive


class ConfigDriveTree(configdrive.ConfigDriveBuilder):
    """Nova's builder without its last step, genisoimage, which the machine may not have."""

    def make_drive(self, path):
        """Write the files into the folder `path` and replace what is there.

        Only the owner can read it, because user data and metadata may contain secrets.
        """
        folder = Path(path)
        new = folder.with_name(folder.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        self._write_md_files(str(new))
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def build(folder: Path, instance, injected_files, admin_password, network_info) -> None:
    """Build the config drive of a server as the libvirt driver does, if the server is to have one."""
    if not configdrive.required_by(instance):
        return
    extra = {"admin_pass": admin_password} if admin_password else {}
    metadata = InstanceMetadata(instance, content=injected_files, extra_md=extra, network_info=network_info)
    with ConfigDriveTree(instance_md=metadata) as builder:
        builder.make_drive(str(folder))


def remove(folder: Path) -> None:
    """Remove the config drive of a server."""
    shutil.rmtree(folder, ignore_errors=True)
