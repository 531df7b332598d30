import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest.errors import LONGEST_SHOWN, GuestError
from multiport.guest.metadata import (
    ITEMS_MAX,
    VALUE_CHARACTERS_MAX,
    PortFacts,
    Route,
    RoutingOptions,
    options_metadata,
    port_metadata,
    server_metadata,
)
from multiport.guest.plan import SLOT_MAX

T = TypeVar("T")
KEYS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
V4 = st.builds(IPv4Interface, st.tuples(st.ip_addresses(v=4), st.integers(0, 32)))
V6 = st.builds(IPv6Interface, st.tuples(st.ip_addresses(v=6), st.integers(0, 128)))
ROUTES = st.builds(lambda to, via: Route(to.network, via), V4, st.ip_addresses(v=4)) | st.builds(
    lambda to, via: Route(to.network, via), V6, st.ip_addresses(v=6)
)


@st.composite
def facts_of_a_port(draw: st.DrawFn) -> PortFacts:
    v4 = tuple(draw(st.lists(V4, max_size=40, unique_by=int)))
    v6 = tuple(draw(st.lists(V6, max_size=20, unique_by=int)))
    # The first address of a subnet is its gateway here, unless it lies in another subnet too.
    subnets: set[IPv4Network | IPv6Network] = {*(address.network for address in v4), *(address.network for address in v6)}
    gateways: list[IPv4Address | IPv6Address] = [
        subnet[0]
        for subnet in sorted(subnets, key=lambda subnet: (subnet.version, subnet))
        if draw(st.booleans()) and not any(subnet[0] in other for other in subnets - {subnet})
    ]
    if draw(st.booleans()):
        gateways.append(IPv6Address("fe80::1"))
    return PortFacts(
        key=draw(KEYS),
        slot=draw(st.integers(1, SLOT_MAX)),
        mac=f"fa:16:3e:00:00:{draw(st.integers(0, 255)):02x}",
        mtu=draw(st.none() | st.integers(68, 65535)),
        hot=draw(st.booleans()),
        v4=v4,
        v6=v6,
        gateways=tuple(gateways),
        routes=tuple(draw(st.lists(ROUTES, max_size=5, unique=True))),
        vips=tuple(draw(st.lists(V4 | V6, max_size=5, unique_by=lambda vip: (vip.version, int(vip))))),
        pairs=tuple(draw(st.lists(V4 | V6, max_size=5, unique_by=lambda pair: (pair.version, int(pair))))),
    )


@dataclass
class Read:
    """What a reader of the documented format makes of one port's values."""

    tokens: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [token.removeprefix(f"{name}=") for token in self.tokens if token.startswith(f"{name}=")]


def read(metadata: Mapping[str, str]) -> dict[str, Read]:
    """Read the ports' metadata by the format's description alone: in numeric order of their keys, tokens between spaces."""
    ports: dict[str, Read] = {}
    parts: list[tuple[str, int, str]] = []
    for key, value in metadata.items():
        match = re.fullmatch(r"multiport\.port\.([a-z0-9-]+)(?:\.([2-9]|[1-9][0-9]+))?", key)
        if match:
            parts.append((match[1], int(match[2] or 1), value))
    for port, number, value in sorted(parts):
        known = ports.setdefault(port, Read())
        if number > 1:
            assert (port, number - 1) in {part[:2] for part in parts}, "a gap in the numbers"
        known.tokens += value.split(" ")
    return ports


@settings(deadline=None, max_examples=40)
@given(facts_of_a_port())
def test_round_trip(facts: PortFacts) -> None:
    port = read(json.loads(json.dumps(port_metadata(facts))))[facts.key]
    assert port.all("slot") == [str(facts.slot)]
    assert port.all("mac") == [facts.mac]
    assert port.all("mtu") == ([] if facts.mtu is None else [str(facts.mtu)])
    assert port.tokens.count("hot") == facts.hot
    assert [IPv4Interface(text) for text in port.all("v4")] == sorted(facts.v4, key=int)
    assert [IPv6Interface(text) for text in port.all("v6")] == sorted(facts.v6, key=int)
    assert {*map(IPv4Address, port.all("gw4")), *map(IPv6Address, port.all("gw6"))} == set(facts.gateways)
    assert sorted(port.all("route")) == sorted(f"{route.destination},{route.next_hop}" for route in facts.routes)
    assert sorted(port.all("vip")) == sorted(map(str, facts.vips))
    assert sorted(port.all("pair")) == sorted(map(str, facts.pairs))
    kinds = [token.partition("=")[0] for token in port.tokens]
    order = ["slot", "mac", "mtu", "hot", "v4", "gw4", "v6", "gw6", "route", "vip", "pair"]
    assert kinds == sorted(kinds, key=order.index)


@settings(deadline=None, max_examples=40)
@given(facts_of_a_port())
def test_values_are_short_full_and_plain(facts: PortFacts) -> None:
    metadata = port_metadata(facts)
    values = list(metadata.values())
    assert all(0 < len(value) <= VALUE_CHARACTERS_MAX for value in values)
    # Full: the next value's first token would not have fitted.
    for value, following in pairwise(values):
        assert len(f"{value} {following.split(' ')[0]}") > VALUE_CHARACTERS_MAX
    assert list(metadata) == [f"multiport.port.{facts.key}{'' if n == 1 else f'.{n}'}" for n in range(1, len(values) + 1)]
    assert all(re.fullmatch(r"[0-9a-z:./,= ]+", value) for value in values)
    assert all(re.fullmatch(r"[a-zA-Z0-9\-_:. ]{1,255}", key) for key in metadata)


@settings(deadline=None, max_examples=40)
@given(facts_of_a_port(), st.randoms())
def test_order_of_facts_means_nothing(facts: PortFacts, random: Random) -> None:
    def mixed(items: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(random.sample(items, len(items)))

    other = replace(
        facts,
        v4=mixed(facts.v4),
        v6=mixed(facts.v6),
        gateways=mixed(facts.gateways),
        routes=mixed(facts.routes),
        vips=mixed(facts.vips),
        pairs=mixed(facts.pairs),
    )
    assert port_metadata(other) == port_metadata(facts)


def test_one_more_address_changes_one_value() -> None:
    facts = PortFacts("a", 37, "fa:16:3e:00:00:01", 1442, v4=(IPv4Interface("10.0.0.5/24"),), gateways=(IPv4Address("10.0.0.1"),))
    assert port_metadata(facts) == {"multiport.port.a": "slot=37 mac=fa:16:3e:00:00:01 mtu=1442 v4=10.0.0.5/24 gw4=10.0.0.1"}
    more = replace(facts, v4=(*facts.v4, IPv4Interface("10.0.0.30/24")))
    assert port_metadata(more) == {
        "multiport.port.a": "slot=37 mac=fa:16:3e:00:00:01 mtu=1442 v4=10.0.0.5/24 v4=10.0.0.30/24 gw4=10.0.0.1"
    }


@settings(deadline=None, max_examples=40)
@given(
    st.booleans(), st.booleans(), st.booleans(), st.none() | st.from_regex(r"http://[0-9a-zA-Z:./,=_-]{1,200}", fullmatch=True)
)
def test_options(connmark: bool, forward: bool, table_names: bool, echo_url: str | None) -> None:
    metadata = options_metadata(RoutingOptions(connmark, forward, table_names, echo_url))
    tokens = metadata["multiport.options"].split(" ") if metadata else []
    assert [token for token in tokens if not token.startswith("echo=")] == [
        name for name, on in (("connmark", connmark), ("forward", forward), ("table_names", table_names)) if on
    ]
    assert [token for token in tokens if token.startswith("echo=")] == ([] if echo_url is None else [f"echo={echo_url}"])
    assert all(len(value) <= VALUE_CHARACTERS_MAX for value in metadata.values())


def test_options_off_leave_no_key() -> None:
    assert options_metadata(RoutingOptions()) == {}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "https://x/",
        "ftp://x/",
        "http://x y/",
        "http://x/$(id)",
        "http://x/`id`",
        "http://x/\n",
        "http://x/?a",
        "http://ü/",
    ],
)
def test_no_echo_url(url: str) -> None:
    with pytest.raises(GuestError) as error:
        RoutingOptions(echo_url=url)
    assert error.value.key == "routing.echo_url"


def test_longest_echo_url() -> None:
    room = VALUE_CHARACTERS_MAX - len("connmark forward table_names echo=http://")
    longest = RoutingOptions(True, True, True, f"http://{'x' * room}")
    assert [len(value) for value in options_metadata(longest).values()] == [VALUE_CHARACTERS_MAX]
    with pytest.raises(GuestError, match="1 characters too long"):
        RoutingOptions(True, True, True, f"http://{'x' * (room + 1)}")


PORT = PortFacts("a", 37, "fa:16:3e:00:00:01")


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.from_regex(r"[a-zA-Z0-9\-_:. ]{1,40}", fullmatch=True).filter(lambda key: not key.startswith("multiport.")),
        st.text(max_size=255),
    )
)
def test_users_metadata_is_kept(user: dict[str, str]) -> None:
    metadata = server_metadata([PORT], RoutingOptions(connmark=True), user)
    assert {key: value for key, value in metadata.items() if not key.startswith("multiport.")} == user
    assert metadata["multiport.port.a"] == "slot=37 mac=fa:16:3e:00:00:01"
    assert metadata["multiport.options"] == "connmark"
    assert list(metadata) == sorted(metadata)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("multiport.x", "", "metadata.multiport.x"),
        ("", "", "metadata.''"),
        ("x" * 256, "", f"metadata.'{'x' * LONGEST_SHOWN}...'"),
        ("a/b", "", "metadata.'a/b'"),
        ("ä", "", "metadata.'ä'"),
        ("a\n", "", "metadata.'a\\n'"),
        ("a", "x" * 256, "metadata.a"),
    ],
)
def test_items_that_nova_or_we_refuse(key: str, value: str, named: str) -> None:
    with pytest.raises(GuestError) as error:
        server_metadata([PORT], RoutingOptions(), {key: value})
    assert error.value.key == named


def test_items_fit_the_default_quota() -> None:
    user = {f"key{number}": "" for number in range(ITEMS_MAX - 1)}
    assert len(server_metadata([PORT], RoutingOptions(), user)) == ITEMS_MAX
    with pytest.raises(GuestError, match="129 items, 2 of them for the ports, are 1 more"):
        server_metadata([PORT], RoutingOptions(forward=True), user)


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (PortFacts("a", 38, "fa:16:3e:00:00:02"), "ports.a.key"),
        (PortFacts("b", 37, "fa:16:3e:00:00:02"), "ports.b.slot"),
        (PortFacts("b", 38, "FA:16:3E:00:00:01"), "ports.b.mac"),
    ],
)
def test_ports_that_share(other: PortFacts, key: str) -> None:
    for ports in ([PORT, other], [other, PORT]):
        with pytest.raises(GuestError, match="already") as error:
            server_metadata(ports, RoutingOptions(), {})
        assert error.value.key == key


@pytest.mark.parametrize("key", ["", "A", "a.2", "-a", "a-", "a b", "a\n", "x" * 33, "ä", "a_b"])
def test_no_port_key(key: str) -> None:
    with pytest.raises(GuestError, match="not a port key"):
        replace(PORT, key=key)


@pytest.mark.parametrize("mtu", [0, 67, 65536, True, 1442.0])
def test_no_mtu(mtu: int) -> None:
    with pytest.raises(GuestError) as error:
        replace(PORT, mtu=mtu)
    assert error.value.key == "ports.a.mtu"


@pytest.mark.parametrize(
    "facts",
    [
        partial(replace, PORT, v6=(IPv6Interface("fe80::5%eth0/64"),)),
        partial(replace, PORT, gateways=(IPv6Address("fe80::1%eth0"),)),
        partial(replace, PORT, vips=(IPv6Interface("fe80::1%$(id)/64"),)),
        partial(replace, PORT, pairs=(IPv6Interface("fe80::1%$(id)/64"),)),
        partial(replace, PORT, routes=(Route(IPv6Network("2001:db8::/32"), IPv6Address("fe80::1%x")),)),
    ],
)
def test_no_interface_names_in_addresses(facts: Callable[[], PortFacts]) -> None:
    with pytest.raises(GuestError, match="names an interface"):
        facts()


def test_gateways_belong_to_subnets() -> None:
    v4 = (IPv4Interface("10.0.0.5/24"), IPv4Interface("10.0.1.5/24"))
    both = replace(PORT, v4=v4, gateways=(IPv4Address("10.0.1.1"), IPv4Address("10.0.0.1"), IPv6Address("fe80::1")))
    assert port_metadata(both)["multiport.port.a"].endswith("v4=10.0.0.5/24 v4=10.0.1.5/24 gw4=10.0.0.1 gw4=10.0.1.1 gw6=fe80::1")
    with pytest.raises(GuestError, match=r"10\.0\.2\.1 is on no subnet"):
        replace(PORT, v4=v4, gateways=(IPv4Address("10.0.2.1"),))
    with pytest.raises(GuestError, match=r"10\.0\.0\.0/24 has two gateways"):
        replace(PORT, v4=v4, gateways=(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")))
    with pytest.raises(GuestError, match=r"169\.254\.0\.1 is on no subnet"):
        replace(PORT, v4=v4, gateways=(IPv4Address("169.254.0.1"),))
