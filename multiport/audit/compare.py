"""Compares the state with the cloud, object by object. Both are plain data here; no API is called."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from multiport.audit import declared, remedies
from multiport.audit.cloud import Cloud, Found
from multiport.audit.declared import Difference
from multiport.audit.finding import Finding, Kind, ordered
from multiport.audit.ownership import strays
from multiport.audit.state import HIDDEN, Resource, State

Compare = Callable[[Resource, Found, Cloud], Iterator[Difference]]

_PARTS: Final[Mapping[str, tuple[str, str, Compare]]] = {
    "openstack:networking:Network": ("network", "networks", lambda resource, found, _: declared.network(resource, found)),
    "openstack:networking:Subnet": ("subnet", "subnets", lambda resource, found, _: declared.subnet(resource, found)),
    "openstack:networking:Router": ("router", "routers", lambda resource, found, _: declared.router(resource, found)),
    "openstack:networking:SecGroup": (
        "security group",
        "security_groups",
        lambda resource, found, _: declared.security_group(resource, found),
    ),
    "openstack:networking:SecGroupRule": (
        "security group rule",
        "security_group_rules",
        lambda resource, found, _: declared.security_group_rule(resource, found),
    ),
    "openstack:networking:Port": ("port", "ports", declared.port),
    "openstack:networking:FloatingIp": (
        "floating IP",
        "floating_ips",
        lambda resource, found, _: declared.floating_ip(resource, found),
    ),
    "openstack:networking:FloatingIpAssociate": (
        "floating IP association",
        "floating_ips",
        lambda resource, found, _: declared.association(resource, found),
    ),
    "openstack:compute:Instance": ("server", "servers", declared.server),
    "openstack:compute:ServerGroup": ("server group", "server_groups", lambda *_: iter(())),
}
"""By Pulumi type, for types whose resource id is the object's id: the usual name, the field of `Cloud`, and the comparison."""

_ROUTER_INTERFACES: Final = ("router_interface", "ha_router_replicated_interface")
"""Parts of the `device_owner` of router interfaces. The gateway and the internal ports of a router have other owners."""

_NEVER_TAGGED: Final = "it has a name that the stack would give and no tags, as if the CLI had ended before it could set them"


def compare(state: State, cloud: Cloud) -> list[Finding]:
    """Return every finding, the worst first."""
    found = [
        *_declared(state, cloud),
        *_host_routes(state, cloud),
        *_router_interfaces(state, cloud),
        *_attachments(state, cloud),
        *_rules(state, cloud),
        *_associations(state, cloud),
        *_strays(state, cloud),
        *_pending(state),
    ]
    return ordered(found)


def _declared(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield the findings about objects that the state declares."""
    for resource in state.of(*_PARTS):
        what, part, differences = _PARTS[resource.type]
        found = getattr(cloud, part).get(resource.id)
        if found is None:
            yield _gone(resource, what)
            continue
        if resource.type == "openstack:compute:Instance" and found.get("status") == "ERROR":
            fault = (found.get("fault") or {}).get("message", "Nova gives no reason")
            yield _of(resource, Kind.BROKEN, what, f"Nova shows it in status ERROR: {fault}", remedies.BROKEN)
        for difference in differences(resource, found, cloud):
            yield _differs(resource, what, difference)


def _differs(resource: Resource, what: str, difference: Difference) -> Finding:
    return Finding(
        kind=Kind.DIFFERS,
        what=what,
        name=resource.name,
        id=resource.id,
        problem=f"{difference.attribute} is {_text(difference.found)}, declared is {_text(difference.declared)}",
        remedy=remedies.LOST if difference.repair else remedies.DRIFTED,
        urn=resource.urn,
        attribute=difference.attribute,
        repair=difference.repair,
    )


def _host_routes(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield the findings about host routes: each is a resource, and a subnet of the stack should have no others."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for resource in state.of("openstack:networking:SubnetRoute"):
        subnet_id, route = resource.inputs["subnetId"], (resource.inputs["destinationCidr"], resource.inputs["nextHop"])
        wanted.setdefault(subnet_id, []).append(route)
        if route not in _routes(cloud.subnets.get(subnet_id, {})):
            yield _gone(resource, "host route")
    for subnet in state.of("openstack:networking:Subnet"):
        for destination, next_hop in _routes(cloud.subnets.get(subnet.id, {})):
            if (destination, next_hop) not in wanted.get(subnet.id, []):
                yield _undeclared(subnet, "subnet", f"it has a host route to {destination} by {next_hop}")


def _routes(subnet: Found) -> list[tuple[str, str]]:
    return [(route["destination"], route["nexthop"]) for route in subnet.get("host_routes") or []]


def _router_interfaces(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield the findings about interfaces of the stack's routers: those in the state, and those that are missing from it."""
    own_subnets = {resource.id for resource in state.of("openstack:networking:Subnet")}
    for resource in state.of("openstack:networking:RouterInterface"):
        port = cloud.ports.get(resource.id)
        if port is None or port.get("device_id") != resource.inputs.get("routerId"):
            yield _gone(resource, "router interface")
        elif resource.inputs.get("subnetId") not in {fixed_ip["subnet_id"] for fixed_ip in port.get("fixed_ips") or []}:
            yield _differs(
                resource,
                "router interface",
                Difference(
                    "fixed_ips", resource.inputs.get("subnetId"), [fixed_ip["subnet_id"] for fixed_ip in port["fixed_ips"]]
                ),
            )
    routers = {resource.id: resource for resource in state.of("openstack:networking:Router")}
    for port in cloud.ports.values():
        router = routers.get(port.get("device_id") or "")
        if router is None or port["id"] in state.ids or not (port.get("device_owner") or "").startswith("network:"):
            continue
        if not any(word in port["device_owner"] for word in _ROUTER_INTERFACES):
            continue  # Neutron's own: the gateway, or a port of a highly available router
        subnets = [fixed_ip["subnet_id"] for fixed_ip in port.get("fixed_ips") or []]
        if set(subnets) & own_subnets:
            name = f"{router.name} on subnet {', '.join(subnets)}"
            problem = "a router of the stack has an interface on a subnet of the stack, and the state does not know it"
            yield Finding(Kind.ORPHAN, "router interface", name, port["id"], problem, remedies.ORPHAN_INTERFACE)
        else:
            yield _undeclared(router, "router", f"it has an interface on subnet {', '.join(subnets)} (port {port['id']})")


def _attachments(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield the findings about ports of servers: each has its boot ports in order and its hot ports, and no others."""
    hot: dict[str, list[Resource]] = {}
    for resource in state.of("openstack:compute:InterfaceAttach"):
        hot.setdefault(resource.inputs.get("instanceId", ""), []).append(resource)
        port = cloud.ports.get(resource.inputs.get("portId", ""))
        if port is not None and port.get("device_id") != resource.inputs.get("instanceId"):
            yield _gone(resource, "attached port")
    attached: dict[str, list[Found]] = {}
    for port in cloud.ports.values():
        if port.get("device_id"):
            attached.setdefault(port["device_id"], []).append(port)
    names: dict[str, str] = {resource.id: resource.name for resource in state.of("openstack:networking:Port")}
    for server in state.of("openstack:compute:Instance"):
        found = cloud.servers.get(server.id)
        if found is None:
            continue
        networks = [network for network in server.inputs.get("networks") or [] if isinstance(network, Mapping)]
        boot = [network["port"] for network in networks if isinstance(network.get("port"), str)]
        has = {port["id"] for port in attached.get(server.id, [])}
        for port_id in boot:
            if port_id in cloud.ports and port_id not in has:
                problem = f"boot port {names.get(port_id, port_id)} is not attached to it"
                yield _of(
                    server, Kind.DIFFERS, "server", problem, remedies.DETACHED, attribute="ports", repair={"attach": port_id}
                )
        known = {*boot, *(each.inputs.get("portId") for each in hot.get(server.id, []))}
        for port in attached.get(server.id, []):
            if port["id"] not in known and port["id"] in state.ids:
                name = names.get(port["id"]) or str(port["id"])
                problem = f"it is attached to {server.name}, and the state does not say so"
                attachment = f"{server.id}/{port['id']}"
                yield Finding(Kind.ORPHAN, "attached port", name, attachment, problem, remedies.ORPHAN_ATTACHMENT)
            elif port["id"] not in known:
                yield _undeclared(server, "server", f"port {port.get('name') or port['id']} ({port['id']}) is attached to it")
        yield from _order(server, boot, found, cloud)


def _order(server: Resource, boot: list[str], found: Found, cloud: Cloud) -> Iterator[Finding]:
    """Yield a finding for each network on which the boot ports are in another order; Nova shows the order only by network."""
    for network, addresses in (found.get("addresses") or {}).items():
        shown = list(dict.fromkeys(address.get("OS-EXT-IPS-MAC:mac_addr") for address in addresses))
        macs = [cloud.ports[port]["mac_address"] for port in boot if port in cloud.ports]
        wanted = [mac for mac in macs if mac in shown]
        has = [mac for mac in shown if mac in wanted]
        if wanted != has:
            yield _differs(server, "server", Difference(f"order of ports on {network}", wanted, has))


def _rules(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield a finding for each rule that somebody added to a security group of the stack."""
    groups = {resource.id: resource for resource in state.of("openstack:networking:SecGroup")}
    for rule in cloud.security_group_rules.values():
        group = groups.get(rule["security_group_id"])
        if group is None or rule["id"] in state.ids or _neutrons_own(rule, cloud.security_groups.get(group.id, {})):
            continue
        ports = [str(rule[end]) for end in ("port_range_min", "port_range_max") if rule.get(end) is not None]
        parts = [rule["direction"], rule["ethertype"], rule.get("protocol") or "any protocol"]
        parts += ["-".join(dict.fromkeys(ports))] if ports else []
        parts += [f"remote {rule['remote_ip_prefix']}"] if rule.get("remote_ip_prefix") else []
        yield _undeclared(group, "security group", f"it has the rule {' '.join(parts)} ({rule['id']})")


def _neutrons_own(rule: Found, group: Found) -> bool:
    """Return whether Neutron created the rule together with the group, as a default or from the operator's template."""
    if rule["direction"] == "egress" and not any(
        rule.get(each) for each in ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
    ):
        return True
    return bool(rule.get("created_at")) and rule["created_at"] == group.get("created_at")


def _associations(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Yield a finding for each floating IP of the stack that is associated with a port although nothing declares it."""
    declared_ones = {resource.id for resource in state.of("openstack:networking:FloatingIpAssociate")}
    for resource in state.of("openstack:networking:FloatingIp"):
        port = cloud.floating_ips.get(resource.id, {}).get("port_id")
        if port and resource.id not in declared_ones and not resource.inputs.get("portId"):
            yield _undeclared(resource, "floating IP", f"it points at port {port}")


def _strays(state: State, cloud: Cloud) -> Iterator[Finding]:
    for stray in strays(state, cloud):
        name = stray.found.get("name") or stray.found.get("floating_ip_address") or stray.found["id"]
        if stray.doubt:
            kind, problem, remedy = Kind.DOUBTFUL, f"it carries this stack's tags, but {stray.doubt}", remedies.DOUBTFUL
        elif not stray.tagged:
            kind, problem, remedy = Kind.UNTAGGED, _NEVER_TAGGED, remedies.UNTAGGED
        elif stray.twin is not None:
            kind, problem = Kind.DOUBLE, f"it is a second one of {stray.twin.name}, which the state knows as {stray.twin.id}"
            remedy = remedies.ORPHAN
        else:
            kind, problem, remedy = Kind.ORPHAN, "it carries this stack's tags, and the state does not know it", remedies.ORPHAN
        yield Finding(kind, stray.kind.what, name, stray.found["id"], problem, remedy)


def _pending(state: State) -> Iterator[Finding]:
    names = Counter((operation.operation, operation.resource.urn) for operation in state.pending)
    for operation in state.pending:
        if names.pop((operation.operation, operation.resource.urn), 0):
            what = operation.resource.type.rsplit(":", 1)[-1]
            problem = f"the CLI ended while {operation.operation} it, and the state does not know how that went"
            yield _of(operation.resource, Kind.PENDING, what, problem, remedies.PENDING)


def _gone(resource: Resource, what: str) -> Finding:
    return _of(resource, Kind.GONE, what, "the state has it, and the cloud does not", remedies.GONE)


def _undeclared(resource: Resource, what: str, problem: str) -> Finding:
    return _of(resource, Kind.UNDECLARED, what, f"{problem}, which nothing declares", remedies.UNDECLARED)


def _of(
    resource: Resource,
    kind: Kind,
    what: str,
    problem: str,
    remedy: str,
    *,
    attribute: str = "",
    repair: Mapping[str, Any] | None = None,
) -> Finding:
    return Finding(kind, what, resource.name, resource.id, problem, remedy, resource.urn, attribute, repair or {})


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(each)}" for key, each in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return "(hidden)" if value is HIDDEN else str(value)
