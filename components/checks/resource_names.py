"""Rules for the names under which Pulumi knows what we create: no two resources may have the same."""

from collections.abc import Iterable, Iterator

from multiport.components.checks import floating_ips
from multiport.components.config_error import Fault, key_path, named
from multiport.components.topology import Topology


def check_resource_names(topology: Topology) -> Iterator[Fault]:
    """No two pairs of keys, which hyphens join to resource names, give the same name."""
    servers = topology.get("servers", {})
    yield from _joined_twice(
        (server_key, name, path)
        for server_key, server in servers.items()
        for key, port in server["ports"].items()
        for path in [key_path("servers", server_key, "ports", key)]
        for name in [key, *port.get("formerly", [])]
    )
    yield from _joined_twice(
        (key, subnet_key, key_path("networks", key, "subnets", subnet_key))
        for key, network in topology.get("networks", {}).items()
        for subnet_key in network["subnets"]
    )
    yield from _joined_twice(
        (server_key, own, path)
        for server_key, server in servers.items()
        for own, path in floating_ips.own_keys(key_path("servers", server_key), server["ports"])
    )


def _joined_twice(parts: Iterable[tuple[str, str, str]]) -> Iterator[Fault]:
    seen: dict[str, tuple[str, str]] = {}
    for first, second, path in parts:
        name = f"{first}-{second}"
        owner, where = seen.setdefault(name, (first, path))
        if owner != first:
            yield Fault(
                path,
                f"its resource name {named(name)} is also that of {where}",
                "Change a key so that the two differ when joined",
            )
