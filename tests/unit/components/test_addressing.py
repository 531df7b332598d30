from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.components import addressing
from multiport.components.addressing import Network
from multiport.components.topology import AllocationPoolArgs, FixedIpArgs, SubnetArgs


def pool(start: str, end: str) -> AllocationPoolArgs:
    return {"start": start, "end": end}


@pytest.mark.parametrize(
    ("subnet", "gateway"),
    [
        ({"cidr": "192.168.0.0/24"}, "192.168.0.1"),
        ({"cidr": "2001:db8::/64"}, "2001:db8::1"),
        ({"cidr": "192.168.0.0/24", "gateway_ip": "192.168.0.254"}, "192.168.0.254"),
        ({"cidr": "192.168.0.0/24", "no_gateway": False}, "192.168.0.1"),
        ({"cidr": "192.168.0.0/24", "no_gateway": True}, None),
    ],
)
def test_gateway_is_the_first_address_unless_said_otherwise(subnet: SubnetArgs, gateway: str | None) -> None:
    assert addressing.gateway_ip(subnet) == gateway


@pytest.mark.parametrize(
    ("subnet", "dhcp"),
    [
        ({"cidr": "192.168.0.0/24"}, True),
        ({"cidr": "192.168.0.0/24", "no_gateway": True}, False),
        ({"cidr": "192.168.0.0/24", "no_gateway": True, "enable_dhcp": True}, True),
        ({"cidr": "192.168.0.0/24", "enable_dhcp": False}, False),
    ],
)
def test_dhcp_goes_with_the_gateway_unless_said_otherwise(subnet: SubnetArgs, *, dhcp: bool) -> None:
    assert addressing.enable_dhcp(subnet) is dhcp


@pytest.mark.parametrize(
    ("subnet", "modes"),
    [
        ({"cidr": "192.168.0.0/24"}, (None, None)),
        ({"cidr": "2001:db8::/64"}, ("dhcpv6-stateful", "dhcpv6-stateful")),
        ({"cidr": "2001:db8::/64", "ipv6_ra_mode": "slaac"}, ("slaac", "slaac")),
        ({"cidr": "2001:db8::/64", "ipv6_address_mode": "dhcpv6-stateless"}, ("dhcpv6-stateless", "dhcpv6-stateless")),
        ({"cidr": "2001:db8::/64", "enable_dhcp": False}, (None, None)),
        ({"cidr": "2001:db8::/64", "no_gateway": True}, (None, None)),
    ],
)
def test_one_ipv6_mode_decides_both(subnet: SubnetArgs, modes: tuple[str | None, str | None]) -> None:
    assert addressing.ipv6_modes(subnet) == modes


@pytest.mark.parametrize(
    ("subnet", "pools"),
    [
        ({"cidr": "192.168.0.0/24"}, [pool("192.168.0.2", "192.168.0.254")]),
        ({"cidr": "192.168.0.0/24", "no_gateway": True}, [pool("192.168.0.2", "192.168.0.254")]),
        ({"cidr": "192.168.0.0/24", "gateway_ip": "192.168.0.254"}, [pool("192.168.0.2", "192.168.0.253")]),
        (
            {"cidr": "192.168.0.0/24", "gateway_ip": "192.168.0.9"},
            [pool("192.168.0.2", "192.168.0.8"), pool("192.168.0.10", "192.168.0.254")],
        ),
        ({"cidr": "192.168.0.0/24", "gateway_ip": "192.168.0.2"}, [pool("192.168.0.3", "192.168.0.254")]),
        ({"cidr": "10.0.0.0/30"}, [pool("10.0.0.2", "10.0.0.2")]),
        ({"cidr": "10.0.0.0/30", "gateway_ip": "10.0.0.2"}, []),
        ({"cidr": "2001:db8::/64"}, [pool("2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff")]),
        ({"cidr": "2001:db8::/64", "gateway_ip": "fe80::1"}, [pool("2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff")]),
        ({"cidr": "2001:db8::/126"}, [pool("2001:db8::2", "2001:db8::3")]),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [pool("10.0.0.1", "10.0.0.9")]}, [pool("10.0.0.1", "10.0.0.9")]),
    ],
)
def test_pools_leave_the_first_address_and_the_gateway_free(subnet: SubnetArgs, pools: list[AllocationPoolArgs]) -> None:
    assert addressing.allocation_pools(subnet) == pools


networks: st.SearchStrategy[Network] = st.one_of(
    st.builds(
        lambda base, prefix: ip_network((base, prefix), strict=False),
        st.ip_addresses(v=4, network="10.0.0.0/8"),
        st.integers(24, 30),
    ),
    st.builds(
        lambda base, prefix: ip_network((base, prefix), strict=False),
        st.ip_addresses(v=6, network="2001:db8::/32"),
        st.integers(120, 126),
    ),
)


@settings(deadline=None)
@given(networks, st.data())
def test_pools_hold_every_other_address_of_a_host(network: Network, data: st.DataObject) -> None:
    hosts = set(network) - {network.network_address}
    if isinstance(network, IPv4Network):
        hosts -= {network.broadcast_address}
    gateway = data.draw(st.none() | st.sampled_from(sorted(hosts, key=int)))
    subnet: SubnetArgs = {"cidr": str(network)}
    if gateway is None:
        subnet["no_gateway"] = True
    else:
        subnet["gateway_ip"] = str(gateway)
    pooled = [
        network.network_address + number - int(network.network_address)
        for each in addressing.allocation_pools(subnet)
        for number in range(int(ip_address(each["start"])), int(ip_address(each["end"])) + 1)
    ]
    assert sorted(pooled, key=int) == sorted(hosts - {network.network_address + 1, gateway}, key=int)


def test_a_port_has_one_address_on_each_subnet_unless_said_otherwise() -> None:
    given_ips: dict[str, FixedIpArgs] = {"x": {"subnet": "a", "ip_address": "192.168.0.5"}}
    assert addressing.fixed_ips({}, ["a", "b"]) == {"a": {"subnet": "a"}, "b": {"subnet": "b"}}
    assert addressing.fixed_ips({"fixed_ips": given_ips}, ["a", "b"]) == given_ips


def test_a_ports_floating_ip_belongs_to_its_only_ipv4_address() -> None:
    cidrs = {"six": "2001:db8::/64", "four": "192.168.0.0/24", "more": "192.168.1.0/24"}
    both = {"six": cidrs["six"], "four": cidrs["four"]}
    assert addressing.floating_ips({"floating_ip": {"pool": "PUBLICNET"}}, both) == {"four": {"pool": "PUBLICNET"}}
    assert addressing.floating_ips({}, both) == {}
    assert addressing.floating_ips(
        {"fixed_ips": {"x": {"subnet": "four", "floating_ip": {"address": "203.0.113.5"}}, "y": {"subnet": "more"}}}, cidrs
    ) == {"x": {"address": "203.0.113.5"}}


@pytest.mark.parametrize(
    ("cidr", "listed", "pinned", "chosen"),
    [
        ("192.168.0.0/24", ["10.0.0.5", "192.168.0.9"], [], "192.168.0.9"),
        ("192.168.0.0/24", ["192.168.0.5", "192.168.0.9"], ["192.168.0.5"], "192.168.0.9"),
        ("192.168.0.0/24", ["10.0.0.5"], [], None),
        ("192.168.0.0/24", [], [], None),
        ("2001:db8::/64", ["192.168.0.9", "2001:DB8:0::9"], [], "2001:db8::9"),
    ],
)
def test_a_chosen_address_is_found_by_its_subnet(cidr: str, listed: list[str], pinned: list[str], chosen: str | None) -> None:
    assert addressing.fixed_ip_of(cidr, listed, pinned) == chosen
    assert addressing.fixed_ip_of(cidr, reversed(listed), pinned) == chosen


def test_a_pair_is_sent_with_its_mask() -> None:
    assert addressing.with_mask("192.168.0.5") == "192.168.0.5/32"
    assert addressing.with_mask("2001:db8::5") == "2001:db8::5/128"
    assert addressing.with_mask("10.0.0.0/24") == "10.0.0.0/24"


def test_ip_version() -> None:
    assert [addressing.ip_version(each) for each in ("10.0.0.0/24", "10.0.0.1", "2001:db8::/64", "::1")] == [4, 4, 6, 6]


def test_first_and_last_address() -> None:
    assert str(addressing.first_address(IPv6Network("2001:db8::/64"))) == "2001:db8::1"
    assert str(addressing.last_address(IPv4Network("10.0.0.0/24"))) == "10.0.0.254"
