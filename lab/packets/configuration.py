"""Options that differ from the lab without packets: Neutron's ML2/OVN, Nova's libvirt driver, OVN's metadata agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import configuration
from lab.packets.daemons import MARIADB_SOCKET, NORTHBOUND, OPEN_VSWITCH, SOUTHBOUND
from lab.packets.namespaces import HOST, holder
from lab.packets.outside import RESOLVER_ADDRESS
from lab.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.configuration import Section
    from lab.settings import Settings

METADATA_PORT = 8775
"""TCP port of Nova's metadata API, on the loopback interface of the host namespace."""
_OVERCOMMITMENT = 32.0
"""Nova's allocation ratios: guests use little of what their flavors reserve."""


def changes(settings: Settings) -> Mapping[str, Mapping[str, Section]]:
    """Return the options by service, section and option."""
    return {"neutron": _neutron(), "nova": _nova(settings)}


def agent_file(settings: Settings) -> Path:
    """Return the path of the metadata agent's configuration."""
    return settings.etc("neutron") / "metadata-agent.conf"


def write_agent(settings: Settings) -> None:
    """Write the metadata agent's configuration."""
    data = settings.data("neutron")
    sections: dict[str, Section] = {
        "DEFAULT": {
            "state_path": data / "agent",
            "host": "lab",
            "transport_url": configuration.IN_PROCESS,
            "nova_metadata_host": "127.0.0.1",
            "nova_metadata_port": METADATA_PORT,
            "metadata_proxy_shared_secret": settings.service_password,
            "metadata_proxy_socket": "/run/metadata-proxy",
            "metadata_workers": 0,
        },
        "AGENT": {"root_helper": "env"},
        "ovn": {"ovn_sb_connection": f"unix:{SOUTHBOUND}", "ovn_nb_connection": f"unix:{NORTHBOUND}"},
        "ovs": {"ovsdb_connection": f"unix:{OPEN_VSWITCH}"},
        "oslo_concurrency": {"lock_path": data / "lock"},
    }
    write_private(agent_file(settings), configuration.ini(sections))


def _neutron() -> dict[str, Section]:
    return {
        "DEFAULT": {"service_plugins": "ovn-router"},
        "database": {
            # MariaDB instead of SQLite: the OVN driver writes from several threads, and SQLite would block it
            "connection": f"mysql+pymysql://root@localhost/neutron?unix_socket={MARIADB_SOCKET}&charset=utf8mb4",
            "max_pool_size": 20,
        },
        "ml2": {"mechanism_drivers": "ovn"},
        "ovn": {
            "ovn_nb_connection": f"unix:{NORTHBOUND}",
            "ovn_sb_connection": f"unix:{SOUTHBOUND}",
            "ovn_metadata_enabled": "true",
            "enable_distributed_floating_ip": "false",
            "dns_servers": RESOLVER_ADDRESS,
        },
    }


def _nova(settings: Settings) -> dict[str, Section]:
    configuration_file = configuration.config_file(settings, "nova")
    # Nova reaches the other services on the machine's loopback, but its privileged helper must work in the host's network.
    helper = {
        "helper_command": f"nsenter --net=/proc/{holder(settings, HOST).pid}/ns/net"
        f" {settings.venv}/bin/privsep-helper --config-file {configuration_file}",
    }
    return {
        "DEFAULT": {
            "compute_driver": "libvirt.LibvirtDriver",
            "vif_plugging_is_fatal": "true",
            # A dozen emulated guests that boot at the same time load two cores, and libvirt, for minutes.
            "vif_plugging_timeout": 300,
            "rpc_response_timeout": 300,
            "long_rpc_timeout": 600,
            "max_concurrent_builds": 2,
            "resume_guests_state_on_host_boot": "true",
            "force_raw_images": "false",
            "mkisofs_cmd": "genisoimage",
            "config_drive_format": "iso9660",
            "metadata_workers": 1,
            "initial_cpu_allocation_ratio": _OVERCOMMITMENT,
            "initial_ram_allocation_ratio": _OVERCOMMITMENT,
            "initial_disk_allocation_ratio": _OVERCOMMITMENT,
        },
        "libvirt": {
            "virt_type": "qemu",  # emulation by TCG, so that guests behave the same with and without /dev/kvm
            "cpu_mode": "none",
            "tb_cache_size": 256,
            "images_type": "qcow2",
            "mem_stats_period_seconds": 0,
            "disk_cachemodes": '"file=unsafe"',
            "hw_machine_type": "x86_64=pc",  # pc has IDE for config drives; Debian's cloud kernel lacks the SATA driver for q35
            "num_pcie_ports": 0,
        },
        "neutron": {"service_metadata_proxy": "true", "metadata_proxy_shared_secret": settings.service_password},
        "os_vif_ovs": {"ovsdb_connection": f"unix:{OPEN_VSWITCH}"},
        "nova_sys_admin": helper,
        "vif_plug_ovs_privileged": helper,
        "privsep_osbrick": helper,
        "spice": {"enabled": "false"},
        "serial_console": {"enabled": "false"},
    }
