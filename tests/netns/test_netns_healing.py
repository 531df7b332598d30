"""The watch mends what is undone, and until it has, addresses fail closed."""

import re
from pathlib import Path

import pytest

from tests.netns.namespace import wait_until
from tests.netns.topology import CLIENT, Cloud, Port, kernel_state, wait_for_state

PORTS = [Port(0, 1), Port(1, 1), Port(2, 2)]


def own_rules(cloud: Cloud, version: int) -> list[str]:
    listed = cloud.guest.run("ip", "-N", f"-{version}", "rule").stdout.splitlines()
    rules = [re.sub(r"(\d+):\s", r"pref \1 ", line.strip()) for line in listed]
    return [re.sub(r" 7$", " unreachable", rule) for rule in rules if re.search(r" proto 77$| 7$", rule)]


def test_every_rule_comes_back() -> None:
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        wanted = kernel_state(cloud.guest)
        with cloud.sending():
            for version in (4, 6):
                rules = own_rules(cloud, version)
                assert len(rules) == len(PORTS) * 5 + 4
                for rule in rules:
                    cloud.guest.ip(f"rule del {rule}\n", f"-{version}")
                    wait_for_state(cloud.guest, wanted)
        assert cloud.guest.converged()


def test_all_at_once_comes_back() -> None:
    """Rules flushed, tables flushed, link groups and sysctls reset, the pinned default deleted."""
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        wanted = kernel_state(cloud.guest)
        for version in (4, 6):
            for port in PORTS:
                with cloud.sending():
                    cloud.guest.ip(f"route flush table {port.table}\n", f"-{version}")
                    wait_for_state(cloud.guest, wanted)
                cloud.guest.ip(f"link set {port.device} group 0\n")
                wait_for_state(cloud.guest, wanted)
            cloud.guest.ip("route del default metric 50\n", f"-{version}")
            wait_for_state(cloud.guest, wanted)
            for rule in own_rules(cloud, version):
                cloud.guest.ip(f"rule del {rule}\n", f"-{version}")
            wait_for_state(cloud.guest, wanted)
        for knob in ("arp_ignore", "arp_announce", "rp_filter"):
            cloud.guest.sh(f"echo 0 >/proc/sys/net/ipv4/conf/eth1/{knob}; ip link set eth1 group 0")
            wait_for_state(cloud.guest, wanted)


def test_fences_outlive_networkd() -> None:
    """Where it has not read our drop-in yet, it deletes all rules but those of protocol kernel, which are listed without one."""
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        wanted = kernel_state(cloud.guest)
        for version in (4, 6):
            for _ in range(5):
                doomed = [rule for rule in own_rules(cloud, version) if rule.endswith(" proto 77")]
                assert len(doomed) == len(PORTS) * 4 + 2
                with cloud.sending():
                    cloud.guest.ip("".join(f"rule del {rule}\n" for rule in doomed), f"-{version}")
                    wait_for_state(cloud.guest, wanted)


def test_a_watch_keeps_nothing_open() -> None:
    with Cloud(PORTS) as cloud, cloud.guest.watching() as watch:
        wanted = kernel_state(cloud.guest)
        counts = []
        for _ in range(20):
            for fault in (f"rule del pref {own_rules(cloud, 4)[0].split()[1]}\n", f"route flush table {PORTS[1].table}\n"):
                cloud.guest.ip(fault)
                wait_for_state(cloud.guest, wanted)
            wait_until(cloud.guest.converged)
            counts.append(len(list(Path(f"/proc/{watch.pid}/fd").iterdir())))
        # one moment may find a pipe to ip, twenty do not
        assert min(counts[10:]) <= min(counts[:10])


def test_a_watch_that_waits_for_the_lock_ends_at_once_and_leaves_nobody() -> None:
    with Cloud(PORTS) as cloud, cloud.guest.watching() as watch:
        lock = "/run/policy-routing/lock"
        other = cloud.guest.start("flock", "--close", lock, "sleep", "60")
        wait_until(lambda: cloud.guest.run("flock", "-n", lock, "true", check=False).returncode == 1)
        cloud.guest.ip(f"rule del pref {own_rules(cloud, 4)[0].split()[1]}\n")
        waiting = ("grep", "-q", "-e", "-> FLOCK", "/proc/locks")
        wait_until(lambda: cloud.guest.run(*waiting, check=False).returncode == 0)
        watch.stop()
        other.stop()
        wait_until(lambda: cloud.guest.run(*waiting, check=False).returncode == 1)


def test_stray_routes_and_rules_in_our_ranges_go() -> None:
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        wanted = kernel_state(cloud.guest)
        first, second, _ = PORTS
        for version, strays in {
            4: [
                f"route add 192.0.2.0/24 via {first.gateway(4)} dev eth0 table {second.table}",
                f"route add blackhole default metric 7 table {second.table}",
                f"route append default via {first.address(4, 77)} dev eth1 metric 101 table {second.table}",
                f"rule add from {second.address(4)} lookup {first.table} pref 21100",
                f"rule add from {second.address(4)} lookup main pref 21592 proto 77",
                f"rule add oif gone lookup {first.table} pref 21900 proto 77",
                f"route add default via {second.gateway(4)} dev eth1 metric 3 proto 77",
            ],
            6: [
                f"route add 2001:db8:99::/48 via fe80::1 dev eth0 table {second.table}",
                f"route add unreachable 2001:db8:98::/48 table {second.table}",
                f"route append default via fe80::2 dev eth1 metric 101 table {second.table}",
                f"rule add from {second.address(6)} lookup {first.table} pref 21100",
                "route add default via fe80::1 dev eth1 metric 3 proto 77",
            ],
        }.items():
            for stray in strays:
                cloud.guest.ip(f"{stray}\n", f"-{version}")  # fails where it adds nothing; the watch may be there before we look
                wait_for_state(cloud.guest, wanted)


def test_addresses_come_and_go() -> None:
    """A lease that changes, a further address, a virtual one, a whole further subnet: rules follow."""
    ports = [Port(0, 1), Port(1, 1, extra=("10.0.1.60/24", "10.0.1.61/32", "10.0.9.5/24", "2001:db8:1::60/64"))]
    with Cloud(ports) as cloud, cloud.guest.watching():
        wanted = kernel_state(cloud.guest)
        port = ports[1]
        with cloud.sending():
            for cidr in port.extra:
                version = 6 if ":" in cidr else 4
                address = cidr.partition("/")[0]
                cloud.guest.ip(f"addr add {cidr} dev eth1{' nodad' if version == 6 else ''}\n")
                wait_until(lambda: any(f"from {address} unreachable" in rule for rule in own_rules(cloud, version)))
                wait_until(cloud.guest.converged)
                got = cloud.guest.run("ip", "route", "get", CLIENT[version], "from", address).stdout
                assert f"dev eth1 table {port.table}" in got
                cloud.guest.ip(f"addr del {cidr} dev eth1\n")
                wait_for_state(cloud.guest, wanted)
            cloud.guest.sh("ip addr del 10.0.1.11/24 dev eth1; ip addr add 10.0.1.60/24 dev eth1")
            wait_until(lambda: not any("10.0.1.11 " in rule for rule in own_rules(cloud, 4)))
            wait_until(cloud.guest.converged)


@pytest.mark.parametrize("families", [(4,), (4, 6)], ids=["v4", "v4 and v6"])
def test_admin_flaps(families: tuple[int, ...]) -> None:
    with Cloud(PORTS, families=families) as cloud, cloud.guest.watching():
        every = dict.fromkeys(cloud.floating(), 5)
        with cloud.sending():
            for number in range(20):
                port = PORTS[number % len(PORTS)]
                cloud.guest.ip(f"link set {port.device} down\nlink set {port.device} up\n")
                cloud.configure(port)
                wait_until(cloud.guest.converged)
                cloud.await_answers()
                assert cloud.pings(5) == every
        assert cloud.connects(20) == dict.fromkeys(every, 20)


def test_carrier_flaps() -> None:
    """Without and with a DHCP client that drops the address with the carrier, as systemd-networkd does."""
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        every = dict.fromkeys(cloud.floating(), 5)
        with cloud.sending():
            for number in range(20):
                port = PORTS[number % len(PORTS)]
                cloud.router.ip(f"link set {port.tap} down\n")
                if number % 2:
                    cloud.guest.ip(f"addr flush dev {port.device} scope global\n")
                    wait_until(cloud.guest.converged)
                cloud.router.ip(f"link set {port.tap} up\n")
                cloud.configure(port)
                wait_until(cloud.guest.converged)
                cloud.await_answers()
                assert cloud.pings(5) == every


def test_renamed_and_replugged() -> None:
    """The NIC is known by its MAC address: a new name leaves no detached rule, a new NIC is taken in again."""
    with Cloud(PORTS) as cloud, cloud.guest.watching():
        port = PORTS[1]
        wanted = kernel_state(cloud.guest, links=False)
        cloud.guest.ip("link set eth1 down\nlink set eth1 name wan\n")
        cloud.configure(port, "wan")
        wait_until(cloud.guest.converged)
        assert sorted(line.replace("wan", "eth1") for line in kernel_state(cloud.guest, links=False)) == wanted
        assert "detached" not in cloud.guest.sh("ip rule; ip -6 rule")

        cloud.unplug(port)
        wait_until(lambda: not any("eth1" in rule or "wan" in rule for rule in own_rules(cloud, 4)))
        wait_until(cloud.guest.converged)
        assert not any(f"table {port.table}" in line for line in kernel_state(cloud.guest, links=False))
        cloud.plug(port)
        wait_until(cloud.guest.converged)
        assert kernel_state(cloud.guest, links=False) == wanted
        cloud.await_answers()
        assert cloud.pings(10) == dict.fromkeys(cloud.floating(), 10)


def test_watch_is_one_and_ends_on_request() -> None:
    with Cloud(PORTS[:2]) as cloud:
        before = kernel_state(cloud.guest)
        with cloud.guest.watching() as watch:
            assert cloud.guest.policy("watch", check=False).returncode == 2
            assert cloud.guest.policy("down", "--interface", "eth1", check=False).returncode == 2
            assert cloud.guest.status()["watching"]
            cloud.guest.policy("down")
            wait_until(lambda: not watch.running())
            assert kernel_state(cloud.guest) == before
            assert "policy-routing" not in cloud.guest.sh("ls /run")


def test_events_that_are_lost() -> None:
    """Where more happens than its socket holds, the watch looks at everything."""
    with Cloud(PORTS[:2]) as cloud, cloud.guest.watching() as watch:
        wanted = kernel_state(cloud.guest)
        watch.pause()
        for version in (4, 6):
            cloud.guest.ip("".join(f"rule del {rule}\n" for rule in own_rules(cloud, version)), f"-{version}")
        flood = "route add 192.0.2.1 dev lo\nroute del 192.0.2.1 dev lo\n" * 10_000
        cloud.guest.ip(flood)
        lost = int(cloud.guest.sh("awk 'NR > 1 { lost += $9 } END { print lost }' /proc/net/netlink"))
        watch.resume()
        wait_for_state(cloud.guest, wanted)
        assert lost > 0
