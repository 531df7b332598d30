"""What a living server is told: the Nova metadata of its ports and options. Keys and values are an API, version 1.

One key per port, ``multiport.port.<key>``, holds space-separated tokens; what does not fit goes on in
``multiport.port.<key>.2``, ``.3`` and so on, split between tokens. One key, ``multiport.options``, holds the options
that are on; without it all are off. Nova updates both in place, so nothing that is told here ever costs a server.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Final

from multiport.guest.errors import GuestError, shown
from multiport.guest.plan import METADATA_PREFIX, check_slot, unicast_mac
from multiport.guest.program.numbers import MTU_MAX, MTU_MIN

VALUE_CHARACTERS_MAX: Final = 255
"""Longest metadata value, and longest key, that Nova takes (its API schema)."""

ITEMS_MAX: Final = 128
"""Metadata items of one server: Nova's default quota, `[quota] metadata_items`."""

PORT_KEY: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
"""A port's key: one that metadata keys, resource names and host names can carry, with room for a prefix."""

NOVA_KEY: Final = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}")
"""A metadata key that Nova takes."""

ECHO_URL: Final = re.compile(r"http://[0-9a-zA-Z:./,=_-]+")
"""A URL that the guest can ask for the caller's address."""

DEFAULT_ECHO_URL: Final = "http://ifconfig.me"
"""The one that the guide uses, for commands and verifications of servers without an echo_url."""


@dataclass(frozen=True, slots=True)
class Route:
    """A host route of a port's subnet.

    Attributes:
        destination: The network behind the next hop.
        next_hop: Who forwards to it.
    """

    destination: IPv4Network | IPv6Network
    next_hop: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class PortFacts:
    """What is true of a port now and may be different later.

    Attributes:
        key: The port's key in the configuration.
        slot: Number of its table and priorities, 1 to 511.
        mac: Its MAC address; kept in lower case.
        mtu: Its network's MTU in bytes, 68 to 65535; None where nobody said.
        hot: Whether it is attached to the running server, so that the plan does not list it.
        v4: Its IPv4 addresses, each with the prefix of its subnet.
        v6: Its IPv6 addresses likewise.
        gateways: The gateways of its subnets, at most one per subnet; link-local ones are IPv6 routers.
        routes: The host routes of its subnets.
        vips: Virtual addresses that this server holds and announces on this port.
        pairs: Virtual addresses that it may take on this port and another server may hold now; their rules wait for them, so
            that they answer from the first packet on.

    Raises:
        GuestError: A value is none of these, or a gateway is not on the port's subnets.
    """

    key: str
    slot: int
    mac: str
    mtu: int | None = None
    hot: bool = False
    v4: tuple[IPv4Interface, ...] = ()
    v6: tuple[IPv6Interface, ...] = ()
    gateways: tuple[IPv4Address | IPv6Address, ...] = ()
    routes: tuple[Route, ...] = ()
    vips: tuple[IPv4Interface | IPv6Interface, ...] = ()
    pairs: tuple[IPv4Interface | IPv6Interface, ...] = ()

    def __post_init__(self) -> None:
        where = f"ports.{self.key}"
        if not PORT_KEY.fullmatch(self.key):
            raise GuestError(
                f"ports.{shown(self.key)}", "this is not a port key", "Use up to 32 lower-case letters, digits and inner hyphens"
            )
        check_slot(f"{where}.slot", self.slot)
        object.__setattr__(self, "mac", unicast_mac(f"{where}.mac", self.mac))
        if self.mtu is not None and (type(self.mtu) is not int or not MTU_MIN <= self.mtu <= MTU_MAX):
            raise GuestError(
                f"{where}.mtu", f"{shown(self.mtu)} is not an MTU", f"Use a whole number from {MTU_MIN} to {MTU_MAX}"
            )
        for address in (*self.v6, *self.gateways, *self.vips, *self.pairs, *(route.next_hop for route in self.routes)):
            if getattr(address, "scope_id", None) is not None:
                raise GuestError(where, f"{shown(str(address))} names an interface", "Leave out the % and what follows")
        self._check_gateways(where)

    def _check_gateways(self, where: str) -> None:
        subnets: set[IPv4Network | IPv6Network] = {
            *(address.network for address in self.v4),
            *(address.network for address in self.v6),
        }
        served: dict[IPv4Network | IPv6Network, IPv4Address | IPv6Address] = {}
        for gateway in self.gateways:
            if isinstance(gateway, IPv6Address) and gateway.is_link_local:
                continue
            subnet = next((subnet for subnet in subnets if gateway in subnet), None)
            if subnet is None:
                raise GuestError(
                    f"{where}.gateways",
                    f"{gateway} is on no subnet of the port's addresses",
                    "Give the gateway of a subnet the port has",
                )
            if served.setdefault(subnet, gateway) != gateway:
                raise GuestError(
                    f"{where}.gateways",
                    f"{subnet} has two gateways, {served[subnet]} and {gateway}",
                    "Give one gateway per subnet",
                )


@dataclass(frozen=True, slots=True)
class RoutingOptions:
    """What policy routing does in addition to answering on every port; all off by default.

    Attributes:
        connmark: Whether connections are marked with the port that they came in on, and their replies follow the mark.
        forward: Whether what is forwarded follows the rules of the port that it arrived on.
        table_names: Whether the tables have names.
        echo_url: Where ``policy-routing verify`` asks for the caller's address; None: nowhere.

    Raises:
        GuestError: The URL is not plain http, or is too long for one metadata value.
    """

    connmark: bool = False
    forward: bool = False
    table_names: bool = False
    echo_url: str | None = None

    def __post_init__(self) -> None:
        if self.echo_url is not None and not ECHO_URL.fullmatch(self.echo_url):
            raise GuestError(
                "routing.echo_url",
                f"{shown(self.echo_url)} is not a plain http URL",
                "Use http:// and then letters, digits and : . / , = _ - only",
            )
        if (length := len(" ".join(_option_tokens(self)))) > VALUE_CHARACTERS_MAX:
            raise GuestError(
                "routing.echo_url",
                f"it is {length - VALUE_CHARACTERS_MAX} characters too long",
                "Use a shorter URL; metadata values are short",
            )


def port_metadata(facts: PortFacts) -> dict[str, str]:
    """Return one port's metadata, in as many values as it needs."""
    first = f"{METADATA_PREFIX}port.{facts.key}"
    values = _filled(_port_tokens(facts))
    return {first if number == 1 else f"{first}.{number}": value for number, value in enumerate(values, start=1)}


def options_metadata(options: RoutingOptions) -> dict[str, str]:
    """Return the options that are on; nothing if none is."""
    tokens = _option_tokens(options)
    return {f"{METADATA_PREFIX}options": " ".join(tokens)} if tokens else {}


def server_metadata(ports: Iterable[PortFacts], options: RoutingOptions, user: Mapping[str, str]) -> dict[str, str]:
    """Return all metadata of a server, in the order of its keys.

    Args:
        ports: All ports, boot and hot.
        options: What policy routing does beside.
        user: The user's own metadata.

    Raises:
        GuestError: A key or value that Nova refuses, a key of the user's under our prefix, too many items, or two
            ports with one key, slot or MAC address.
    """
    ours: dict[str, str] = {}
    owners: dict[object, str] = {}
    ports = sorted(ports, key=lambda facts: facts.key)
    # where two ports may take an address, or it is there already, only its coming tells whose rules it needs
    named = Counter(address.ip for facts in ports for address in (*facts.v4, *facts.v6, *facts.vips, *facts.pairs))
    for facts in ports:
        for what, value in (("key", facts.key), ("slot", facts.slot), ("mac", facts.mac)):
            if (what, value) in owners:
                raise GuestError(
                    f"ports.{facts.key}.{what}",
                    f"port {owners[what, value]} has {value} already",
                    f"Give each port a {what} of its own",
                )
            owners[what, value] = facts.key
        ours |= port_metadata(replace(facts, pairs=tuple(each for each in facts.pairs if named[each.ip] == 1)))
    ours |= options_metadata(options)
    for key, value in user.items():
        _check_user_item(key, value)
    if (items := len(ours) + len(user)) > ITEMS_MAX:
        raise GuestError(
            "metadata",
            f"{items} items, {len(ours)} of them for the ports, are {items - ITEMS_MAX} more than Nova takes",
            f"Remove some; its default quota is {ITEMS_MAX}",
        )
    return dict(sorted((ours | dict(user)).items()))


def _check_user_item(key: str, value: str) -> None:
    where = f"metadata.{key}"
    if not NOVA_KEY.fullmatch(key):
        raise GuestError(
            f"metadata.{shown(key)}",
            "Nova refuses this key",
            f"Use 1 to {VALUE_CHARACTERS_MAX} letters, digits, spaces, dots and - _ :",
        )
    if key.startswith(METADATA_PREFIX):
        raise GuestError(where, f"keys under {METADATA_PREFIX} tell the guest about its ports", "Use another key")
    if len(value) > VALUE_CHARACTERS_MAX:
        raise GuestError(
            where,
            f"its {len(value)} characters are more than Nova takes",
            f"Use at most {VALUE_CHARACTERS_MAX}, or put it into user data",
        )


def _port_tokens(facts: PortFacts) -> list[str]:
    gateways = sorted(facts.gateways, key=int)
    return [
        f"slot={facts.slot}",
        f"mac={facts.mac}",
        *([] if facts.mtu is None else [f"mtu={facts.mtu}"]),
        *(["hot"] if facts.hot else []),
        *(f"v4={address}" for address in sorted(facts.v4, key=int)),
        *(f"gw4={gateway}" for gateway in gateways if isinstance(gateway, IPv4Address)),
        *(f"v6={address}" for address in sorted(facts.v6, key=int)),
        *(f"gw6={gateway}" for gateway in gateways if isinstance(gateway, IPv6Address)),
        *(f"route={route.destination},{route.next_hop}" for route in sorted(facts.routes, key=_route_order)),
        *(f"vip={address}" for address in sorted(facts.vips, key=_address_order)),
        *(f"pair={address}" for address in sorted(facts.pairs, key=_address_order)),
    ]


def _address_order(address: IPv4Interface | IPv6Interface) -> tuple[int, int]:
    return address.version, int(address)


def _route_order(route: Route) -> tuple[int, int, int, int]:
    destination = route.destination
    return destination.version, int(destination.network_address), destination.prefixlen, int(route.next_hop)


def _option_tokens(options: RoutingOptions) -> list[str]:
    switches = {"connmark": options.connmark, "forward": options.forward, "table_names": options.table_names}
    tokens = [name for name, on in switches.items() if on]
    return tokens if options.echo_url is None else [*tokens, f"echo={options.echo_url}"]


def _filled(tokens: Iterable[str]) -> list[str]:
    """Join tokens into values that are as long as Nova allows; no token is near that long."""
    values: list[str] = []
    for token in tokens:
        if values and len(values[-1]) + 1 + len(token) <= VALUE_CHARACTERS_MAX:
            values[-1] += f" {token}"
        else:
            values.append(token)
    return values
