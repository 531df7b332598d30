"""What should be, and the way there, as literal commands; and what must hold of every such way."""

import copy
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest.program import kernel, report
from multiport.guest.program.desired import Desired, Moment
from multiport.guest.program.inputs import Inputs
from multiport.guest.program.kernel import Snapshot
from multiport.guest.program.operations import Operation, operations
from tests.unit.guest.program.kernel_model import MACS, carry_out, decision, inputs, link, route, snapshot, two_ports

Saved = dict[tuple[int, str], str]


def moment(verb: str = "apply", version: int = 4, only: str = "", now: float = 0.0) -> Moment:
    found = Moment(verb, only)
    found.versions = (version,)
    found.now = now
    return found


def way(
    state: Snapshot, told: Inputs, saved: Saved | None = None, asked: Moment | None = None
) -> tuple[list[Operation], Desired]:
    desired = Desired(state, told, saved or {}, asked or moment(), {})
    return operations(state, desired), desired


def commands(state: Snapshot, found: Sequence[Operation]) -> list[str]:
    return [report.command(each, state) for each in found]


def applied(state: Snapshot, told: Inputs, saved: Saved, verb: str = "apply", version: int = 4) -> Snapshot:
    """Carry out all that follows, as `Applier.apply` does."""
    for _ in range(4):
        todo, desired = way(state, told, saved, moment(verb, version))
        saved.update(desired.saved)
        for each in todo:
            carry_out(state, each)
        for name in desired.dropped:
            saved.pop(name, None)
        if not todo:
            break
    return state


def test_two_ports_on_one_subnet() -> None:
    state = two_ports()
    found, _ = way(state, inputs())
    settings_of_links = [
        f"sysctl -w net/ipv4/conf/{name}/{knob}={value}"
        for name in ("eth0", "eth1")
        for knob, value in (("arp_announce", 2), ("arp_ignore", 1), ("rp_filter", 2))
    ]
    beside = "lookup 254 suppress_prefixlength 0 suppress_ifgroup 21000"
    assert commands(state, found) == [
        *settings_of_links,
        "ip -4 rule add pref 21595 from 10.0.1.10 unreachable proto 2",
        "ip -4 rule add pref 21851 from 10.0.1.11 unreachable proto 2",
        "ip -4 rule add pref 29194 from 10.0.1.0/24 iif lo unreachable proto 2",
        "ip link set dev eth0 group 21000",
        "ip link set dev eth1 group 21000",
        "ip -4 route replace 10.0.1.0/24 dev eth0 table 21037 proto 77 scope link metric 256",
        "ip -4 route replace 10.0.1.0/24 dev eth1 table 21053 proto 77 scope link metric 256",
        "ip -4 route replace default via 10.0.1.1 dev eth0 table 21037 proto 77 metric 100",
        "ip -4 route replace default via 10.0.1.1 dev eth1 table 21053 proto 77 metric 101",
        "ip -4 route prepend default via 10.0.1.1 dev eth0 table 254 proto 77 metric 50",
        *[
            line
            for priority, address, table, name in ((21592, "10.0.1.10", 21037, "eth0"), (21848, "10.0.1.11", 21053, "eth1"))
            for line in (
                f"ip -4 rule add pref {priority} from {address} lookup {table} suppress_prefixlength 0 proto 77",
                f"ip -4 rule add pref {priority + 1} from {address} {beside} proto 77",
                f"ip -4 rule add pref {priority + 2} from {address} lookup {table} proto 77",
                f"ip -4 rule add pref {priority + 4} from all oif {name} lookup {table} proto 77",
            )
        ],
        "ip -4 rule add pref 29193 from 10.0.1.0/24 iif lo lookup 254 suppress_prefixlength 0 suppress_ifgroup 21000 proto 77",
    ]


@pytest.mark.parametrize("version", [4, 6])
def test_applying_twice_does_nothing_and_down_undoes_it(version: int) -> None:
    state = two_ports(version)
    untouched = copy.deepcopy(state)
    saved: Saved = {}
    applied(state, inputs(), saved, version=version)
    assert way(state, inputs(), saved, moment("check", version))[0] == []
    applied(state, inputs(), saved, "down", version)
    assert (state.rules, state.own_routes) == ({}, [])
    assert {each.index: vars(each) for each in state.links.values()} == {
        each.index: vars(each) for each in untouched.links.values()
    }
    assert saved == {}


RECORDS = {
    "multiport.port.a": f"slot=37 mac={MACS[0]} v4=10.0.1.10/24 gw4=10.0.1.1",
    "multiport.port.b": f"slot=53 mac={MACS[1]} v4=10.0.1.11/24 v4=10.0.1.60/24 gw4=10.0.1.1 vip=10.0.1.200/24 pair=10.0.1.201/24"
    " route=10.9.0.0/16,10.0.1.99",
    "multiport.options": "forward connmark table_names",
}


def test_further_and_virtual_addresses() -> None:
    state = two_ports()
    found = commands(state, way(state, inputs(RECORDS))[0])
    for line in (
        "ip -4 addr add 10.0.1.60/32 dev eth1",
        "ip -4 addr add 10.0.1.200/32 dev eth1",
        f"ip link set dev eth1 address {MACS[1]}",
        "sysctl -w net/ipv4/conf/eth1/arp_notify=1",
        "sysctl -w net/ipv6/conf/eth1/ndisc_notify=1",
        "ip -4 rule add pref 21850 from 10.0.1.201 lookup 21053 proto 77",
        "ip -4 route replace 10.9.0.0/16 via 10.0.1.99 dev eth1 table 21053 proto 77",
        "ip -4 rule add pref 21854 from all iif eth1 lookup 21053 proto 77",
        "ip -4 rule add pref 21855 from all fwmark 0x523d lookup 21053 proto 77",
    ):
        assert line in found
    saved: Saved = {}
    applied(state, inputs(RECORDS), saved)
    assert (3, "address 10.0.1.60/32") in saved
    fewer = commands(
        state, way(state, inputs({**RECORDS, "multiport.port.b": f"slot=53 mac={MACS[1]} v4=10.0.1.11/24"}), saved)[0]
    )
    assert "ip -4 addr del 10.0.1.60/32 dev eth1" in fewer
    assert "ip -4 rule del pref 21851 from 10.0.1.201 unreachable proto 2" in fewer


def test_a_flap_keeps_the_fence() -> None:
    state = two_ports()
    saved: Saved = {}
    applied(state, inputs(), saved)
    state.addresses = [each for each in state.addresses if each[0] != 3]
    state.main_messages[3] = []
    state.own_routes = [each for each in state.own_routes if each["index"] != 3]
    assert decision(state, "10.0.1.11", "198.51.100.2") == "unreachable"
    assert way(state, inputs(), saved)[0] == []


@pytest.mark.parametrize(("rival", "pinned"), [(100, 50), (50, 49), (1, 0), (0, 0)])
def test_pinned_default_wins(rival: int, pinned: int) -> None:
    state = two_ports()
    state.main_messages[3] = [route("0.0.0.0/0", 3, "10.0.1.1", metric=rival)]
    (line,) = [each for each in commands(state, way(state, inputs())[0]) if "table 254" in each and "route" in each]
    assert line.startswith("ip -4 route prepend default via 10.0.1.1 dev eth0 table 254 proto 77")
    assert line.endswith(f"metric {pinned}" if pinned else "proto 77")


def test_a_hot_port_waits_for_the_distribution_and_is_then_configured() -> None:
    record = {"multiport.port.hot": f"slot=90 mac={MACS[2]} mtu=1442 hot v4=10.0.2.12/24 gw4=10.0.2.1 route=10.8.0.0/16,10.0.2.9"}
    state = snapshot([link(2), link(4, MACS[2], up=False)], {2: ["10.0.1.10/24"]}, [])
    asked = moment("watch")
    told = inputs(record)
    todo, desired = way(state, told, {}, asked)
    assert desired.pending
    assert not any("addr add" in line for line in commands(state, todo))
    asked.now = 6.0
    todo, desired = way(state, told, {}, asked)
    found = commands(state, todo)
    assert found[-1].startswith("ip -4 rule add")
    for line in ("ip link set dev eth2 mtu 1442", "ip link set dev eth2 up", "ip -4 addr add 10.0.2.12/24 dev eth2"):
        assert line in found
    saved = dict(desired.saved)
    assert saved[4, "adopted4"] == "down"
    state.links[4].up = True
    state.addresses.append((4, ip_address("10.0.2.12").packed, 24))
    assert "ip -4 route prepend 10.8.0.0/16 via 10.0.2.9 dev eth2 table 254 proto 77" in commands(
        state, way(state, told, saved)[0]
    )
    back = commands(state, way(state, told, saved, moment("down"))[0])
    assert "ip -4 addr del 10.0.2.12/24 dev eth2" in back
    assert back[-1] == "ip link set dev eth2 up".replace(" up", " down")
    by_hand = way(snapshot([link(4, MACS[2], up=False)], {}, []), told, {}, moment("apply"))
    assert not by_hand[1].pending


def test_the_subnet_of_an_address_is_fenced_before_the_kernel_shows_its_route() -> None:
    """Else a further address of the subnet, which has no rules yet, leaves by the default route of another port."""
    state = snapshot([link(2)], {2: ["2001:db8:1::10/64"]}, [])
    found = commands(state, way(state, inputs(), {}, moment("check", 6))[0])
    assert any("from 2001:db8:1::/64 iif lo" in line and "unreachable" in line for line in found)


def test_ipv6_that_a_sysctl_switches_off_is_left_out() -> None:
    record = {"multiport.port.a": f"slot=37 mac={MACS[0]} v6=2001:db8:1::10/64 gw6=fe80::1"}
    state = snapshot([link(2, ipv6=False)], {}, [])
    assert way(state, inputs(record), {(2, "group"): "0"}, moment("check", 6))[1].pending is False
    assert not any("-6" in line for line in commands(state, way(state, inputs(record), {}, moment("check", 6))[0]))


def test_one_interface_alone() -> None:
    state = two_ports()
    found = commands(state, way(state, inputs(), {}, moment(only="eth1"))[0])
    assert not any("eth0" in line for line in found)
    assert any("eth1" in line for line in found)


def test_strays_in_our_ranges_go() -> None:
    state = two_ports()
    saved: Saved = {}
    applied(state, inputs(), saved)
    state.take_route(kernel.ROUTE.encode({"family": 2, "table": 21053, "type": 6, "metric": 7}))
    state.take_route(kernel.ROUTE.encode({"family": 2, "table": 254, "type": 1, "protocol": 77, "metric": 3, "index": 2}))
    stray = kernel.rule(4, 21900, 21037, oif="gone")
    state.rules[kernel.RULE.encode(stray)] = stray
    assert commands(state, way(state, inputs(), saved)[0]) == [
        "ip -4 rule del pref 21900 from all oif gone lookup 21037 proto 77",
        "ip -4 route del blackhole default table 21053 proto 0 metric 7",
        "ip -4 route del default dev eth0 table 254 proto 77 metric 3",
    ]


ADDRESSES = st.sets(st.sampled_from(["10.0.1.10/24", "10.0.1.60/24", "10.0.1.61/32", "10.0.7.7/24"]), min_size=1)


@settings(max_examples=60, deadline=None)
@given(
    first=ADDRESSES, second=st.sets(st.sampled_from(["10.0.1.11/24", "10.0.1.70/24", "10.0.8.8/24"]), min_size=1), data=st.data()
)
def test_no_prefix_of_the_way_lets_an_address_out_by_a_foreign_port(
    first: set[str], second: set[str], data: st.DataObject
) -> None:
    """From any state of our own making to any other: at each step an address leaves by its own port, not at all, or as before."""
    state = two_ports()
    saved: Saved = {}
    if data.draw(st.booleans()):
        applied(state, inputs(), saved)
        for key in data.draw(st.lists(st.sampled_from(sorted(state.rules)), unique=True, max_size=4)):
            if state.rules[key]["action"] == kernel.TO_TABLE:
                del state.rules[key]
        if data.draw(st.booleans()):
            state.own_routes = [each for each in state.own_routes if each["table"] != 21053]
    fresh = snapshot(list(state.links.values()), {2: sorted(first), 3: sorted(second)}, [])
    state.addresses = fresh.addresses
    own = {text.partition("/")[0]: name for name, texts in (("eth0", first), ("eth1", second)) for text in texts}
    before = {source: decision(state, source, "198.51.100.2") for source in own}
    todo, _ = way(state, inputs(), saved)
    for each in todo:
        carry_out(state, each)
        for source, name in own.items():
            assert decision(state, source, "198.51.100.2") in (name, "unreachable", before[source])
    for source, name in own.items():
        assert decision(state, source, "198.51.100.2") == name


@settings(max_examples=40, deadline=None)
@given(metrics=st.lists(st.integers(0, 300), max_size=3), priorities=st.lists(st.integers(0, 40000), max_size=5))
def test_nothing_foreign_is_touched(metrics: list[int], priorities: list[int]) -> None:
    foreign = [
        kernel.RULE.encode({"family": 2, "priority": each, "table": 52, "action": 1, "protocol": 4}) for each in priorities
    ]
    state = two_ports()
    for metric in metrics:
        state.take_route(route("0.0.0.0/0", 9, "10.7.0.1", metric=metric))
        state.take_route(route("198.18.0.0/15", 2, "10.0.1.99", table=4242, metric=metric))
    state.take_rules(foreign)
    assert state.rules == {}
    for verb in ("apply", "down"):
        for each in way(state, inputs(), {}, moment(verb))[0]:
            assert each.verb != "rule del"
            assert each.verb != "route del"
            assert each.values.get("table", 254) in (254, 21037, 21053)
