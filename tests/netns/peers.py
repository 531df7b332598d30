"""What the peers leave in the kernel for two NICs, replayed on top of what their DHCP client makes.

Written after reading how each decides (amazon-ec2-net-utils 2.x lib.sh, cloud-init's DataSourceEc2, NetworkManager's
nm-cloud-setup, the guide that this project comes from). First port: number 0, the primary; second: number 1.
"""

from collections.abc import Callable
from typing import Final

from tests.netns.topology import Cloud


def guide(cloud: Cloud, version: int) -> None:
    """The source guide's script: the second NIC's routes move to a table, with from, oif and iif rules."""
    port = cloud.ports[1]
    cloud.guest.ip(
        f"route del default dev {port.device}\nroute del {port.subnet_cidr(version)} dev {port.device}\n"
        f"route add {port.subnet_cidr(version)} dev {port.device} table 1 metric 101\n"
        f"route add default via {port.gateway(version)} dev {port.device} table 1 metric 101\n"
        f"rule add from {port.address(version)} lookup 1\n"
        f"rule add oif {port.device} lookup 1\nrule add iif {port.device} lookup 1\n",
        f"-{version}",
    )


def amazon_ec2_net_utils(cloud: Cloud, version: int) -> None:
    """networkd drop-ins: what DHCP or RA give the second NIC goes to table 10001, with a rule for its address."""
    port = cloud.ports[1]
    cloud.guest.ip(
        f"route del default dev {port.device}\n"
        f"route add default via {port.gateway(version)} dev {port.device} table 10001{' onlink' if version == 4 else ''}\n"
        f"rule add from {port.address(version)} lookup 10001 pref 10001\n",
        f"-{version}",
    )


def cloud_init_ec2(cloud: Cloud, version: int) -> None:
    """Netplan: table 101 with subnet and, for IPv4 only, gateway; a rule without priority; main keeps both defaults."""
    port = cloud.ports[1]
    default = f"route add default via {port.gateway(4)} dev {port.device} table 101\n"
    cloud.guest.ip(
        f"route add {port.subnet_cidr(version)} dev {port.device} table 101\n{default if version == 4 else ''}"
        f"rule add from {port.address(version)} lookup 101\n",
        f"-{version}",
    )


def nm_cloud_setup(cloud: Cloud, version: int) -> None:
    """NetworkManager: for each NIC a table for its subnet, then all of main but its defaults, then one for the gateway."""
    if version == 6:
        return
    for index, port in enumerate(cloud.ports):
        cloud.guest.ip(
            f"route add {port.subnet_cidr(4)} dev {port.device} table {30200 + index} metric 10\n"
            f"route add default via {port.gateway(4)} dev {port.device} table {30400 + index} metric 10\n"
            f"rule add from {port.address(4)} lookup {30200 + index} pref {30200 + index}\n"
            f"rule add from {port.address(4)} lookup {30400 + index} pref {30400 + index}\n",
            "-4",
        )
    cloud.guest.ip("rule add lookup main suppress_prefixlength 0 pref 30350\n", "-4")


def multiport(cloud: Cloud, version: int) -> None:
    """Ours; one apply does both families."""
    if version == 4:
        cloud.guest.policy("apply")


PEERS: Final[dict[str, Callable[[Cloud, int], None]]] = {
    "source guide": guide,
    "amazon-ec2-net-utils": amazon_ec2_net_utils,
    "cloud-init (EC2)": cloud_init_ec2,
    "nm-cloud-setup": nm_cloud_setup,
    "multiport": multiport,
}
"""Name and what it does, per address family."""
