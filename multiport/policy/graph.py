"""The stack as the policy engine hands it over: what stands on what, as far as a preview knows."""

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
    """A value that only the update will know."""


UNKNOWN: Final = _Unknown()


def value(props: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A property, UNKNOWN where the preview does not know it."""
    try:
        return props[key] if key in props else default  # noqa: SIM401 - .get() passes the SDK's check for unknowns by
    except UnknownValueError:
        return UNKNOWN


def listed(props: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of objects; empty where the preview does not know it."""
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
        """Resources of a type."""
        return (each for each in self._resources if each.resource_type == kind)

    @staticmethod
    def refers(resource: PolicyResource, key: str, kind: str) -> list[PolicyResource]:
        """The resources of a type that a property was made of; they are known even where its value is not."""
        found = resource.property_dependencies.get(key) or ()
        return [each for each in found if each.resource_type == kind]

    def networks_of(self, resource: PolicyResource) -> set[str]:
        """URNs of the stack's own networks that a port or subnet stands on; empty for a network of somebody else's."""
        return {each.urn for each in self.refers(resource, "networkId", NETWORK)}

    def ports_of(self, server: PolicyResource) -> list[PolicyResource]:
        """The server's ports, boot ports first; those of somebody else's are not among them."""
        boot = self.refers(server, "networks", PORT)
        attached = [
            each for each in self.of(ATTACHMENT) if server.urn in {to.urn for to in self.refers(each, "instanceId", SERVER)}
        ]
        return [*boot, *(port for each in attached for port in self.refers(each, "portId", PORT))]

    def port_count(self, server: PolicyResource) -> int:
        """How many ports the server has, whosever they are."""
        networks = value(server.props, "networks")
        boot = 0 if networks is UNKNOWN or networks is None else len(networks)
        return max(boot + len(self.ports_of(server)) - len(self.refers(server, "networks", PORT)), len(self.ports_of(server)))

    def routed_networks(self) -> set[str]:
        """URNs of the networks with an interface of a router that leads outside."""
        found: set[str] = set()
        for interface in self.of(ROUTER_INTERFACE):
            routers = self.refers(interface, "routerId", ROUTER)
            if all(value(router.props, "externalNetworkId") for router in routers):
                for subnet in self.refers(interface, "subnetId", SUBNET):
                    found |= self.networks_of(subnet)
        return found

    def subnets_of(self, port: PolicyResource) -> list[PolicyResource]:
        """The stack's own subnets that a port has an address on."""
        return self.refers(port, "fixedIps", SUBNET) or [
            subnet for subnet in self.of(SUBNET) if self.networks_of(subnet) & self.networks_of(port)
        ]

    def addresses(self, port: PolicyResource) -> set[str]:
        """The addresses of a port that are known."""
        chosen = {value(each, "ipAddress") for each in listed(port.props, "fixedIps")}
        held = value(port.props, "allFixedIps")
        given = set() if held is UNKNOWN or held is None else {_item(held, place) for place in range(len(held))}
        return {str(each) for each in chosen | given if isinstance(each, str) and each}
