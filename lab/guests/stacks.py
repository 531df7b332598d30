"""The four network stacks of the guests: their packages and the commands that restart them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class NetworkStack:
    """One network stack; it has the name of the renderer that cloud-init uses on it.

    Attributes:
        name: Name of the stack in this project.
        user: Login that cloud-init creates, as on the cloud image that it represents.
        packages: Debian packages in addition to those of all guests.
        enable: Units that Debian's package leaves disabled but Debian's cloud images enable.
        restarts: Shell commands that restart it or a part of it; {0} and {1} are replaced with the names of the two interfaces.
        nspawn_restarts: The commands that work in a container too. The others need udev or their own kernel.
        nspawn_adaption: Shell commands that prepare its root file system, $root, for a container.
    """

    name: str
    user: str
    packages: tuple[str, ...]
    enable: tuple[str, ...]
    restarts: tuple[str, ...]
    nspawn_restarts: tuple[str, ...]
    nspawn_adaption: str = ""


# netplan makes networkd match the permanent MAC address, which the veth of a container lacks: match the current one instead.
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
        packages=("ifupdown", "isc-dhcp-client", "net-tools"),  # cloud-init's static routes need route(8) of net-tools
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
    # It also represents the RHEL family, which has this network stack. The userland of that family is not built here.
    NetworkStack(
        "network-manager",
        user="rocky",
        packages=("network-manager",),
        enable=(),
        restarts=("nmcli connection up ifname {0}", "nmcli connection up ifname {1}", "systemctl restart NetworkManager"),
        nspawn_restarts=("nmcli connection up ifname {1}", "systemctl restart NetworkManager"),
    ),
)
