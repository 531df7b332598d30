"""The network stacks that guests of the four kinds run: their packages, and what restarts them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class NetworkStack:
    """What makes a guest one of its kind; its name is the renderer's that cloud-init chooses on it.

    Attributes:
        name: What it is called here.
        user: Whom cloud-init makes the login, as on the cloud image that it stands for.
        packages: Debian packages beyond the common ones.
        enable: Units that Debian's package leaves disabled and Debian's cloud images enable.
        restarts: Shell commands that restart it or a part of it; {0} and {1} stand for the two interfaces' names.
        nspawn_restarts: Those of them that a container can show. The others need udev or a kernel of their own.
        nspawn_adaption: Shell commands that make its root file system, $root, fit for a container.
    """

    name: str
    user: str
    packages: tuple[str, ...]
    enable: tuple[str, ...]
    restarts: tuple[str, ...]
    nspawn_restarts: tuple[str, ...]
    nspawn_adaption: str = ""


# netplan has networkd match the permanent MAC address, which a container's veth does not have: match the current one.
_MATCH_CURRENT_MAC: Final = r"""
generate="$root/usr/libexec/netplan/generate"
[ -e "$generate.real" ] || mv "$generate" "$generate.real"
cat > "$generate" <<'END'
#!/bin/bash
(exec -a "$0" /usr/libexec/netplan/generate.real "$@") || exit
sed -i 's/^PermanentMACAddress=/MACAddress=/' /run/systemd/network/*-netplan-* 2> /dev/null || true
END
chmod 755 "$generate"
"""

STACKS: Final = (
    NetworkStack(
        "ifupdown",
        user="debian",
        packages=("ifupdown", "isc-dhcp-client", "net-tools"),  # cloud-init has it set static routes with route(8), net-tools'
        enable=(),
        restarts=("ifdown {0} && ifup {0}", "ifdown {1} && ifup {1}", "systemctl restart networking"),
        nspawn_restarts=("ifdown {1} && ifup {1}", "systemctl restart networking"),
    ),
    NetworkStack(
        "networkd",
        user="ubuntu",
        packages=("systemd-resolved",),
        enable=("systemd-networkd",),
        restarts=(
            "networkctl reload",
            "networkctl reconfigure {0}",
            "networkctl reconfigure {1}",
            "systemctl restart systemd-networkd",
        ),
        nspawn_restarts=("networkctl reconfigure {1}", "systemctl restart systemd-networkd"),
    ),
    NetworkStack(
        "netplan",
        user="ubuntu",
        packages=("netplan.io", "systemd-resolved"),
        enable=("systemd-networkd",),
        restarts=("netplan apply", "networkctl reload", "systemctl restart systemd-networkd"),
        # netplan apply calls udevadm, which fails in a container.
        nspawn_restarts=("networkctl reconfigure {1}", "systemctl restart systemd-networkd"),
        nspawn_adaption=_MATCH_CURRENT_MAC,
    ),
    # Stands for the RHEL family too: its userland is not built here, its network stack is this one.
    NetworkStack(
        "network-manager",
        user="rocky",
        packages=("network-manager",),
        enable=(),
        restarts=("nmcli connection up ifname {0}", "nmcli connection up ifname {1}", "systemctl restart NetworkManager"),
        nspawn_restarts=("nmcli connection up ifname {1}", "systemctl restart NetworkManager"),
    ),
)
