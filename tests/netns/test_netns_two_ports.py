"""Two NICs on one subnet behind a router with 1:1 NAT and port security: the case that the whole project is for."""

import pytest

from tests.netns.topology import Cloud, Port, kernel_state


@pytest.mark.parametrize("rp_filter", [0, 1, 2])
def test_second_floating_ip_needs_the_script_and_has_it(rp_filter: int) -> None:
    with Cloud([Port(0, 1), Port(1, 1)], families=(4,)) as cloud:
        cloud.guest.sh(f"for knob in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {rp_filter} >$knob; done")
        first, second = (port.floating_ip for port in cloud.ports)
        before = kernel_state(cloud.guest)

        assert cloud.pings(20, [second])[second] < 20
        assert cloud.connects(2, [second])[second] == 0

        cloud.guest.policy("apply")
        # The guest has asked for the gateway from the wrong NIC before; Neutron's router would be asked again in time.
        cloud.guest.sh("ip neigh flush all")
        dropped = cloud.spoofed()
        assert cloud.pings(20) == {first: 20, second: 20}
        assert cloud.connects(20) == {first: 20, second: 20}
        assert cloud.spoofed() == dropped

        once = kernel_state(cloud.guest)
        cloud.guest.policy("apply")
        assert kernel_state(cloud.guest) == once

        cloud.guest.policy("down")
        assert kernel_state(cloud.guest) == before
        assert cloud.guest.sh("ls /run /run/policy-routing 2>/dev/null || :").split() == ["/run:"]
