"""What may change while the server lives: further addresses, virtual ones, hot ports, options; from drive and service."""

import time

import pytest

from tests.netns.metadata_service import UUID, meta_data, metadata_service
from tests.netns.namespace import wait_until
from tests.netns.topology import CLIENT, Cloud, Port, kernel_state

FURTHER = "10.0.1.60/24"
FURTHER6 = "2001:db8:1::60/64"
VIP = "10.0.1.200/24"
PORTS = [Port(0, 1), Port(1, 1, extra=(FURTHER, FURTHER6, VIP, "2001:db8:1::200/64"))]
HOT = Port(2, 2)


def records(*more: str, ports: list[Port] = PORTS, **facts: list[str]) -> dict[str, object]:
    """All ports; the facts are those of the second one."""
    found: dict[str, object] = {f"multiport.port.p{port.number}": port.metadata() for port in ports}
    second = ports[1]
    merged: dict[str, list[str]] = {"v4": [second.cidr(4)], "v6": [second.cidr(6)]}
    for name, values in facts.items():
        merged[name] = [*merged.get(name, []), *values]
    found[f"multiport.port.p{second.number}"] = second.metadata(hot=False, **merged)
    return found | dict(item.split(" ", 1) for item in more)


def test_further_addresses_come_and_go_with_the_metadata() -> None:
    with Cloud(PORTS) as cloud, metadata_service(cloud) as service:
        service.says(meta_data(records()))
        cloud.guest.policy("apply", "--refresh")
        plain = kernel_state(cloud.guest)
        with cloud.guest.watching(), cloud.sending():
            service.says(meta_data(records(v4=[FURTHER], v6=[FURTHER6])))
            cloud.guest.policy("apply", "--refresh")
            # Alone: were it the first of its subnet after a flap, the subnet's route would name it as the source.
            assert "inet 10.0.1.60/32 " in cloud.guest.sh("ip addr show dev eth1")
            assert "inet6 2001:db8:1::60/128 " in cloud.guest.sh("ip addr show dev eth1")
            further = ["10.0.1.60", "2001:db8:1::60"]
            assert cloud.pings(20, further) == dict.fromkeys(further, 20)
            assert cloud.connects(20, further) == dict.fromkeys(further, 20)
            # The distribution throws it out, or the link flaps: it comes back.
            cloud.guest.ip("addr del 10.0.1.60/32 dev eth1\n")
            wait_until(lambda: "10.0.1.60/32" in cloud.guest.sh("ip addr show dev eth1"))
            service.says(meta_data(records()))
            cloud.guest.policy("apply", "--refresh")
            wait_until(cloud.guest.converged)
            assert kernel_state(cloud.guest) == plain


def test_another_address_is_the_distributions() -> None:
    """What the distribution or the administrator added stays when the metadata no longer names it."""
    with Cloud(PORTS, families=(4,)) as cloud:
        cloud.metadata(records(v4=[FURTHER]))
        cloud.guest.ip("addr add 10.0.1.60/24 dev eth1\n")
        cloud.guest.policy("apply")
        cloud.metadata(records())
        cloud.guest.policy("apply")
        assert "10.0.1.60/24" in cloud.guest.sh("ip addr show dev eth1")
        cloud.guest.policy("down")
        assert "10.0.1.60/24" in cloud.guest.sh("ip addr show dev eth1")


@pytest.mark.parametrize("vip", [VIP, "2001:db8:1::200/64"])
def test_the_holder_of_a_virtual_address_announces_it(vip: str) -> None:
    address, version = vip.partition("/")[0], 6 if ":" in vip else 4
    with Cloud(PORTS) as cloud:
        untouched = kernel_state(cloud.guest)
        cloud.metadata(records())
        cloud.guest.policy("apply")
        # The router still has the member in mind that held it before.
        cloud.router.ip(f"neigh replace {address} lladdr 02:00:00:00:00:99 dev br1 nud stale\n")
        cloud.metadata(records(vip=[vip]))
        cloud.guest.policy("apply")
        wait_until(lambda: PORTS[1].mac in cloud.router.sh(f"ip neigh show {address}"))
        assert cloud.pings(20, [address]) == {address: 20}
        told = cloud.guest.run("ip", "route", "get", CLIENT[version], "from", address).stdout
        assert f"dev eth1 table {PORTS[1].table}" in told
        # Another member holds it now.
        cloud.metadata(records())
        cloud.guest.policy("apply")
        assert address not in cloud.guest.sh("ip addr; ip rule; ip -6 rule")
        cloud.metadata(records(vip=[vip]))
        cloud.guest.policy("apply")
        cloud.guest.policy("down")
        assert kernel_state(cloud.guest) == untouched


@pytest.mark.parametrize("vip", [VIP, "2001:db8:1::200/64"])
def test_the_rules_of_a_virtual_address_wait_for_it(vip: str) -> None:
    """keepalived may put it here at any time: it answers at once, though nothing has run in between."""
    address, version = vip.partition("/")[0], 6 if ":" in vip else 4
    with Cloud(PORTS) as cloud:
        untouched = kernel_state(cloud.guest)
        cloud.metadata(records(pair=[vip]))
        cloud.guest.policy("apply")
        waiting = kernel_state(cloud.guest)
        assert address not in cloud.guest.sh("ip address")
        for _ in range(2):
            cloud.guest.ip(f"addr add {address}/{32 if version == 4 else 128} dev eth1{' nodad' if version == 6 else ''}\n")
            told = cloud.guest.run("ip", "route", "get", CLIENT[version], "from", address).stdout
            assert f"dev eth1 table {PORTS[1].table}" in told
            assert cloud.pings(20, [address]) == {address: 20}
            cloud.guest.policy("apply")
            cloud.guest.ip(f"addr del {address}/{32 if version == 4 else 128} dev eth1\n")
            cloud.guest.policy("apply")
            assert kernel_state(cloud.guest) == waiting
        # This server may take it no more.
        cloud.metadata(records())
        cloud.guest.policy("apply")
        assert address not in cloud.guest.sh("ip rule; ip -6 rule")
        cloud.guest.policy("down")
        assert kernel_state(cloud.guest) == untouched


def test_a_hot_port_that_the_distribution_leaves_alone() -> None:
    """Link up, MTU and addresses from the metadata, after the distribution had its chance; all taken back on unplug."""
    with Cloud(PORTS) as cloud, metadata_service(cloud) as service:
        cloud.add_subnet(2)
        cloud.configured = False
        everything = records()
        everything["multiport.port.hot"] = HOT.metadata(hot=True, route=["10.9.0.0/16,10.0.2.99"])
        service.says(meta_data(everything))
        with cloud.guest.watching():
            wait_until(lambda: service.asked > 0)
            with cloud.sending():
                for _ in range(2):
                    before = kernel_state(cloud.guest)
                    cloud.plug(HOT)
                    wait_until(lambda: "10.0.2.12/24" in cloud.guest.sh("ip addr show dev eth2"))
                    wait_until(cloud.guest.converged)
                    link = cloud.guest.sh("ip link show dev eth2")
                    assert "mtu 1442" in link
                    assert "UP" in link
                    addresses = [HOT.floating_ip, HOT.address(6)]
                    wait_until(lambda: cloud.pings(1, addresses) == dict.fromkeys(addresses, 1))
                    assert cloud.pings(20, addresses) == dict.fromkeys(addresses, 20)
                    assert cloud.connects(20, addresses) == dict.fromkeys(addresses, 20)
                    assert "10.9.0.0/16 via 10.0.2.99 dev eth2" in cloud.guest.sh("ip route show")
                    assert "default" not in cloud.guest.sh("ip route show dev eth2")
                    assert cloud.spoofed()["tap2"] == 0
                    cloud.unplug(HOT)
                    wait_until(cloud.guest.converged)
                    wait_until(lambda: kernel_state(cloud.guest) == before)


def test_a_hot_port_is_taken_back_by_down() -> None:
    with Cloud(PORTS) as cloud:
        cloud.add_subnet(2)
        cloud.configured = False
        cloud.plug(HOT)
        untouched = kernel_state(cloud.guest)
        cloud.metadata(records() | {"multiport.port.hot": HOT.metadata(hot=True)})
        cloud.guest.policy("apply")
        wait_until(lambda: cloud.pings(1, [HOT.floating_ip]) == {HOT.floating_ip: 1})
        cloud.guest.policy("down")
        assert kernel_state(cloud.guest) == untouched


def test_systemd_leaves_a_hot_port_to_the_distribution_first() -> None:
    """At a boot the first apply comes before the network; an apply by hand has nobody to wait for."""
    with Cloud(PORTS) as cloud:
        cloud.add_subnet(2)
        cloud.configured = False
        cloud.plug(HOT)
        cloud.metadata(records() | {"multiport.port.hot": HOT.metadata(hot=True)})
        cloud.guest.run("unshare", "--pid", "--fork", "bash", "-c", "policy-routing apply; exit")  # its parent is process 1
        assert "from 10.0.1.11 unreachable" in cloud.guest.sh("ip rule")
        assert "DOWN" in cloud.guest.sh("ip link show dev eth2")
        assert "inet" not in cloud.guest.sh("ip addr show dev eth2")
        cloud.guest.policy("apply")
        assert "inet 10.0.2.12/24 " in cloud.guest.sh("ip addr show dev eth2")


def test_a_hot_port_that_nobody_names_yet() -> None:
    """Its lease is enough: it is taken in with a slot of its own, and gets its true one when the metadata names it."""
    with Cloud(PORTS) as cloud, metadata_service(cloud) as service:
        cloud.guest.hardware("eth0", "eth1", "eth2", "eth3")
        cloud.add_subnet(2)
        service.says(meta_data(records()))
        with cloud.guest.watching():
            cloud.plug(HOT)
            wait_until(lambda: "oif eth2" in cloud.guest.sh("ip rule"))
            wait_until(cloud.guest.converged)
            cloud.await_answers([HOT.floating_ip])
            assert cloud.pings(20, [HOT.floating_ip]) == {HOT.floating_ip: 20}
            (port,) = [port for port in cloud.guest.status()["ports"] if port["mac"] == HOT.mac]
            assert port["from"] == "lease"
            assert port["slot"] not in {HOT.slot, *(other.slot for other in PORTS)}
            # Neither lease nor metadata: left alone, and status says so.
            cloud.configured = False
            stranger = Port(3, 2)
            cloud.plug(stranger)
            wait_until(lambda: any("eth3" in note for note in cloud.guest.status()["notes"]))
            assert "DOWN" in cloud.guest.sh("ip link show dev eth3")
            with cloud.sending():
                everything = records() | {"multiport.port.hot": HOT.metadata(hot=True)}
                service.says(meta_data(everything))
                # A stranger is reason enough to ask again, later and later.
                wait_until(lambda: f"lookup {HOT.table}" in cloud.guest.sh("ip rule"), 40)
                wait_until(cloud.guest.converged)
            assert f"lookup {21000 + port['slot']}" not in cloud.guest.sh("ip rule")
            assert cloud.pings(20, [HOT.floating_ip]) == {HOT.floating_ip: 20}


def test_gateways_that_main_does_not_know() -> None:
    """ENI and dhclient lose the second default route, netplan may have none: the metadata names the gateways."""
    with Cloud(PORTS) as cloud:
        for version in (4, 6):
            cloud.guest.ip("route flush exact default\n", f"-{version}")
        cloud.metadata(records(route=["10.9.0.0/16,10.0.1.99", "2001:db8:99::/48,2001:db8:1::99"]))
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        every = dict.fromkeys(cloud.floating(), 20)
        assert cloud.pings(20) == every
        for version, target in {4: "10.9.1.1", 6: "2001:db8:99::1"}.items():
            told = cloud.guest.run("ip", "route", "get", target, "from", PORTS[1].address(version)).stdout
            assert "99 dev eth1" in told


def test_a_gateway_is_never_guessed() -> None:
    with Cloud(PORTS, families=(4,)) as cloud:
        cloud.guest.ip("route flush exact default\n")
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        assert "default" not in cloud.guest.sh("ip route show table all")
        got = cloud.guest.run("ip", "route", "get", CLIENT[4], "from", "10.0.1.11", check=False)
        assert got.returncode != 0
        assert cloud.guest.run("ping", "-c1", "-W2", "-I", "10.0.1.11", "10.0.1.1").returncode == 0


def test_port_that_owns_an_address_beats_the_interface_that_has_it() -> None:
    with Cloud(PORTS) as cloud:
        cloud.metadata(records(v4=[FURTHER]))
        cloud.guest.ip("addr add 10.0.1.60/32 dev eth0\n")
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        assert "dev eth1" in cloud.guest.run("ip", "route", "get", CLIENT[4], "from", "10.0.1.60").stdout


def test_addresses_of_other_interfaces_are_let_be() -> None:
    """A virtual address on lo, as load balancers want it, in the subnet of a port: as before, by the main table."""
    with Cloud(PORTS) as cloud:
        cloud.guest.ip("addr add 10.0.1.201/32 dev lo\n")
        before = cloud.guest.run("ip", "route", "get", CLIENT[4], "from", "10.0.1.201").stdout
        cloud.guest.policy("apply")
        assert cloud.guest.run("ip", "route", "get", CLIENT[4], "from", "10.0.1.201").stdout.split()[:6] == before.split()[:6]


def test_config_drive_first_then_the_service() -> None:
    seed = "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json"
    with Cloud(PORTS) as cloud, metadata_service(cloud) as service:
        cloud.guest.write(seed, meta_data(records(v4=[FURTHER])))
        cloud.guest.policy("drive")
        cloud.guest.policy("apply")
        assert "10.0.1.60/32" in cloud.guest.sh("ip addr show dev eth1")
        assert cloud.guest.status()["metadata"] == "drive"
        service.says(meta_data(records()))
        cloud.guest.policy("apply", "--refresh")
        assert "10.0.1.60" not in cloud.guest.sh("ip addr show dev eth1")
        # The drive is of the last start; what the service has said since is fresher.
        cloud.guest.policy("drive")
        cloud.guest.policy("apply")
        assert "10.0.1.60" not in cloud.guest.sh("ip addr show dev eth1")
        assert cloud.guest.status()["metadata"] == "service"


def test_service_by_ipv6_alone() -> None:
    with Cloud(PORTS, families=(6,)) as cloud, metadata_service(cloud, "fe80::a9fe:a9fe") as service:
        cloud.guest.policy("apply")
        service.says(meta_data(records(v6=[FURTHER6])))
        cloud.guest.policy("apply", "--refresh")
        assert service.asked
        assert "2001:db8:1::60/128" in cloud.guest.sh("ip addr show dev eth1") or cloud.guest.policy("apply", "--refresh")


def test_cache_of_another_server_is_not_ours() -> None:
    """A server made from a snapshot finds the cache of the first one."""
    with Cloud(PORTS) as cloud:
        cloud.metadata(records(v4=[FURTHER]))
        text = cloud.guest.read("/var/lib/policy-routing/metadata")
        cloud.guest.write("/var/lib/policy-routing/metadata", text.replace(" any", f" {UUID}", 1))
        cloud.guest.write("/var/lib/cloud/data/instance-id", UUID.replace("1", "2") + "\n")
        cloud.guest.policy("apply")
        assert "10.0.1.60" not in cloud.guest.sh("ip addr show dev eth1")
        cloud.guest.write("/var/lib/cloud/data/instance-id", UUID + "\n")
        cloud.guest.policy("apply")
        assert "10.0.1.60/32" in cloud.guest.sh("ip addr show dev eth1")


def test_records_in_several_parts() -> None:
    everything = records()
    tokens = PORTS[1].metadata(v4=[PORTS[1].cidr(4), FURTHER], vip=[VIP]).split()
    everything["multiport.port.p1"] = " ".join(tokens[:5])
    for number, part in enumerate((tokens[5:7], tokens[7:8], tokens[8:]), start=2):
        everything[f"multiport.port.p1.{number}"] = " ".join(part)
    with Cloud(PORTS) as cloud, metadata_service(cloud) as service:
        service.says(meta_data(dict(reversed(everything.items()))))
        cloud.guest.policy("apply", "--refresh")
        assert "10.0.1.60/32" in (found := cloud.guest.sh("ip addr show dev eth1"))
        assert "10.0.1.200/32" in found
        assert cloud.guest.status()["refused"] == []


def test_options() -> None:
    with Cloud([Port(0, 1), Port(1, 2)]) as cloud:
        cloud.metadata(records("multiport.options table_names forward echo=http://192.0.2.1/ip", ports=cloud.ports))
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        assert "multiport-p1" in cloud.guest.sh("ip rule")
        assert cloud.guest.status()["options"] == ["table_names", "forward", "echo=http://192.0.2.1/ip"]
        cloud.guest.sh("echo 1 >/proc/sys/net/ipv4/ip_forward")
        told = cloud.guest.run("ip", "route", "get", "192.0.2.9", "from", "10.0.2.50", "iif", "eth1").stdout
        assert f"dev eth1 table multiport-p1" in told  # noqa: F541
        cloud.metadata(records(ports=cloud.ports))
        cloud.guest.policy("apply")
        assert "iif eth1" not in cloud.guest.sh("ip rule")
        assert "multiport" not in cloud.guest.sh("ip rule")
        cloud.guest.policy("down")
        assert cloud.guest.run("test", "-e", "/etc/iproute2/rt_tables.d/policy-routing.conf", check=False).returncode == 1


def test_verify_asks_gateways_and_the_world() -> None:
    with Cloud(PORTS, families=(4,)) as cloud, metadata_service(cloud) as service:
        cloud.guest.policy("apply")
        service.answer = b"HTTP/1.0 200 OK\r\n\r\nseen"
        done = cloud.guest.policy("verify")
        assert done.stdout.count("0% packet loss") == 2
        cloud.router.ip("link set br1 down\n")
        assert cloud.guest.policy("verify", check=False).returncode == 1


def test_status_is_for_people_too() -> None:
    with Cloud(PORTS) as cloud:
        cloud.metadata(records())
        start = time.monotonic()
        cloud.guest.policy("apply")
        told = cloud.guest.policy("status").stdout
        assert "eth1" in told
        assert "10.0.1.11/24" in told
        assert "2001:db8:1::b/64" in told
        assert time.monotonic() - start < 60
