"""What to probe: servers, ports and addresses, taken from the outputs of a stack. Pure functions on plain data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from multiport.guest.metadata import DEFAULT_ECHO_URL

USUAL_LOGINS = ("ubuntu", "debian", "rocky", "almalinux", "fedora", "cloud-user", "root")
"""Default users of cloud images. root comes last, because cloud images answer its login with a message and a delay of 10 s."""


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
    """The address that clients outside use: its floating IP, or itself on an external network; None if it cannot be reached."""


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
    """URL that answers with the client's address."""
    ports: tuple[Port, ...]

    @property
    def outside(self) -> list[str]:
        """Addresses at which clients outside reach the server."""
        return [address.outside for port in self.ports for address in port.addresses if address.outside is not None]


@dataclass(frozen=True, slots=True)
class VirtualIp:
    """A virtual IP address that servers share."""

    key: str
    ip_address: str
    floating_ip: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to probe."""

    servers: tuple[Server, ...]
    virtual_ips: tuple[VirtualIp, ...]

    @property
    def outside(self) -> list[str]:
        """All addresses that must answer outside."""
        own = [address for server in self.servers for address in server.outside]
        return [*own, *(virtual_ip.floating_ip for virtual_ip in self.virtual_ips)]


def plan(exports: Mapping[str, Any], login: str = "", echo_url: str = "") -> Plan:
    """Return the plan for the outputs of a stack.

    Args:
        exports: The outputs, as `make outputs FORMAT=json` prints them.
        login: Login name; if empty, that of the ssh commands in the outputs.
        echo_url: URL that answers with the client's address; if empty, that of the curl commands in the outputs.

    Raises:
        PlanError: A login name or an address is none.
    """
    servers = [_server(name, server, login, echo_url) for name, server in sorted(exports.get("servers", {}).items())]
    virtual_ips = [
        VirtualIp(key, _checked(virtual_ip["ip_address"]), _checked(virtual_ip["floating_ip"]))
        for key, virtual_ip in sorted(exports.get("virtual_ips", {}).items())
        if virtual_ip.get("floating_ip")
    ]
    return Plan(tuple(servers), tuple(virtual_ips))


def _server(name: str, server: Mapping[str, Any], login: str, echo_url: str) -> Server:
    commands = server.get("commands", {}).values()
    logins = [line.removeprefix("ssh ").partition("@")[0] for port in commands for line in port.get("ssh", [])]
    urls = [line.split()[3].removesuffix(";") for port in commands for line in port.get("curl", [])]
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
    # If the keys of the addresses are their positions (see PortState), Neutron chose them on an external network. Clients outside
    # reach such addresses without a floating IP.
    external = all(key.isdecimal() for key in port["fixed_ips"])
    addresses = [
        Address(fixed_key, fixed_ip, _outside(port["floating_ips"].get(fixed_key, fixed_ip if external else None)))
        for fixed_key, fixed_ip in port["fixed_ips"].items()
        if ip_address(_checked(fixed_ip)).version == 4  # noqa: PLR2004 - floating IPs are IPv4, and IPv6 is not verified
    ]
    return Port(key, port["mac_address"].lower(), int(port["table"]), tuple(addresses))


def _outside(address: object) -> str | None:
    return None if address is None else _checked(address)


def _checked(address: object) -> str:
    """An address, and nothing that ping or ssh would take for an option or a name."""
    try:
        return str(ip_address(str(address)))
    except ValueError as error:
        raise PlanError(f"the outputs have {address!r} where an address is expected. See `make outputs FORMAT=json`.") from error
