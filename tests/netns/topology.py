"""A guest behind a router that does what Neutron does: 1:1 NAT, and port security for IP and ARP on every port.

::

    client ── router ──(bridge per subnet)── eth0, eth1, ... of the guest
    198.51.100.2  203.0.113.10 + n to the address of port n    10.0.<subnet>.10 + n, 2001:db8:<subnet>::10 + n
"""

import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

from multiport.guest.files import PLAN_PATH, static_files
from multiport.guest.plan import BootPort, RoutingPlan, plan_text
from tests.netns.namespace import Namespace, Program, wait_until
from tests.netns.traffic import Sender, Server, connects, pings

CLIENT: Final = {4: "198.51.100.2", 6: "2001:db8:ffff::2"}
"""Addresses of the client, off every subnet of the guest."""

SLOT: Final = 37
"""Slot of port 0; each further port has one 16 higher."""

_PREFIX: Final = {4: "10.0.{}.", 6: "2001:db8:{:x}::"}
_LENGTH: Final = {4: 24, 6: 64}


@dataclass(frozen=True)
class Port:
    """A Neutron port."""

    number: int
    subnet: int
    extra: tuple[str, ...] = ()
    """Addresses with prefix length that it may use beside its own."""

    @property
    def device(self) -> str:
        return f"eth{self.number}"

    @property
    def tap(self) -> str:
        return f"tap{self.number}"

    @property
    def mac(self) -> str:
        return f"fa:16:3e:00:00:{self.number + 1:02x}"

    @property
    def slot(self) -> int:
        return SLOT + 16 * self.number

    @property
    def table(self) -> int:
        return 21000 + self.slot

    @property
    def floating_ip(self) -> str:
        return f"203.0.113.{10 + self.number}"

    def address(self, version: int, host: int | None = None) -> str:
        host = 10 + self.number if host is None else host
        return _PREFIX[version].format(self.subnet) + (str(host) if version == 4 else f"{host:x}")

    def cidr(self, version: int, host: int | None = None) -> str:
        return f"{self.address(version, host)}/{_LENGTH[version]}"

    def subnet_cidr(self, version: int) -> str:
        return _PREFIX[version].format(self.subnet) + ("0/24" if version == 4 else "/64")

    def gateway(self, version: int) -> str:
        """The router: IPv6 routers are link-local ones, as their advertisements say."""
        return self.address(4, 1) if version == 4 else "fe80::1"

    def metadata(self, *, hot: bool = False, **more: Iterable[str]) -> str:
        """Return the port's record in the server's metadata."""
        tokens = [f"slot={self.slot}", f"mac={self.mac}", "mtu=1442", *(["hot"] if hot else [])]
        facts = {
            "v4": [self.cidr(4)],
            "gw4": [self.gateway(4)],
            "v6": [self.cidr(6)],
            "gw6": [self.gateway(6)],
            "route": [],
            "vip": [],
            "pair": [],
        } | {name: list(values) for name, values in more.items()}
        return " ".join([*tokens, *(f"{name}={value}" for name, values in facts.items() for value in values)])


@dataclass
class Guest(Namespace):
    """A guest with a /run, /etc, /var/lib and /usr/local/sbin of its own, so that the script runs as installed."""

    def __init__(self) -> None:
        super().__init__("guest")
        self.sh(
            "mount -t tmpfs tmpfs /run;"
            "for folder in /var/lib /usr/local/sbin /usr/local/lib; do mount -t tmpfs tmpfs $folder; done;"
            "mkdir /run/etc /run/work; mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc;"
            "mount -t tmpfs tmpfs /run; mkdir -p /etc/policy-routing"
        )
        for file in static_files():
            self.write(file.path, file.content, mode=f"{file.mode:o}")
        # as first boot does, so that no test pays for unpacking
        self.policy("--help")

    def write(self, path: str, text: str, mode: str = "644") -> None:
        self.run("sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1" && chmod "$2" "$1"', "write", path, mode, text=text)

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout

    def hardware(self, *devices: str) -> None:
        """Make interfaces look like NICs, which a veth does not."""
        self.sh(
            f"mount -t tmpfs tmpfs /sys/class/net; cd /sys/class/net; mkdir -p {' '.join(f'{name}/device' for name in devices)}"
        )

    def policy(self, *arguments: str, check: bool = True) -> Any:
        """Run the script; its exit status must be 0 if ``check``."""
        return self.run("/usr/local/sbin/policy-routing", *arguments, check=check)

    def converged(self) -> bool:
        return bool(self.policy("check", check=False).returncode == 0)

    @contextmanager
    def watching(self) -> Iterator[Program]:
        """Run the watch, and wait until it has done its first work."""
        with self.watching_from_nothing() as watch:
            wait_until(self.converged)
            yield watch

    @contextmanager
    def watching_from_nothing(self) -> Iterator[Program]:
        """Run the watch before the NICs are configured."""
        with tempfile.TemporaryFile("w+") as said:
            watch = self.start("/usr/local/sbin/policy-routing", "watch", output=said)
            wait_until(lambda: self.run("test", "-p", "/run/policy-routing/events", check=False).returncode == 0)
            try:
                yield watch
            finally:
                watch.stop()
                said.seek(0)
                print(said.read())

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.policy("status", "--json", check=False).stdout)
        return found


@dataclass
class Cloud:
    """Client, router and guest with their links up; the guest's addresses are as DHCP or a config drive makes them."""

    ports: list[Port]
    families: tuple[int, ...] = (4, 6)
    configured: bool = True
    """Whether the guest's distribution configures its NICs."""
    guest: Guest = field(init=False)
    router: Namespace = field(init=False)
    client: Namespace = field(init=False)

    def __post_init__(self) -> None:
        self.client, self.router, self.guest = Namespace("client"), Namespace("router"), Guest()
        self.router.veth("ext", self.client, "up0")
        self.router.ip("link set ext up\naddr add 198.51.100.1/24 dev ext\naddr add 2001:db8:ffff::1/64 dev ext nodad\n")
        self.client.ip(
            "link set up0 up\naddr add 198.51.100.2/24 dev up0\naddr add 2001:db8:ffff::2/64 dev up0 nodad\n"
            "route add default via 198.51.100.1\n"
        )
        self.client.ip("route add default via 2001:db8:ffff::1\n", "-6")
        self.router.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
        self._tables()
        for subnet in sorted({port.subnet for port in self.ports}):
            self.add_subnet(subnet)
        for port in self.ports:
            self.plug(port)
        self.plan()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.guest.close()
        self.router.close()
        self.client.close()

    def _tables(self) -> None:
        self.router.run(
            "nft",
            "-f",
            "-",
            text="""
            table netdev security {
              set dropped4 { type ifname . ipv4_addr . ipv4_addr; size 100; flags dynamic; }
              set dropped6 { type ifname . ipv6_addr . ipv6_addr; size 100; flags dynamic; }
              set dropped_arp { type ifname . ipv4_addr . ipv4_addr; size 100; flags dynamic; }
            }
            table ip nat {
              map in { type ipv4_addr : ipv4_addr; }
              map out { type ipv4_addr : ipv4_addr; }
              chain prerouting { type nat hook prerouting priority dstnat; dnat to ip daddr map @in; }
              chain postrouting { type nat hook postrouting priority srcnat; oifname ext snat to ip saddr map @out; }
            }""",
        )

    def add_subnet(self, subnet: int) -> None:
        """Make a network with one subnet per family, and the router's interface on it."""
        port, name = Port(0, subnet), f"br{subnet}"
        self.router.ip(
            # Its own address: else it is the least of its ports', and changes as they come and go.
            f"link add {name} address 02:00:00:00:01:{subnet:02x} type bridge forward_delay 0 mcast_snooping 0\n"
            f"link set {name} up\n"
            f"addr add {port.cidr(4, 1)} dev {name}\n"
            f"addr add {port.cidr(6, 1)} dev {name} nodad\naddr add fe80::1/64 dev {name} nodad\n"
        )

    def plug(self, port: Port) -> None:
        """Attach a port: its NIC appears in the guest, unconfigured unless the distribution does that."""
        allowed = {
            version: ", ".join(
                [port.address(version), *(x.partition("/")[0] for x in port.extra if (":" in x) == (version == 6))]
            )
            for version in (4, 6)
        }
        self.router.veth(port.tap, self.guest, port.device, port.mac)
        self.router.ip(f"link set {port.tap} master br{port.subnet} up\n")
        self.router.run(
            "nft",
            "-f",
            "-",
            text=f"""
            table netdev security {{
              counter {port.tap} {{ }}
              set {port.tap}v4 {{ type ipv4_addr; elements = {{ {allowed[4]} }} }}
              set {port.tap}v6 {{ type ipv6_addr; elements = {{ {allowed[6]} }} }}
              chain {port.tap} {{
                type filter hook ingress device {port.tap} priority 0
                ether saddr != {port.mac} counter name {port.tap} drop
                arp saddr ether != {port.mac} counter name {port.tap} drop
                arp saddr ip != @{port.tap}v4 arp saddr ip != 0.0.0.0 counter name {port.tap} \
                  update @dropped_arp {{ iifname . arp saddr ip . arp daddr ip }} drop
                ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
                ip saddr != @{port.tap}v4 counter name {port.tap} update @dropped4 {{ iifname . ip saddr . ip daddr }} drop
                ip6 saddr {{ ::, fe80::/10 }} accept
                ip6 saddr != @{port.tap}v6 counter name {port.tap} update @dropped6 {{ iifname . ip6 saddr . ip6 daddr }} drop
              }}
            }}
            add element ip nat in {{ {port.floating_ip} : {port.address(4)} }}
            add element ip nat out {{ {port.address(4)} : {port.floating_ip} }}""",
        )
        if self.configured:
            self.configure(port)

    def unplug(self, port: Port) -> None:
        self.router.run(
            "nft",
            "-f",
            "-",
            text=f"delete chain netdev security {port.tap}; delete counter netdev security {port.tap};"
            f"delete set netdev security {port.tap}v4; delete set netdev security {port.tap}v6;"
            f"delete element ip nat in {{ {port.floating_ip} }}; delete element ip nat out {{ {port.address(4)} }}",
        )
        self.router.ip(f"link del {port.tap}\n")

    def configure(self, port: Port, device: str | None = None) -> None:
        """Do what a DHCP client and router advertisements do: address, subnet and a default route by order of the port."""
        device = device or port.device
        self.guest.ip(f"link set {device} up\n")
        for version in self.families:
            self.guest.ip(
                f"addr replace {port.cidr(version)} dev {device}{' nodad' if version == 6 else ''}\n"
                f"route replace default via {port.gateway(version)} dev {device} proto 16 metric {100 + port.number}\n",
                f"-{version}",
            )
        if self.guest.sh(f"cat /sys/class/net/{device}/carrier || :").strip() == "1":
            self._await_link(port, device)

    def _await_link(self, port: Port, device: str) -> None:
        """Wait until the network itself is ready: on a busy machine this takes longer than the guest's program does."""
        # the router's bridge hears of the carrier some time after the guest has it
        wait_until(lambda: "state forwarding" in self.router.sh(f"bridge link show dev {port.tap}"))
        if 6 in self.families:  # the kernel answers for an IPv6 address some time after it has taken it
            local = f"ip -6 route show table local {port.address(6)} dev {device}"
            wait_until(lambda: self.guest.sh(local).strip())

    def plan(self, ports: Iterable[Port] | None = None) -> None:
        """Write the guest's plan: all ports, the first one primary."""
        chosen = [*(self.ports if ports is None else ports)]
        boot = tuple(BootPort(port.slot, port.mac, primary=port is chosen[0]) for port in chosen)
        self.guest.write(PLAN_PATH, plan_text(RoutingPlan(boot)))

    def metadata(self, records: Mapping[str, object]) -> None:
        """Write what the guest keeps of its metadata."""
        text = "".join(f"{key} {value}\n" for key, value in records.items())
        self.guest.write("/var/lib/policy-routing/metadata", f"multiport-metadata 1 service any\n{text}")

    def floating(self) -> list[str]:
        """What the client reaches the guest by: every floating IP and, without NAT, every IPv6 address."""
        return [
            *(port.floating_ip for port in self.ports if 4 in self.families),
            *(port.address(6) for port in self.ports if 6 in self.families),
        ]

    def connects(self, count: int, addresses: Iterable[str] | None = None) -> dict[str, int]:
        """Count answered TCP connections from the client to each address."""
        server = self.guest.call(Server)
        try:
            return self.client.call(connects, self.floating() if addresses is None else list(addresses), count)
        finally:
            server.stop()

    def await_answers(self, addresses: Iterable[str] | None = None) -> None:
        """Wait until every address answers once after a link came up: bridges and neighbour discovery need up to a second."""
        expected = dict.fromkeys(self.floating() if addresses is None else addresses, 1)
        wait_until(lambda: self.pings(1, expected) == expected)

    def pings(self, count: int, addresses: Iterable[str] | None = None, interval: float = 0.002) -> dict[str, int]:
        """Count answered echo requests from the client to each address."""
        return self.client.call(pings, self.floating() if addresses is None else list(addresses), count, interval)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send from every address all the while; in the end, port security must have dropped nothing."""
        sources = [port.address(version) for port in self.ports for version in self.families]
        before = self.spoofed()
        sender = self.guest.call(Sender, sources, CLIENT)
        try:
            yield
        finally:
            assert sender.stop() > 0
        assert self.spoofed() == before

    def spoofed(self) -> dict[str, int]:
        """Count what port security has dropped, by the port's tap."""
        listed = json.loads(self.router.run("nft", "--json", "list", "counters", "table", "netdev", "security").stdout)
        counters = [item["counter"] for item in listed["nftables"] if "counter" in item]
        return {counter["name"]: counter["packets"] for counter in counters}

    def dropped(self) -> str:
        """Tell what port security has dropped: tap, source and destination, of IPv4, IPv6 and ARP."""
        return self.router.run("nft", "list", "sets", "netdev").stdout


def wait_for_state(guest: Guest, wanted: list[str]) -> float:
    """Wait until the kernel is as it was, and return how many seconds that took; what differs is in the failure."""
    start = time.monotonic()
    while (state := kernel_state(guest)) != wanted:
        if time.monotonic() - start > 15:
            assert state == wanted
        time.sleep(0.01)
    return time.monotonic() - start


_VOLATILE: Final = re.compile(r" expires \d+sec|\n +valid_lft [^\n]*| qdisc \S+")


def kernel_state(namespace: Namespace, *, links: bool = True) -> list[str]:
    """Return all that the script could change: links, addresses, rules, routes and sysctls, without what time changes.

    Sorted: the order of rules is in their priorities, and equal IPv6 routes on two links follow the links' ups and downs.
    """
    text = namespace.sh(
        "ip -N -d route show table all; ip -N -d -6 route show table all; ip -N rule; ip -N -6 rule;"
        + (
            "ip -N addr; cd /proc/sys/net; for dir in ipv4/conf/* ipv6/conf/*; do"
            " grep -H . $dir/arp_* $dir/rp_filter $dir/src_valid_mark $dir/ndisc_notify 2>/dev/null || :; done"
            if links
            else ""
        )
    )
    return sorted(_VOLATILE.sub("", text).splitlines())
