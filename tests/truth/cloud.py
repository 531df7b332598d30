"""What the cloud holds of a stack, read from its API: by the tags of our own, never from the engine's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Server:
    """A server: its id, and what changes when it is rebuilt or resized."""

    id: str
    image: str
    flavor: str


@dataclass(frozen=True)
class Port:
    """A port: its id, MAC address and fixed IPs."""

    id: str
    mac_address: str
    fixed_ips: frozenset[str]


@dataclass(frozen=True)
class Holdings:
    """Everything of a stack that a change can lose.

    Attributes:
        servers: By key.
        ports: By server's and port's key; a virtual address by its own key and an empty one.
        leads_to: For each floating IP the port and fixed IP that it leads to, or None.
        others: Ids of networks, subnets, routers and security groups, by what they are.
    """

    servers: Mapping[str, Server]
    ports: Mapping[tuple[str, str], Port]
    leads_to: Mapping[str, tuple[str, str] | None]
    others: Mapping[str, frozenset[str]]


def holdings(api: Any, stack: str, floating_ips: frozenset[str]) -> Holdings:
    """Read what a stack holds.

    Args:
        api: Connection to the cloud.
        stack: The stack's name.
        floating_ips: Floating IPs that the stack held before: what is no longer its own may still be there.
    """
    mark = f"multiport.stack=multiport.{stack}"
    servers = {
        _value(server.tags, "owner"): Server(server.id, _image(api, server), server.flavor.original_name or server.flavor.name)
        for server in api.compute.servers(details=True)
        if mark in (server.tags or [])
    }
    by_id = {}
    ports = {}
    for port in api.network.ports(tags=[mark]):
        owner, key = _value(port.tags, "owner"), _value(port.tags, "key")
        place = (owner, key) if owner in servers else (owner, "")
        ports[place] = Port(port.id, port.mac_address, frozenset(each["ip_address"] for each in port.fixed_ips))
        by_id[port.id] = place
    leads_to = {
        each.floating_ip_address: None
        if each.port_id is None
        else (".".join(filter(None, by_id[each.port_id])), each.fixed_ip_address)
        for each in api.network.ips()
        if mark in each.tags or each.floating_ip_address in floating_ips
    }
    others = {
        "network": frozenset(each.id for each in api.network.networks(tags=[mark])),
        "subnet": frozenset(each.id for each in api.network.subnets(tags=[mark])),
        "router": frozenset(each.id for each in api.network.routers(tags=[mark])),
        "security group": frozenset(each.id for each in api.network.security_groups(tags=[mark])),
    }
    return Holdings(servers, ports, leads_to, others)


def _value(tags: list[str], name: str) -> str:
    return next(tag.partition("=")[2] for tag in tags if tag.startswith(f"multiport.{name}="))


def _image(api: Any, server: Any) -> str:
    image: str = api.image.get_image(server.image.id).name
    return image
