"""Creates what an operator provides for tenants: images, flavors and external networks with Rackspace Flex's names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import openstack
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.packets.guest_images import load
from lab.services.serve import run
from lab.settings import PACKETS, from_environment, write_private

if TYPE_CHECKING:
    from lab.settings import Settings

IMAGES = {
    "Ubuntu-24.04": {"os_distro": "ubuntu", "os_version": "24.04"},
    "Ubuntu-22.04": {"os_distro": "ubuntu", "os_version": "22.04"},
    "Debian-12": {"os_distro": "debian", "os_version": "12"},
    "Rocky-9.4": {"os_distro": "rocky", "os_version": "9.4"},
}
FLAVORS = {
    "gp.0.1.2": (1, 2048, 10),
    "gp.0.2.4": (2, 4096, 20),
    "gp.0.4.8": (4, 8192, 40),
    "gp.5.2.2": (2, 2048, 20),
    "gp.5.4.8": (4, 8192, 40),
}
"""VCPUs, MiB of memory and GiB of disk, by name."""
NETWORKS = {
    # Tenants may attach servers to it directly, as on clouds that share their external network.
    "PUBLICNET": (True, "203.0.113.0/24", "203.0.113.1", "203.0.113.10", "203.0.113.250"),
    # Only for routers and floating IPs, as on Flex.
    "PUBLICNET-ROUTED": (False, "198.51.100.0/24", "198.51.100.1", "198.51.100.10", "198.51.100.250"),
}
"""Whether it is shared with tenants, CIDR, gateway, first and last address of the allocation pool, by name."""
KEYPAIR = "multiport"


def main() -> None:
    """Create what is missing, and print what was created."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(from_environment().clouds_yaml)
    admin = openstack.connect(cloud="local-admin")
    settings = from_environment()
    images = _guest_images(admin, settings) if settings.mode == PACKETS else _images(admin)
    made = [*images, *_flavors(admin), *_networks(admin), *_keypair(openstack.connect(cloud="local"), settings)]
    if made:
        print(f"created {', '.join(made)}")


def _images(admin):
    known = {image.name for image in admin.image.images()}
    for name in IMAGES.keys() - known:
        # raw, because Glance inspects the content of qcow2 images; nothing boots this one
        admin.image.create_image(
            name,
            data=f"{name}: an image without a disk\n".encode(),
            disk_format="raw",
            container_format="bare",
            visibility="public",
            validate_checksum=False,
            img_config_drive="optional",
            **IMAGES[name],
        )
        yield name


def _guest_images(admin, settings: Settings):
    """Create images that boot: a root file system without a boot loader, and its kernel and ramdisk as images of their own."""
    known = {image.name: image for image in admin.image.images()}
    for name, files in load(settings).items():
        recipe = {"multiport_recipe": files.recipe}
        if name in known:
            if known[name].properties.get("multiport_recipe") == files.recipe:
                continue
            for former in (name, f"{name}-kernel", f"{name}-ramdisk"):
                if former in known:
                    admin.image.delete_image(known[former])
        parts = {}
        for part, kind in (("kernel", "aki"), ("ramdisk", "ari")):
            parts[f"{part}_id"] = admin.image.create_image(
                f"{name}-{part}",
                filename=getattr(files, part),
                disk_format=kind,
                container_format=kind,
                visibility="public",
                validate_checksum=False,
            ).id
        admin.image.create_image(
            name,
            filename=files.disk,
            disk_format="qcow2",
            container_format="bare",
            visibility="public",
            validate_checksum=False,
            img_config_drive="optional",
            hw_machine_type="pc",
            hw_rng_model="virtio",
            os_command_line="root=/dev/vda rw console=ttyS0 loglevel=4",
            **parts,
            **recipe,
            **IMAGES[name],
        )
        yield name


def _flavors(admin):
    known = {flavor.name for flavor in admin.compute.flavors()}
    for name in sorted(FLAVORS.keys() - known):
        vcpus, ram, disk = FLAVORS[name]
        admin.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk)
        yield name


def _networks(admin):
    for name, (shared, cidr, gateway, first, last) in NETWORKS.items():
        network = admin.network.find_network(name)
        if network is None:
            network = admin.network.create_network(
                name=name,
                is_shared=shared,
                is_router_external=True,
                provider_network_type="flat",
                provider_physical_network=name.lower(),  # a physical network can hold one flat network only
            )
            yield name
        if not list(admin.network.subnets(network_id=network.id)):
            admin.network.create_subnet(
                name=name,
                network_id=network.id,
                ip_version=4,
                cidr=cidr,
                gateway_ip=gateway,
                is_dhcp_enabled=False,
                allocation_pools=[{"start": first, "end": last}],
            )


def _keypair(demo, settings: Settings):
    if not settings.private_key.exists():
        key = Ed25519PrivateKey.generate()
        openssh = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        write_private(settings.private_key, openssh.decode())
    private = serialization.load_ssh_private_key(settings.private_key.read_bytes(), password=None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    known = demo.compute.find_keypair(KEYPAIR)
    if known is not None and known.public_key != public:
        demo.compute.delete_keypair(known)
        known = None
    if known is None:
        demo.compute.create_keypair(name=KEYPAIR, public_key=public)
        yield f"key pair {KEYPAIR}"


if __name__ == "__main__":
    run(main)
