"""The resources of a stack and their references, as far as the preview that the policy engine passes on knows them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource, StackValidationArgs
from pulumi_policy.proxy import UnknownValueError

NETWORK: Final = "openstack:networking/network:Network"
SUBNET: Final = "openstack:networking/subnet:Subnet"
PORT: Final = "openstack:networking/port:Port"
ROUTER: Final = "openstack:networking/router:Router"
ROUTER_INTERFACE: Final = "openstack:networking/routerInterface:RouterInterface"
ASSOCIATION: Final = "openstack:networking/floatingIpAssociate:FloatingIpAssociate"
SERVER: Final = "openstack:compute/instance:Instance"
ATTACHMENT: Final = "openstack:compute/interfaceAttach:InterfaceAttach"


class _Unknown:
    """A value that is known only after the update."""


UNKNOWN: Final = _Unknown()


def value(props: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return a property, UNKNOWN where the preview does not know it."""
    try:
        return props[key] if key in props else default  # noqa: SIM401 - .get() passes the SDK's check for unknowns by
    except UnknownValueError:
        return UNKNOWN


def listed(props: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return a list of objects; empty where the preview does not know it."""
    found = value(props, key)
    if found is UNKNOWN or not found:
        return []
    return [item for place in range(len(found)) if (item := _item(found, place)) is not UNKNOWN and item is not None]


def _item(items: Any, place: int) -> Any:
    try:
        return items[place]
    except UnknownValueError:
        return UNKNOWN


class Graph:
    """Resources by type, and the ones that a property refers to."""

    def __init__(self, args: StackValidationArgs) -> None:
        self._resources = list(args.resources)

    def of(self, kind: str) -> Iterator[PolicyResource]:
        """Return resources of a type."""
        return (resource for resource in self._resources if resource.resource_type == kind)

    @staticmethod
    def refers(resource: PolicyResource, key: str, kind: str) -> list[PolicyResource]:
        """Return the resources of a type that a property was made of; they are known even where its value is not."""
        found = resource.property_dependencies.get(key) or ()
        return [dependency for dependency in found if dependency.resource_type == kind]

    def networks_of(self, resource: PolicyResource) -> set[str]:
        """Return URNs of the stack's own networks that a port or subnet is on; empty for a network of somebody else."""
        return {network.urn for network in self.refers(resource, "networkId", NETWORK)}

    def ports_of(self, server: PolicyResource) -> list[PolicyResource]:
        """Return the server's ports that the stack declares, boot ports first."""
        boot = self.refers(server, "networks", PORT)
        attached = [
            resource
            for resource in self.of(ATTACHMENT)
            if server.urn in {to.urn for to in self.refers(resource, "instanceId", SERVER)}
        ]
        return [*boot, *(port for attachment in attached for port in self.refers(attachment, "portId", PORT))]

    def port_count(self, server: PolicyResource) -> int:
        """Return the number of the server's ports, including those that the stack does not declare."""
        networks = value(server.props, "networks")
        boot = 0 if networks is UNKNOWN or networks is None else len(networks)
        return max(boot + len(self.ports_of(server)) - len(self.refers(server, "networks", PORT)), len(self.ports_of(server)))

    def routed_networks(self) -> set[str]:
        """Return URNs of the networks with an interface of a router that leads outside."""
        found: set[str] = set()
        for interface in self.of(ROUTER_INTERFACE):
            routers = self.refers(interface, "routerId", ROUTER)
            if all(value(router.props, "externalNetworkId") for router in routers):
                for subnet in self.refers(interface, "subnetId", SUBNET):
                    found |= self.networks_of(subnet)
        return found

    def subnets_of(self, port: PolicyResource) -> list[PolicyResource]:
        """Return the stack's own subnets that a port has an address on."""
        return self.refers(port, "fixedIps", SUBNET) or [
            subnet for subnet in self.of(SUBNET) if self.networks_of(subnet) & self.networks_of(port)
        ]

    def addresses(self, port: PolicyResource) -> set[str]:
        """Return the addresses of a port that are known."""
        chosen = {value(fixed_ip, "ipAddress") for fixed_ip in listed(port.props, "fixedIps")}
        held = value(port.props, "allFixedIps")
        given = set() if held is UNKNOWN or held is None else {_item(held, place) for place in range(len(held))}
        return {str(address) for address in chosen | given if isinstance(address, str) and address}
