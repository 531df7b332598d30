"""The wire format: messages recorded from a kernel, and byte soup."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiport.guest.program import kernel, netlink
from multiport.guest.program.kernel import LINK, ROUTE, RULE
from multiport.guest.program.netlink import Unreadable

# Linux 6.18: ip rule add pref 21593 from 10.0.1.10 lookup main suppress_prefixlength 0 suppress_ifgroup 21000 proto 77
RECORDED_RULE = RULE.encode(
    {
        "family": 2,
        "length": 32,
        "small_table": 254,
        "action": 1,
        "source": bytes([10, 0, 1, 10]),
        "priority": 21593,
        "table": 254,
        "suppress_prefixlength": 0,
        "suppress_ifgroup": 21000,
        "protocol": 77,
    }
)


def test_a_rule_of_the_kernel_is_the_rule_that_was_asked_for() -> None:
    asked = kernel.rule(4, 21593, 254, (bytes([10, 0, 1, 10]), 32), suppress_prefixlength=0, suppress_ifgroup=21000)
    assert RULE.encode(kernel.read_rule(RECORDED_RULE)) == RULE.encode(asked)
    fence = kernel.rule(6, 21595, 0, (bytes(16), 128))
    told = {**fence, "suppress_prefixlength": 0xFFFFFFFF, "table": 0, "flags": 0x10, "padding": b"1234"}
    assert RULE.encode(kernel.read_rule(RULE.encode(told))) == RULE.encode(fence)
    assert kernel.is_own_rule(fence)
    assert not kernel.is_own_rule({**fence, "priority": 100})
    assert kernel.read_rule(RULE.encode({"family": 2, "action": 1, "table": 255}))["priority"] == 0


def test_a_route_loses_what_the_kernel_adds() -> None:
    values = {
        "family": 10,
        "type": 1,
        "table": 254,
        "flags": 0x15,
        "index": 2,
        "gateway": bytes(16),
        "cache": b"1234",
        "preference": 0,
    }
    read = kernel.read_route(ROUTE.encode({**values, "next_hop_id": bytes(4), 77: b"unknown!"}))
    assert read["flags"] == kernel.ONLINK
    assert not {"cache", "preference", "next_hop_id"} & set(read)
    assert read[77] == b"unknown!"
    copied = kernel.own_copy(read, kernel.hops_of(read)[0], 21053, 5)
    assert kernel.read_route(kernel.encode_route(copied))[77] == b"unknown!"
    assert kernel.place_of(copied) == (6, 21053, bytes(16), 0, 5)


def test_a_route_of_several_ways() -> None:
    hops = b"".join(
        kernel.HOP.encode({"size": 16, "flags": 1, "weight": 2, "index": index, "gateway": bytes([10, 0, 0, index])})
        for index in (2, 3)
    )
    body = ROUTE.encode({"family": 2, "type": 1, "table": 254, "hops": hops})
    snapshot = kernel.Snapshot()
    snapshot.take_route(body)
    ((route, hop),) = snapshot.main_routes(3)
    assert kernel.gateway_of(hop) == bytes([10, 0, 0, 3])
    assert kernel.hops_of(kernel.own_copy(route, hop, 21053, 0)) == [{"index": 3, "gateway": bytes([10, 0, 0, 3]), "flags": 0}]
    with pytest.raises(Unreadable):
        kernel.hops_of({"hops": b"\1\0" + bytes(6)})
    assert kernel.hops_of({}) == []
    assert kernel.gateway_of({"via": b"\x0a\0" + bytes(16)}) == bytes(16)


def test_a_link_with_its_settings() -> None:
    conf4 = b"".join(netlink.NUMBER.pack(number) for number in range(1, 40))
    conf6 = b"".join(netlink.NUMBER.pack(0) for _ in range(60))
    families = netlink.attribute(2, netlink.attribute(1, conf4)) + netlink.attribute(10, netlink.attribute(2, conf6))
    values = {"index": 7, "hardware": 1, "flags": 1, "name": "eth1", "mac": bytes(5) + b"\1", "mtu": 1442, "settings": families}
    read = kernel.read_link(LINK.encode({**values, "lower": 3, "lower_namespace": bytes(4)}))
    assert (read.name, read.mac, read.up, read.mtu, read.lower, read.ipv6) == ("eth1", "00:00:00:00:00:01", True, 1442, 0, True)
    assert read.setting("ipv4/conf/DEV/rp_filter") == 8
    assert read.setting("ipv4/conf/DEV/arp_ignore") == 19
    assert read.setting("mtu") == 1442
    assert read.setting("ipv4/conf/DEV/unknown") is None
    assert kernel.read_link(LINK.encode({"index": 1, "hardware": 772, "mac": bytes(6)})).mac == ""
    assert not kernel.is_hardware(read)


def test_only_global_addresses_without_a_peer() -> None:
    values = {"family": 2, "length": 24, "index": 3, "address": bytes([10, 0, 1, 9]), "local": bytes([10, 0, 1, 9])}
    assert kernel.read_address(kernel.ADDRESS.encode(values)) == (3, bytes([10, 0, 1, 9]), 24)
    assert kernel.read_address(kernel.ADDRESS.encode({**values, "scope": 253})) is None
    assert kernel.read_address(kernel.ADDRESS.encode({**values, "local": bytes([10, 0, 1, 8])})) is None
    assert kernel.address_values(3, bytes(16), 128)["flags"] == 2


def test_foreign_tables_and_cached_routes_are_none_of_ours() -> None:
    snapshot = kernel.Snapshot()
    for values in ({"table": 4242}, {"table": 254, "flags": 0x200}, {"table": 254, "type": 6}):
        snapshot.take_route(ROUTE.encode({"family": 2, "type": 1, "index": 2, **values}))
    assert (snapshot.own_routes, snapshot.main_messages) == ([], {})
    first = kernel.ROUTE.head.pack(2, 0, 0, 0, 252, 0, 0, 1, 0) + netlink.attribute(15, netlink.NUMBER.pack(21053))
    assert kernel.table_of_message(first) == 21053


@given(st.binary(max_size=200))
def test_byte_soup_is_read_or_refused(data: bytes) -> None:
    for read in (netlink.messages, netlink.attributes, lambda body: kernel.hops_of({"hops": body})):
        with contextlib.suppress(Unreadable):
            read(data)


def test_messages_are_split_where_they_end() -> None:
    one = netlink.HEADER.pack(19, 24, 0, 5, 9) + b"abc"
    assert netlink.messages(one + b"\0" + one) == [(24, 0, 5, 9, b"abc")] * 2
    with pytest.raises(Unreadable):
        netlink.messages(one[:-1])
    with pytest.raises(Unreadable):
        netlink.attributes(netlink.ATTRIBUTE.pack(9, 1) + b"abc")
    assert base64.b64encode(netlink.attribute(3, b"x")) == b"BQADAHgAAAA="


def test_this_kernel_is_read_without_being_root() -> None:
    connection = netlink.Connection()
    snapshot = kernel.Snapshot()
    snapshot.refresh(connection, kernel.EVERYTHING, (4,))
    assert "lo" in [link.name for link in snapshot.links.values()]
    with pytest.raises(Unreadable, match="error"):
        connection.dump(9999, bytes(16))
    # nobody may be given an interface that there is not
    assert connection.write([(netlink.SET_LINK, 0, LINK.encode({"index": 999_999, "mtu": 1500}))])[0][0] == 0
    netlink.Events().read()
