"""Every address of four NICs answers, whatever happens to the links, and nothing leaves by a port that is not its own."""

import random
import tempfile
import time

import pytest

from tests.netns.namespace import wait_until
from tests.netns.topology import Cloud, Port, kernel_state

ONE_SUBNET = [Port(number, 1) for number in range(4)]
FOUR_SUBNETS = [Port(number, 1 + number) for number in range(4)]
LAYOUTS = pytest.mark.parametrize("ports", [ONE_SUBNET, FOUR_SUBNETS], ids=["one subnet", "four subnets"])


@LAYOUTS
def test_hundred_of_hundred(ports: list[Port]) -> None:
    with Cloud(ports) as cloud:
        cloud.guest.policy("apply")
        every = dict.fromkeys(cloud.floating(), 100)
        assert len(every) == 8
        assert cloud.connects(100) == every
        assert cloud.pings(100) == every
        # The router asks every NIC by ARP and neighbour discovery, and each answers for its own addresses alone.
        cloud.router.sh("ip neigh flush all; ip -6 neigh flush all")
        assert cloud.pings(3) == dict.fromkeys(cloud.floating(), 3)
        assert cloud.spoofed() == {port.tap: 0 for port in ports}


@LAYOUTS
def test_fifty_applies_write_once(ports: list[Port]) -> None:
    with Cloud(ports) as cloud:
        cloud.guest.policy("apply")
        state = kernel_state(cloud.guest)
        with tempfile.TemporaryFile("w+") as events:
            monitor = cloud.guest.start("ip", "monitor", "link", "address", "route", "rule", output=events)
            wait_until(lambda: cloud.guest.sh("ip route add 192.0.2.1 dev lo; ip route del 192.0.2.1 dev lo") or _text(events))
            for _ in range(49):
                cloud.guest.policy("apply")
            cloud.guest.ip("route add 192.0.2.2 dev lo\n")
            wait_until(lambda: _text(events).endswith("192.0.2.2 dev lo scope link \n"))
            monitor.stop()
            assert [line for line in _text(events).splitlines() if "192.0.2." not in line] == []
        cloud.guest.ip("route del 192.0.2.2\n")
        assert kernel_state(cloud.guest) == state


def _text(file: object) -> str:
    assert hasattr(file, "seek")
    assert hasattr(file, "read")
    file.seek(0)
    return str(file.read())


SLOWLY = (
    "sed -i -e 's/^BATCH = .*/BATCH = 1/' -e 's/self._socket.send(data)/import time; time.sleep(0.002); &/'"
    " /usr/local/lib/policy-routing/policy_routing/netlink.py"
)
"""Has the program send its requests one by one and with a pause, so that there are as many moments to be killed at."""


def test_killed_anywhere() -> None:
    """kill -9 at 30 random moments of the first apply: the next one ends where an undisturbed one does."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Cloud(ONE_SUBNET) as cloud:
        cloud.guest.sh(SLOWLY)
        assert "import time" in cloud.guest.read("/usr/local/lib/policy-routing/policy_routing/netlink.py")
        untouched = kernel_state(cloud.guest)
        start = time.monotonic()
        cloud.guest.policy("apply")
        seconds = time.monotonic() - start
        wanted = kernel_state(cloud.guest)
        halfway = 0
        for _ in range(30):
            cloud.guest.policy("down")
            assert kernel_state(cloud.guest) == untouched
            moment = chance.uniform(0, seconds)
            script = f"setsid /usr/local/sbin/policy-routing apply & sleep {moment:.4f}; kill -9 -- -$!; wait"
            cloud.guest.run("bash", "-c", script, check=False)
            halfway += kernel_state(cloud.guest) not in (untouched, wanted)
            cloud.guest.policy("apply")
            cloud.guest.policy("check")
            assert kernel_state(cloud.guest) == wanted
        cloud.guest.policy("down")
        assert kernel_state(cloud.guest) == untouched
    assert halfway > 0
