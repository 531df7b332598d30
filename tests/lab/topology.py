"""Objects that a tenant creates for a test: networks, router, ports, a server, floating IPs; and their deletion."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection


def named(cloud: Connection, kind: str, name: str) -> str:
    """Return the id of an object that every lab has."""
    find = {"network": cloud.network.find_network, "image": cloud.image.find_image, "flavor": cloud.compute.find_flavor}[kind]
    found = find(name)
    assert found is not None, name
    return str(found.id)


@dataclass
class Topology:
    cloud: Connection
    name: str
    network: Any
    subnet: Any
    isolated: Any
    isolated_subnet: Any
    router: Any
    group: Any
    ports: list[Any] = field(default_factory=list)
    floating_ips: list[Any] = field(default_factory=list)
    servers: list[Any] = field(default_factory=list)
    networks: list[Any] = field(default_factory=list)
    """Networks in addition to the two that every topology has."""
    operator: Connection | None = None
    """Connection as admin, which binds ports to the host for tests that need a bound port without a server."""

    def further_network(self) -> Any:
        network = self.cloud.network.create_network(name=self.name)
        self.networks.append(network)
        return network

    def port(self, *, isolated: bool = False, **attributes: Any) -> Any:
        network, subnet = (self.isolated, self.isolated_subnet) if isolated else (self.network, self.subnet)
        port = self.cloud.network.create_port(
            **{"name": self.name, "network_id": network.id, "fixed_ips": [{"subnet_id": subnet.id}]} | attributes,
        )
        self.ports.append(port)
        return port

    def bound_port(self) -> Any:
        """Create a port that is bound, like a port of a server."""
        assert self.operator is not None
        port = self.port()
        self.operator.network.update_port(port.id, binding_host_id=HOST)
        return port

    def floating_ip(self, **attributes: Any) -> Any:
        floating_ip = self.cloud.network.create_ip(floating_network_id=named(self.cloud, "network", "PUBLICNET"), **attributes)
        self.floating_ips.append(floating_ip)
        return floating_ip

    def server(self, ports: list[Any], **attributes: Any) -> Any:
        compute = self.cloud.compute
        server = compute.create_server(
            name=self.name,
            image_id=named(self.cloud, "image", "Debian-12"),
            flavor_id=named(self.cloud, "flavor", "gp.0.1.2"),
            networks=[{"port": port.id} for port in ports],
            key_name="multiport",
            **attributes,
        )
        self.servers.append(server)
        return compute.wait_for_server(server, wait=300, interval=1)

    def remove(self) -> None:
        """Delete all objects. Ports are deleted before their floating IPs, an order that once blocked Neutron on SQLite."""
        for server in self.servers:
            self.cloud.compute.delete_server(server)
        for server in self.servers:
            self.cloud.compute.wait_for_delete(server, wait=300, interval=1)
        network = self.cloud.network
        for port in self.ports:
            network.delete_port(port)
        for floating_ip in self.floating_ips:
            network.delete_ip(floating_ip)
        network.remove_interface_from_router(self.router, subnet=self.subnet.id)
        network.delete_router(self.router)
        for created in (self.network, self.isolated, *self.networks):
            network.delete_network(created)
        network.delete_security_group(self.group)


@contextmanager
def topology(cloud: Connection, name: str) -> Iterator[Topology]:
    neutron = cloud.network
    network, isolated = neutron.create_network(name=name), neutron.create_network(name=f"{name}-isolated")
    built = Topology(
        cloud,
        name,
        network,
        neutron.create_subnet(
            name=name,
            network_id=network.id,
            ip_version=4,
            cidr="10.1.0.0/24",
            allocation_pools=[{"start": "10.1.0.100", "end": "10.1.0.200"}],
        ),
        isolated,
        neutron.create_subnet(
            name=name,
            network_id=isolated.id,
            ip_version=4,
            cidr="10.2.0.0/24",
            gateway_ip=None,
            is_dhcp_enabled=False,
            allocation_pools=[{"start": "10.2.0.10", "end": "10.2.0.200"}],
        ),
        neutron.create_router(name=name, external_gateway_info={"network_id": named(cloud, "network", "PUBLICNET")}),
        neutron.create_security_group(name=name),
    )
    neutron.add_interface_to_router(built.router, subnet=built.subnet.id)
    try:
        yield built
    finally:
        built.remove()
