"""The drill of docs/guest.md: each fault shows in `status` or the journal as it is written there."""

import tempfile
from collections.abc import Iterator

import pytest

from tests.netns.namespace import wait_until
from tests.netns.topology import Cloud, Port

PORTS = [Port(0, 1), Port(1, 1)]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(PORTS) as cloud:
        yield cloud


def told(cloud: Cloud) -> str:
    return str(cloud.guest.policy("status", check=False).stdout)


def test_an_item_of_the_metadata_that_somebody_has_mistyped(cloud: Cloud) -> None:
    records: dict[str, object] = {f"multiport.port.p{port.number}": port.metadata() for port in PORTS}
    cloud.metadata(records | {"multiport.port.p1": "slot=53 mac=fa:16:3e:00:00:02 mtu=12"})
    cloud.guest.policy("apply")
    assert "refused metadata: multiport.port.p1: it says 'mtu=12'" in told(cloud)


def test_a_port_that_was_detached(cloud: Cloud) -> None:
    cloud.guest.policy("apply")
    cloud.unplug(PORTS[1])
    cloud.guest.policy("apply")
    (line,) = [line for line in told(cloud).splitlines() if line.startswith("slot 53")]
    assert line.split()[2] == PORTS[1].mac
    assert line.endswith("no interface has this MAC address")


def test_a_tool_that_flushes_rules(cloud: Cloud) -> None:
    with tempfile.TemporaryFile("w+") as journal:
        watch = cloud.guest.start("/usr/local/sbin/policy-routing", "watch", output=journal)
        wait_until(cloud.guest.converged)
        for _ in range(2):
            cloud.guest.ip("rule del pref 21850\n")
            wait_until(cloud.guest.converged)
        watch.stop()
        journal.seek(0)
        said = journal.read()
    repaired = "something had undone this, repaired: ip -4 rule add pref 21850 from 10.0.1.11 lookup 21053 proto 77"
    assert f"policy-routing: {repaired}; needed 2 times within an hour\n" in said
    assert "watch:    not running: systemctl start policy-routing.service" in told(cloud)


def test_a_gateway_that_nobody_names(cloud: Cloud) -> None:
    for version in (4, 6):
        cloud.guest.ip("route flush exact default\n", f"-{version}")
    cloud.guest.policy("apply")
    assert told(cloud).count("nobody names a gateway") == len(PORTS)


def test_ipv6_that_a_sysctl_switches_off(cloud: Cloud) -> None:
    records: dict[str, object] = {f"multiport.port.p{port.number}": port.metadata() for port in PORTS}
    cloud.metadata(records)
    cloud.guest.sh("echo 1 >/proc/sys/net/ipv6/conf/eth1/disable_ipv6")
    cloud.guest.policy("apply")
    cloud.guest.policy("check")
    assert "note: IPv6 is switched off on eth1 by the sysctl disable_ipv6: left out there" in told(cloud)
