"""Reads the project's objects from the cloud, with one paged list for each kind, however many objects a stack has."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.resource import Resource as SdkResource

from multiport.audit.state import State

PAGE: Final = 500
"""Objects on one page. Nova's own limit is 1000 unless the operator lowers it; the SDK follows the pages in either case."""
IDS: Final = 100
"""Ids in one request, so that its URL stays well below the limit of web servers, 8 KiB."""

Found = Mapping[str, Any]
"""An object as the API shows it, under Neutron's and Nova's own names."""


@dataclass(frozen=True)
class Cloud:
    """The project's objects by id, each kind in the order of the API's answer.

    They include objects of other projects that the state names, for example the subnet of an adopted network.

    Attributes:
        project_id: The project that the credentials are for.
        images: Image ids by image name, for the names that the state mentions.
    """

    project_id: str | None
    networks: Mapping[str, Found] = field(default_factory=dict)
    subnets: Mapping[str, Found] = field(default_factory=dict)
    routers: Mapping[str, Found] = field(default_factory=dict)
    ports: Mapping[str, Found] = field(default_factory=dict)
    floating_ips: Mapping[str, Found] = field(default_factory=dict)
    security_groups: Mapping[str, Found] = field(default_factory=dict)
    security_group_rules: Mapping[str, Found] = field(default_factory=dict)
    servers: Mapping[str, Found] = field(default_factory=dict)
    server_groups: Mapping[str, Found] = field(default_factory=dict)
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)


def connect(state: State, environment: Mapping[str, str] = os.environ) -> Connection:
    """Connect to the cloud that the stack is deployed on: the provider in the state names it, or else the OS_* variables do.

    Args:
        state: The stack's state.
        environment: Environment variables; they name the cloud and the file with its credentials.

    Raises:
        openstack.exceptions.SDKException: There is no such cloud, or nothing names one.
    """
    named = {key: value for provider in state.providers for key, value in provider.items() if isinstance(value, str)}
    clouds = environment.get("OS_CLIENT_CONFIG_FILE")
    config = OpenStackConfig(
        config_files=[clouds] if clouds else None, load_envvars=environment is os.environ or "OS_CLOUD" not in environment
    )
    region = config.get_one(cloud=named.get("cloud") or environment.get("OS_CLOUD"), region_name=named.get("region"))
    return Connection(config=region)


def look(connection: Connection, state: State, say: Callable[[str], None]) -> Cloud:
    """Read everything from the cloud that the audit compares.

    Args:
        connection: The cloud.
        state: The stack's state, which names the images and the objects of other projects that are read too.
        say: Receives lines of progress.

    Raises:
        openstack.exceptions.SDKException: The API does not answer, or refuses a request.
    """
    project_id = connection.current_project_id
    network, compute = connection.network, connection.compute
    mine = {"project_id": project_id, "limit": PAGE}

    def collect(what: str, listed: Iterable[SdkResource]) -> dict[str, Found]:
        found = {each["id"]: each for each in map(_plain, listed)}
        say(f"{len(found)} {what}")
        return found

    def with_named(
        types: tuple[str, ...], found: dict[str, Found], ask: Callable[..., Iterable[SdkResource]]
    ) -> dict[str, Found]:
        """Add the objects of other projects that the state names."""
        missing = sorted(set(_ids(state, types)) - found.keys())
        for start in range(0, len(missing), IDS):
            found |= {each["id"]: each for each in map(_plain, ask(id=missing[start : start + IDS], limit=PAGE))}
        return found

    return Cloud(
        project_id=project_id,
        networks=with_named(("openstack:networking:Network",), collect("networks", network.networks(**mine)), network.networks),
        subnets=with_named(
            ("openstack:networking:Subnet", "openstack:networking:SubnetRoute"),
            collect("subnets", network.subnets(**mine)),
            network.subnets,
        ),
        routers=with_named(("openstack:networking:Router",), collect("routers", network.routers(**mine)), network.routers),
        ports=with_named(
            ("openstack:networking:Port", "openstack:networking:RouterInterface"),
            collect("ports", network.ports(**mine)),
            network.ports,
        ),
        floating_ips=with_named(
            ("openstack:networking:FloatingIp", "openstack:networking:FloatingIpAssociate"),
            collect("floating IPs", network.ips(**mine)),
            network.ips,
        ),
        security_groups=with_named(
            ("openstack:networking:SecGroup",),
            collect("security groups", network.security_groups(**mine)),
            network.security_groups,
        ),
        security_group_rules=collect("security group rules", network.security_group_rules(**mine)),
        servers=collect("servers", compute.servers(details=True, limit=PAGE)),
        server_groups=collect("server groups", compute.server_groups()) if any(state.of("openstack:compute:ServerGroup")) else {},
        images=_images(connection, state),
    )


def _ids(state: State, types: tuple[str, ...]) -> Iterator[str]:
    for resource in state.of(*types):
        if resource.type == "openstack:networking:SubnetRoute":
            yield resource.inputs["subnetId"]
        elif resource.id:
            yield resource.id


def _images(connection: Connection, state: State) -> dict[str, frozenset[str]]:
    """Return the ids of the images that the state names, by image name; several images may have the same name."""
    names = {resource.inputs.get("imageName") for resource in state.of("openstack:compute:Instance")}
    wanted = sorted(name for name in names if isinstance(name, str) and '"' not in name)
    if not wanted:
        return {}
    found: dict[str, set[str]] = {}
    for each in connection.image.images(name="in:" + ",".join(f'"{name}"' for name in wanted), limit=PAGE):
        found.setdefault(each.name, set()).add(each.id)
    return {name: frozenset(ids) for name, ids in found.items()}


def _plain(resource: SdkResource) -> Found:
    plain: dict[str, Any] = resource.to_dict(computed=False, original_names=True)
    return plain
