"""Real DHCP and router advertisements: dnsmasq on the router, dhclient and the kernel in the guest."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.netns.namespace import Program, wait_until
from tests.netns.topology import Cloud, Port, kernel_state, wait_for_state

PORTS = [Port(0, 1, extra=("10.0.1.110/24",)), Port(1, 1, extra=("10.0.1.111/24",))]


@contextmanager
def dnsmasq(cloud: Cloud, folder: Path, *options: str) -> Iterator[Path]:
    """Serve the router's first bridge; yields the log."""
    log = folder / "dnsmasq.log"
    with log.open("a") as output:
        server = cloud.router.start(
            "dnsmasq",
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--user=root",
            "--pid-file=",
            "--port=0",
            "--interface=br1",
            f"--dhcp-leasefile={folder}/leases",
            *options,
            output=output,
        )
        try:
            wait_until(lambda: "DHCP, " in log.read_text(encoding="utf-8") or "advertisement" in log.read_text(encoding="utf-8"))
            yield log
        finally:
            server.stop()


def leases(host: int = 10) -> list[str]:
    """Fixed addresses, as Neutron gives them; T1 is as short as dhclient allows, so that it renews all the time."""
    fixed = [f"--dhcp-host={port.mac},{port.address(4, host + port.number)}" for port in PORTS]
    return [
        "--dhcp-authoritative",
        "--dhcp-range=10.0.1.0,static,255.255.255.0,120",
        "--dhcp-option=option:T1,5s",
        "--dhcp-option=option:T2,100",
        *fixed,
    ]


@contextmanager
def dhclients(cloud: Cloud) -> Iterator[None]:
    cloud.guest.sh("mkdir -p /var/lib/dhcp")
    asked = "subnet-mask, broadcast-address, routers, dhcp-lease-time, dhcp-renewal-time, dhcp-rebinding-time"
    cloud.guest.write("/etc/dhclient.conf", f"request {asked};\n")
    programs: list[Program] = []
    try:
        for port in PORTS:
            files = ["-lf", f"/var/lib/dhcp/dhclient.{port.device}.leases", "-pf", f"/run/dhclient.{port.device}.pid"]
            programs.append(cloud.guest.start("dhclient", "-4", "-d", "-cf", "/etc/dhclient.conf", *files, port.device))
            wait_until(lambda: "inet " in cloud.guest.sh(f"ip -4 addr show dev {port.device}"))
        yield
    finally:
        for program in programs:
            program.stop()


def test_ten_renewals_lose_nothing(tmp_path: Path) -> None:
    """No metadata here: dhclient fails to add the second default, so the second gateway is known from the lease alone."""
    with Cloud(PORTS, families=(4,), configured=False) as cloud, dnsmasq(cloud, tmp_path, *leases()) as log:
        with cloud.guest.watching_from_nothing(), dhclients(cloud):
            wait_until(cloud.guest.converged)
            assert cloud.guest.sh("ip route show default proto boot").count("\n") == 1
            assert "10.0.1.1 dev eth1" in cloud.guest.sh("ip route show default table 21053")
            acks = log.read_text(encoding="utf-8").count("DHCPACK")
            lost = 600
            # 600 to each, for as long as it takes to renew ten times
            answered: list[dict[str, int]] = []
            thread = threading.Thread(target=lambda: answered.append(cloud.pings(600, interval=0.025)))
            thread.start()
            wait_until(lambda: log.read_text(encoding="utf-8").count("DHCPACK") >= acks + 10, 60)
            thread.join()
            assert answered == [dict.fromkeys(cloud.floating(), lost)]
            assert cloud.spoofed() == {"tap0": 0, "tap1": 0}


def test_a_lease_with_another_address(tmp_path: Path) -> None:
    with Cloud(PORTS, families=(4,), configured=False) as cloud, cloud.guest.watching_from_nothing():
        with dnsmasq(cloud, tmp_path, *leases()), dhclients(cloud):
            wait_until(cloud.guest.converged)
            rules = cloud.guest.sh("ip rule")
            assert "10.0.1.11 " in rules
        with dnsmasq(cloud, tmp_path, *leases(110)), dhclients(cloud):
            wait_until(lambda: "10.0.1.111 " in cloud.guest.sh("ip rule"), 30)
            wait_until(cloud.guest.converged)
            assert "10.0.1.11 " not in cloud.guest.sh("ip rule")
            assert "10.0.1.111 " in cloud.guest.sh("ip rule")


def slaac(port: Port) -> str:
    """The address that the kernel makes of a prefix and the MAC address (RFC 4291, appendix A)."""
    octets = [int(octet, 16) for octet in port.mac.split(":")]
    octets[0] ^= 2
    words = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    return f"2001:db8:{port.subnet}:0:" + ":".join(f"{words[i] << 8 | words[i + 1]:x}" for i in range(0, 8, 2))


@pytest.mark.parametrize("layout", [(1, 1)])
def test_router_advertisements(layout: tuple[int, ...], tmp_path: Path) -> None:
    ports = [Port(number, subnet) for number, subnet in enumerate(layout)]
    ports = [Port(port.number, port.subnet, extra=(slaac(port) + "/64",)) for port in ports]
    with Cloud(ports, configured=False) as cloud:
        cloud.guest.ip("".join(f"link set {port.device} up\n" for port in ports))
        with (
            cloud.guest.watching_from_nothing(),
            dnsmasq(cloud, tmp_path, "--enable-ra", "--dhcp-range=::,constructor:br1,ra-only", "--ra-param=br1,4,60") as log,
        ):
            addresses = [slaac(port) for port in ports]
            wait_until(lambda: all(address in cloud.guest.sh("ip -6 rule") for address in addresses), 30)
            wait_until(cloud.guest.converged)
            assert cloud.pings(100, addresses) == dict.fromkeys(addresses, 100)
            assert "via fe80" in cloud.guest.sh("ip -6 route show default table 21053")
            state = kernel_state(cloud.guest)
            seen = log.read_text(encoding="utf-8").count("RTR-ADVERT")
            wait_until(lambda: log.read_text(encoding="utf-8").count("RTR-ADVERT") >= seen + 2, 60)
            wait_for_state(cloud.guest, state)
            # Another router takes over: its advertisement, not ours, says so.
            cloud.router.ip("addr add 2001:db8:7::1/64 dev br1 nodad\n")
            wait_until(lambda: "2001:db8:7::/64" in cloud.guest.sh("ip -6 route show table 21053"), 30)
            wait_until(cloud.guest.converged)
            assert cloud.spoofed() == {port.tap: 0 for port in ports}
