"""What a guest has around it on OpenStack: router with floating IPs, DHCP, port security, metadata service, an outside client."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Final, Self

from tests.guests import namespaces
from tests.guests.namespaces import inside, run
from tests.guests.probes import Prober, icmp_socket

GATEWAY: Final = IPv4Interface("192.168.0.1/24")
"""The router's address on the guests' network."""

METADATA_PORT: Final = IPv4Interface("192.168.0.2/24")
"""The address that OVN's metadata port has there: DHCP sends 169.254.169.254 that way."""

MTU: Final = 1442
"""What Neutron gives a Geneve network on a physical one of 1500 bytes."""

LEASE: Final = "12h"
"""What Neutron writes into OVN's DHCP options: 43200 s."""

_OUTSIDE: Final = IPv4Interface("198.51.100.1/24")
_CLIENT: Final = IPv4Interface("198.51.100.10/24")

# As OVN's port security: what a port sends bears the port's own addresses, or it goes nowhere.
_NFT: Final = """
table bridge port_security {{
  set owned {{ type ifname . ether_addr . ipv4_addr; elements = {{ {owned} }} }}
  set spoofed {{ type ifname . ipv4_addr . ipv4_addr; flags dynamic; size 1024; counter; }}
  chain prerouting {{
    type filter hook prerouting priority -300;
    iifname != "port-*" accept
    ether type arp iifname . ether saddr . arp saddr ip @owned accept
    ether type arp arp saddr ip 0.0.0.0 drop
    ether type arp add @spoofed {{ iifname . arp saddr ip . arp daddr ip }} drop
    ip saddr 0.0.0.0 ip protocol igmp drop # RFC 3376, 4.2.13: a report while there is no address
    ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept
    ether type ip iifname . ether saddr . ip saddr @owned accept
    ether type ip add @spoofed {{ iifname . ip saddr . ip daddr }} drop
  }}
}}
table ip floating_ips {{
  map to_fixed {{ type ipv4_addr : ipv4_addr; elements = {{ {to_fixed} }} }}
  map to_floating {{ type ipv4_addr : ipv4_addr; elements = {{ {to_floating} }} }}
  chain prerouting {{ type nat hook prerouting priority dstnat; dnat to ip daddr map @to_fixed; }}
  chain postrouting {{ type nat hook postrouting priority srcnat; oifname "outside" snat to ip saddr map @to_floating; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nic:
    """A port of the guest, with its floating IP.

    Attributes:
        key: The port's key.
        slot: Number of its routing table.
        mac: Its MAC address.
        address: Its fixed IP.
        floating_ip: What the outside client knows it by.
        hot: Whether it is attached to the running guest.
    """

    key: str
    slot: int
    mac: str
    address: IPv4Interface
    floating_ip: IPv4Address
    hot: bool = False

    @property
    def port(self) -> str:
        """The bridge's end of it."""
        return f"port-{self.key}"


@dataclass
class Network:
    """One network and what surrounds it, in namespaces of this process; a context manager.

    Attributes:
        nics: Every port that will ever be on it.
        dhcp: Whether the network has DHCP.
        folder: Where the metadata service's answers lie.
        router: Namespace of the router and the bridge that the ports are on.
        client: Namespace of the outside client.
        prober: Asks every floating IP, all the time, whether it answers.
    """

    nics: Sequence[Nic]
    dhcp: bool
    folder: Path
    router: str = field(init=False, default="")
    client: str = field(init=False, default="")
    prober: Prober = field(init=False)
    _leases: dict[IPv4Address, float] = field(init=False, default_factory=dict)
    _processes: list[subprocess.Popen[str]] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        namespaces.delete_orphans()
        self.router, self.client = namespaces.add("router"), namespaces.add("client")
        try:
            self._connect()
            self._filter()
            self._serve()
            self.prober = Prober(namespaces.call(self.client, icmp_socket), [nic.floating_ip for nic in self.nics])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "prober"):
            self.prober.stop()
        for process in self._processes:
            process.terminate()
            process.wait(10)
        for namespace in (self.client, self.router):
            namespaces.delete(namespace)

    def attach(self, port: str) -> None:
        """Put an interface of the router's namespace on the bridge."""
        run("ip", "-n", self.router, "link", "set", port, "master", "bridge", "up")

    def leased(self, nic: Nic, since: float) -> float | None:
        """When the DHCP server last acknowledged the port's lease, if it did so after a time (both in seconds of Unix time)."""
        at = self._leases.get(nic.address.ip, 0.0)
        return at if at > since else None

    def tell(self, metadata: dict[str, object]) -> None:
        """Have the metadata service answer with another meta_data.json."""
        path = self.folder / "openstack" / "latest" / "meta_data.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(metadata))
        fresh.rename(path)

    def spoofed(self) -> dict[str, int]:
        """Packets and ARP requests that port security has dropped: how many of each port, source and destination."""
        answer = run(*inside(self.router, "nft", "--json", "list", "set", "bridge", "port_security", "spoofed"))
        elements = next(each["set"] for each in json.loads(answer)["nftables"] if "set" in each).get("elem", [])
        return {"{} {} -> {}".format(*each["elem"]["val"]["concat"]): each["elem"]["counter"]["packets"] for each in elements}

    def _connect(self) -> None:
        for command in (
            f"link add bridge address 02:00:00:00:00:01 mtu {MTU} type bridge forward_delay 0",
            "link set bridge up",
            f"address add {GATEWAY} dev bridge",
            f"address add {METADATA_PORT} dev bridge",
            "address add 169.254.169.254/32 dev lo",
            f"link add outside type veth peer name eth0 netns {self.client}",
            "link set outside up",
            f"address add {_OUTSIDE} dev outside",
            *(f"address add {nic.floating_ip}/32 dev outside" for nic in self.nics),
        ):
            run("ip", "-n", self.router, *command.split())
        run("ip", "-n", self.client, "link", "set", "eth0", "up")
        run("ip", "-n", self.client, "address", "add", str(_CLIENT), "dev", "eth0")

    def _filter(self) -> None:
        rules = _NFT.format(
            owned=", ".join(f'"{nic.port}" . {nic.mac} . {nic.address.ip}' for nic in self.nics),
            to_fixed=", ".join(f"{nic.floating_ip} : {nic.address.ip}" for nic in self.nics),
            to_floating=", ".join(f"{nic.address.ip} : {nic.floating_ip}" for nic in self.nics),
        )
        run(*inside(self.router, "nft", "--file", "-"), given=rules)
        settings = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.bridge.rp_filter=0"]
        if Path("/proc/sys/net/bridge").exists():  # else frames on the bridge pass the router's rules
            settings.append("net.bridge.bridge-nf-call-iptables=0")
        run(*inside(self.router, "sysctl", "--quiet", "--write", *settings))

    def _serve(self) -> None:
        metadata = [sys.executable, "-m", "http.server", "--bind", "169.254.169.254", "--directory", str(self.folder), "80"]
        self._start(metadata, subprocess.DEVNULL)
        if self.dhcp:
            routes = f"169.254.169.254/32,{METADATA_PORT.ip},0.0.0.0/0,{GATEWAY.ip}"
            server = self._start(
                [
                    *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=0"),
                    *("--user=root", "--pid-file=", "--interface=bridge", "--bind-interfaces", "--dhcp-authoritative"),
                    *("--no-ping", "--leasefile-ro", "--log-facility=-", f"--dhcp-range={GATEWAY.network[0]},static,{LEASE}"),
                    f"--dhcp-option=option:router,{GATEWAY.ip}",
                    f"--dhcp-option=option:mtu,{MTU}",
                    f"--dhcp-option=option:classless-static-route,{routes}",
                    *(f"--dhcp-host={nic.mac},{nic.address.ip}" for nic in self.nics),
                ],
                subprocess.PIPE,
            )
            threading.Thread(target=self._note_leases, args=(server,), daemon=True).start()

    def _note_leases(self, server: subprocess.Popen[str]) -> None:
        for line in server.stderr or ():
            if found := re.search(r"DHCPACK\(\S+\) (\S+)", line):
                self._leases[IPv4Address(found[1])] = time.time()

    def _start(self, command: list[str], stderr: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            inside(self.router, *command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, text=True
        )
        self._processes.append(process)
        return process
