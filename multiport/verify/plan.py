"""What is to be probed: servers, ports and addresses, drawn from a stack's outputs. Plain data in, plain data out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

DEFAULT_ECHO_URL = "http://ifconfig.me"  # the guide's
USUAL_LOGINS = ("ubuntu", "debian", "rocky", "almalinux", "fedora", "cloud-user", "root")
"""Default users of cloud images. Last the one whom they greet with ten seconds of silence."""


_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,63}", re.ASCII)
"""What ssh may be given as a login: nothing that begins like an option, or that its ProxyCommand would read as more."""


class PlanError(ValueError):
    """The outputs, or what was asked for, cannot be verified as they are; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address of a port."""

    key: str
    """The user's key for it."""
    fixed_ip: str
    """The address in the guest."""
    outside: str | None
    """By which the world reaches it: its floating IP, or itself on an external network; None where the world does not."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a server."""

    key: str
    mac: str
    table: int
    """Routing table in the guest."""
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """A server."""

    name: str
    logins: tuple[str, ...]
    """Login names of the image's default user: one if it is known, else the usual ones."""
    echo_url: str
    """URL that answers with the caller's address."""
    ports: tuple[Port, ...]

    @property
    def outside(self) -> list[str]:
        """Addresses by which the world reaches it."""
        return [each.outside for port in self.ports for each in port.addresses if each.outside is not None]


@dataclass(frozen=True, slots=True)
class VirtualIp:
    """A virtual address shared by servers."""

    key: str
    ip_address: str
    floating_ip: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be probed."""

    servers: tuple[Server, ...]
    virtual_ips: tuple[VirtualIp, ...]

    @property
    def outside(self) -> list[str]:
        """Every address that the world is to reach."""
        own = [address for server in self.servers for address in server.outside]
        return [*own, *(each.floating_ip for each in self.virtual_ips)]


def plan(exports: Mapping[str, Any], login: str = "", echo_url: str = "") -> Plan:
    """Draw the plan from a stack's outputs.

    Args:
        exports: The outputs, as `make outputs FORMAT=json` prints them.
        login: Login name; empty: as the outputs' own ssh lines have it.
        echo_url: URL that answers with the caller's address; empty: as the outputs' own curl lines have it.
    """
    servers = [_server(name, each, login, echo_url) for name, each in sorted(exports.get("servers", {}).items())]
    virtual_ips = [
        VirtualIp(key, _checked(each["ip_address"]), _checked(each["floating_ip"]))
        for key, each in sorted(exports.get("virtual_ips", {}).items())
        if each.get("floating_ip")
    ]
    return Plan(tuple(servers), tuple(virtual_ips))


def _server(name: str, server: Mapping[str, Any], login: str, echo_url: str) -> Server:
    lines = server.get("commands", {}).values()
    logins = [line.removeprefix("ssh ").partition("@")[0] for each in lines for line in each.get("ssh", [])]
    urls = [line.split()[3].removesuffix(";") for each in lines for line in each.get("curl", [])]
    for each in (login, *logins[:1]):
        if each and not _LOGIN.fullmatch(each):
            raise PlanError(f"{each!r} is no login name for {name!r}. Set SSH_USER to the name of the image's default user.")
    return Server(
        name,
        (login,) if login else tuple(logins[:1]) or USUAL_LOGINS,
        echo_url or next(iter(urls), DEFAULT_ECHO_URL),
        tuple(_port(key, port) for key, port in sorted(server["ports"].items())),
    )


def _port(key: str, port: Mapping[str, Any]) -> Port:
    # on a network of somebody else's the addresses have their places for keys (see PortState): the world reaches them as they are
    external = all(each.isdecimal() for each in port["fixed_ips"])
    addresses = [
        Address(each, fixed_ip, _outside(port["floating_ips"].get(each, fixed_ip if external else None)))
        for each, fixed_ip in port["fixed_ips"].items()
        if ip_address(_checked(fixed_ip)).version == 4  # noqa: PLR2004 - floating IPs are IPv4, and so is this verification
    ]
    return Port(key, port["mac_address"].lower(), int(port["table"]), tuple(addresses))


def _outside(address: object) -> str | None:
    return None if address is None else _checked(address)


def _checked(address: object) -> str:
    """An address, and nothing that ping or ssh would take for an option or a name."""
    try:
        return str(ip_address(str(address)))
    except ValueError as error:
        raise PlanError(
            f"the outputs have {address!r} where an address is expected. Look at `make outputs FORMAT=json`."
        ) from error
