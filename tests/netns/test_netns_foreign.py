"""What is not ours stays as it is, byte for byte; what is ours goes without a trace; and check misses nothing."""

import re

import pytest

from tests.netns.namespace import Namespace, wait_until
from tests.netns.topology import CLIENT, Cloud, Port, kernel_state

PORTS = [Port(0, 1), Port(1, 1)]

FOREIGN = {
    4: """
        rule add pref 9 fwmark 0x200/0xf00 lookup 2004
        rule add pref 100 from all lookup local
        rule add pref 512 to 10.200.0.5 lookup main
        rule add pref 1536 from 10.200.0.6 lookup 2
        rule add pref 10001 from 192.0.2.7 lookup 10001
        rule add pref 25000 from 192.0.2.8 lookup 52 proto 4
        rule add pref 30000 from 192.0.2.9 lookup 53 proto 77
        rule add pref 32764 not fwmark 0xca6c lookup 51820
        rule add pref 32765 lookup main suppress_prefixlength 0
        rule add from 192.0.2.10 lookup 54
        route add local 0.0.0.0/0 dev lo table 2004
        route add default via 10.0.1.1 dev eth1 table 10001 proto 4
        route add 10.200.0.0/16 dev cilium0
        route add 198.18.0.0/15 via 10.0.1.99 dev eth0 proto 12 metric 32
        route add 10.201.0.0/16 dev cilium0 table 51820
        route add blackhole 10.202.0.0/16
        route add default dev cilium0 metric 7000
    """,
    6: """
        rule add pref 9 fwmark 0x200/0xf00 lookup 2004
        rule add pref 25000 from 2001:db8:88::8 lookup 52 proto 4
        rule add pref 32764 not fwmark 0xca6c lookup 51820
        rule add pref 32765 lookup main suppress_prefixlength 0
        route add local default dev lo table 2004
        route add default via fe80::1 dev eth1 table 10001 proto 4
        route add 2001:db8:200::/48 dev cilium0
        route add 2001:db8:201::/48 via fe80::99 dev eth0 proto 12 metric 32
        route add unreachable 2001:db8:202::/48
    """,
}
"""Rules and tables as Cilium, WireGuard's wg-quick, AWS's CNI, BIRD and administrators make them.

Protocols by number only: in one batch, ip 6.1 takes a name for the number before it.
"""


def add_foreign(cloud: Cloud) -> None:
    cloud.guest.ip("link add cilium0 type bridge\nlink set cilium0 up\naddr add 10.200.0.1/32 dev cilium0\n")
    for version, lines in FOREIGN.items():
        cloud.guest.ip("\n".join(line.strip() for line in lines.splitlines() if line.strip()) + "\n", f"-{version}")
    # the kernel gives the bridge its link-local address and the routes of it some time after it is up
    wait_until(lambda: "fe80::" in cloud.guest.sh("ip -6 route show table local dev cilium0"))
    wait_until(lambda: "tentative" not in cloud.guest.sh("ip -6 addr show dev cilium0"))


def foreign_state(cloud: Cloud) -> str:
    """Everything but our tables, our rules and our default, exactly as it is listed."""
    listed = cloud.guest.sh("ip -N -d rule; ip -N -d -6 rule; ip -N -d route show table all; ip -N -d -6 route show table all")
    ours = re.compile(r" table 21\d\d\d |^2[1-9]\d\d\d:.* (proto 77|7 proto 2)\b|^1 default .*table 254 proto 77 ")
    return "\n".join(line for line in listed.splitlines() if not ours.search(line))


def test_foreign_rules_and_routes() -> None:
    with Cloud(PORTS) as cloud:
        add_foreign(cloud)
        before, everything = foreign_state(cloud), kernel_state(cloud.guest)
        assert before.count("\n") > 50
        cloud.guest.policy("apply")
        assert foreign_state(cloud) == before
        with cloud.guest.watching():
            cloud.guest.ip("route flush table 21037\nroute flush table 21053\n")
            wait_until(cloud.guest.converged)
            assert foreign_state(cloud) == before
        cloud.guest.policy("down")
        assert foreign_state(cloud) == before
        assert kernel_state(cloud.guest) == everything


def test_down_and_apply_again_are_an_identity() -> None:
    with Cloud(PORTS) as cloud:
        cloud.guest.sh("ip link set eth0 group 5; echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter")
        untouched = kernel_state(cloud.guest)
        states = []
        for _ in range(3):
            cloud.guest.policy("apply")
            states.append(kernel_state(cloud.guest))
            cloud.guest.policy("down")
            assert kernel_state(cloud.guest) == untouched
        assert states[0] == states[1] == states[2]
        assert states[0] != untouched


def test_dry_run_tells_and_does_nothing() -> None:
    with Cloud(PORTS) as cloud:
        untouched = kernel_state(cloud.guest)
        told = cloud.guest.policy("apply", "--dry-run").stdout
        assert kernel_state(cloud.guest) == untouched
        cloud.guest.sh("\n".join(line for line in told.splitlines() if line.startswith("ip ") and " rule " not in line))
        cloud.guest.policy("apply")
        applied = kernel_state(cloud.guest)
        told = cloud.guest.policy("down", "--dry-run").stdout
        assert kernel_state(cloud.guest) == applied
        assert told.count("rule del") == 2 * (5 * 2 + 2)


MUTATIONS = {
    "rule deleted": "ip rule del pref 21592",
    "rule added": "ip rule add pref 21599 from 10.0.1.10 lookup 21037 proto 77",
    "rule changed": "ip rule del pref 21594; ip rule add pref 21594 from 10.0.1.10 lookup 21053 proto 77",
    "rule doubled with another protocol": "ip rule add pref 21594 from 10.0.1.10 lookup 21037 proto static",
    "unreachable rule deleted": "ip -6 rule del pref 21595",
    "default of a table deleted": "ip route del default table 21053",
    "route with another gateway": "ip route replace default via 10.0.1.77 dev eth1 metric 101 proto 77 table 21053",
    "route through another port": "ip route add 192.0.2.0/24 via 10.0.1.1 dev eth0 table 21053",
    "IPv6 table flushed": "ip -6 route flush table 21053",
    "pinned default deleted": "ip route del default metric 50",
    "link group": "ip link set eth1 group 0",
    "sysctl": "echo 0 >/proc/sys/net/ipv4/conf/eth1/arp_announce",
    "address without rules": "ip addr add 10.0.1.99/24 dev eth1",
}


def test_check_names_every_mutation() -> None:
    assert len(MUTATIONS) >= 12
    with Cloud(PORTS) as cloud:
        cloud.guest.policy("apply")
        for name, mutation in MUTATIONS.items():
            assert cloud.guest.policy("check").stdout == ""
            cloud.guest.sh(mutation)
            checked = cloud.guest.policy("check", check=False)
            assert checked.returncode == 1, name
            assert checked.stdout, name
            assert cloud.guest.status()["differences"] == checked.stdout.splitlines()
            cloud.guest.policy("apply")


@pytest.mark.parametrize("mtu", [1280, 1442])
def test_mtu_of_each_link_and_route_is_kept(mtu: int) -> None:
    with Cloud(PORTS) as cloud:
        cloud.guest.ip(
            f"link set eth1 mtu {mtu}\nroute change default via 10.0.1.1 dev eth1 proto 16 metric 101 mtu {mtu} advmss 1200\n"
        )
        cloud.guest.policy("apply")
        told = cloud.guest.run("ip", "route", "get", CLIENT[4], "from", "10.0.1.11").stdout
        assert f"mtu {mtu} advmss 1200" in told
        cloud.guest.policy("check")
        # A packet as big as the link takes goes out and is answered.
        assert (
            cloud.guest.run("ping", "-c1", "-W2", "-M", "do", "-s", str(mtu - 28), "-I", "10.0.1.11", CLIENT[4]).returncode == 0
        )


def test_secondary_with_the_better_default_does_not_win() -> None:
    """Both clients give metric 100 or none, and the secondary was first: what has no source still leaves by the primary."""
    for metrics in ((100, 100), (0, 0), (60, 40), (1024, 1)):
        with Cloud(PORTS) as cloud:
            cloud.guest.ip("route flush exact 0.0.0.0/0\n", "-4")
            for port, metric in zip(reversed(PORTS), reversed(metrics), strict=True):
                cloud.guest.ip(f"route append default via 10.0.1.1 dev {port.device} metric {metric} proto 16\n")
            cloud.guest.policy("apply")
            assert " dev eth0 " in cloud.guest.run("ip", "route", "get", CLIENT[4]).stdout
            cloud.guest.policy("check")
            routes = cloud.guest.sh("ip route show default")
            assert routes.count("\n") == 3
            cloud.guest.policy("down")
            assert cloud.guest.sh("ip route show default").count("\n") == 2


def test_one_interface_alone() -> None:
    """pbr@eth1.service: the other NIC is left as it is, and --interface takes it back."""
    with Cloud(PORTS) as cloud:
        untouched = kernel_state(cloud.guest)
        cloud.guest.policy("apply", "--interface", "eth1")
        assert "eth0" not in cloud.guest.sh("ip rule; ip route show table 21037 2>/dev/null || :; ip -d link show group 21000")
        second = PORTS[1].floating_ip
        cloud.guest.sh("ip neigh flush all")
        assert cloud.pings(20, [second, PORTS[0].floating_ip]) == {second: 20, PORTS[0].floating_ip: 20}
        cloud.guest.policy("apply", "--interface", "eth0")
        cloud.guest.policy("check")
        cloud.guest.policy("down", "--interface", "eth0")
        assert cloud.pings(20, [second]) == {second: 20}
        assert cloud.spoofed()["tap1"] == 0
        cloud.guest.policy("down", "--interface", "eth1")
        assert kernel_state(cloud.guest) == untouched


@pytest.mark.parametrize("connmark", [False, True])
def test_published_port_of_a_container(connmark: bool) -> None:
    """A container's reply carries its own source, which no rule knows: option connmark leads it back to the port asked."""
    with Cloud([Port(0, 1), Port(1, 2)], families=(4,)) as cloud, Namespace("container") as container:
        cloud.guest.ip("link add docker0 type bridge forward_delay 0\nlink set docker0 up\naddr add 172.17.0.1/16 dev docker0\n")
        cloud.guest.veth("veth0", container, "eth0")
        cloud.guest.ip("link set veth0 master docker0 up\n")
        container.ip("link set eth0 up\naddr add 172.17.0.2/16 dev eth0\nroute add default via 172.17.0.1\n")
        cloud.guest.sh("echo 1 >/proc/sys/net/ipv4/ip_forward")
        cloud.guest.run(
            "nft",
            "-f",
            "-",
            text="""table ip docker {
              chain prerouting { type nat hook prerouting priority dstnat;
              fib daddr type local tcp dport 7777 dnat to 172.17.0.2; }
              chain postrouting { type nat hook postrouting priority srcnat;
              ip saddr 172.17.0.0/16 oifname != docker0 masquerade; }
            }""",
        )
        ours = {f"multiport.port.p{port.number}": port.metadata() for port in cloud.ports}
        cloud.metadata(ours | ({"multiport.options": "connmark"} if connmark else {}))
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        first, second = (port.floating_ip for port in cloud.ports)
        answered = _connects_to_container(cloud, container, [first, second])
        assert answered == {first: 20, second: 20 if connmark else 0}
        if connmark:
            assert "mark set 0x0000523d" in cloud.guest.sh("nft list table inet policy_routing").replace("21053", "0x0000523d")
            cloud.guest.sh("nft flush table inet policy_routing")
            assert cloud.guest.policy("check", check=False).returncode == 1
            cloud.guest.policy("apply")
            cloud.guest.policy("check")
        cloud.guest.policy("down")
        assert "policy_routing" not in cloud.guest.sh("nft list tables")
        assert "ip docker" in cloud.guest.sh("nft list tables")


def _connects_to_container(cloud: Cloud, container: Namespace, addresses: list[str]) -> dict[str, int]:
    from tests.netns.traffic import Server, connects

    server = container.call(Server)
    try:
        return cloud.client.call(connects, addresses, 20, 0.2)
    finally:
        server.stop()
