"""The audit itself: the state beside the cloud, object by object. Both are plain data here; nothing is asked of anybody."""

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
    "openstack:networking:Network": ("network", "networks", lambda each, found, _: declared.network(each, found)),
    "openstack:networking:Subnet": ("subnet", "subnets", lambda each, found, _: declared.subnet(each, found)),
    "openstack:networking:Router": ("router", "routers", lambda each, found, _: declared.router(each, found)),
    "openstack:networking:SecGroup": (
        "security group",
        "security_groups",
        lambda each, found, _: declared.security_group(each, found),
    ),
    "openstack:networking:SecGroupRule": (
        "security group rule",
        "security_group_rules",
        lambda each, found, _: declared.security_group_rule(each, found),
    ),
    "openstack:networking:Port": ("port", "ports", declared.port),
    "openstack:networking:FloatingIp": ("floating IP", "floating_ips", lambda each, found, _: declared.floating_ip(each, found)),
    "openstack:networking:FloatingIpAssociate": (
        "floating IP association",
        "floating_ips",
        lambda each, found, _: declared.association(each, found),
    ),
    "openstack:compute:Instance": ("server", "servers", declared.server),
    "openstack:compute:ServerGroup": ("server group", "server_groups", lambda *_: iter(())),
}
"""Types whose id is the object's id: what people call them, the list of `Cloud`, and the comparison."""

_ROUTER_INTERFACES: Final = ("router_interface", "ha_router_replicated_interface")
"""In the owner of a port that is a router's interface; a router's gateway and its internal ports have others."""

_NEVER_TAGGED: Final = "it has the name that the stack gives and no tags, as if the CLI had ended before it could set them"


def compare(state: State, cloud: Cloud) -> list[Finding]:
    """Every finding, the worst first."""
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
    """What the state has, by the objects' ids."""
    for resource in state.of(*_PARTS):
        what, part, differences = _PARTS[resource.type]
        found = getattr(cloud, part).get(resource.id)
        if found is None:
            yield _gone(resource, what)
            continue
        if resource.type == "openstack:compute:Instance" and found.get("status") == "ERROR":
            fault = (found.get("fault") or {}).get("message", "Nova gives no reason")
            yield _of(resource, Kind.BROKEN, what, f"Nova shows it in status ERROR: {fault}", remedies.BROKEN)
        for each in differences(resource, found, cloud):
            yield _differs(resource, what, each)


def _differs(resource: Resource, what: str, each: Difference) -> Finding:
    return Finding(
        kind=Kind.DIFFERS,
        what=what,
        name=resource.name,
        id=resource.id,
        problem=f"{each.attribute} is {_text(each.found)}, declared is {_text(each.declared)}",
        remedy=remedies.LOST if each.repair else remedies.DRIFTED,
        urn=resource.urn,
        attribute=each.attribute,
        repair=each.repair,
    )


def _host_routes(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Each host route is a resource; a subnet of ours has no others."""
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
    return [(each["destination"], each["nexthop"]) for each in subnet.get("host_routes") or []]


def _router_interfaces(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Interfaces of the stack's routers: those of the state, and those that are in no state."""
    own_subnets = {each.id for each in state.of("openstack:networking:Subnet")}
    for resource in state.of("openstack:networking:RouterInterface"):
        port = cloud.ports.get(resource.id)
        if port is None or port.get("device_id") != resource.inputs.get("routerId"):
            yield _gone(resource, "router interface")
        elif resource.inputs.get("subnetId") not in {each["subnet_id"] for each in port.get("fixed_ips") or []}:
            yield _differs(
                resource,
                "router interface",
                Difference("fixed_ips", resource.inputs.get("subnetId"), [each["subnet_id"] for each in port["fixed_ips"]]),
            )
    routers = {each.id: each for each in state.of("openstack:networking:Router")}
    for port in cloud.ports.values():
        router = routers.get(port.get("device_id") or "")
        if router is None or port["id"] in state.ids or not (port.get("device_owner") or "").startswith("network:"):
            continue
        if not any(word in port["device_owner"] for word in _ROUTER_INTERFACES):
            continue  # its gateway, or its part in a highly available router: Neutron's own
        subnets = [each["subnet_id"] for each in port.get("fixed_ips") or []]
        if set(subnets) & own_subnets:
            name = f"{router.name} on subnet {', '.join(subnets)}"
            problem = "a router of the stack has an interface on a subnet of the stack, and the state does not know it"
            yield Finding(Kind.ORPHAN, "router interface", name, port["id"], problem, remedies.ORPHAN_INTERFACE)
        else:
            yield _undeclared(router, "router", f"it has an interface on subnet {', '.join(subnets)} (port {port['id']})")


def _attachments(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Which ports each server has: boot ports in their order, hot-attached ones, and no others."""
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
    names: dict[str, str] = {each.id: each.name for each in state.of("openstack:networking:Port")}
    for server in state.of("openstack:compute:Instance"):
        found = cloud.servers.get(server.id)
        if found is None:
            continue
        networks = [each for each in server.inputs.get("networks") or [] if isinstance(each, Mapping)]
        boot = [each["port"] for each in networks if isinstance(each.get("port"), str)]
        has = {each["id"] for each in attached.get(server.id, [])}
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
    """The order of the boot ports as far as Nova shows it: on each network, by MAC address."""
    for network, addresses in (found.get("addresses") or {}).items():
        shown = list(dict.fromkeys(each.get("OS-EXT-IPS-MAC:mac_addr") for each in addresses))
        macs = [cloud.ports[each]["mac_address"] for each in boot if each in cloud.ports]
        wanted = [each for each in macs if each in shown]
        has = [each for each in shown if each in wanted]
        if wanted != has:
            yield _differs(server, "server", Difference(f"order of ports on {network}", wanted, has))


def _rules(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Rules that somebody added to a group of ours: each is a hole, or closes nothing."""
    groups = {each.id: each for each in state.of("openstack:networking:SecGroup")}
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
    """Whether Neutron made the rule together with the group, as its own default or as the operator's template says."""
    if rule["direction"] == "egress" and not any(
        rule.get(each) for each in ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
    ):
        return True
    return bool(rule.get("created_at")) and rule["created_at"] == group.get("created_at")


def _associations(state: State, cloud: Cloud) -> Iterator[Finding]:
    """Floating IPs of ours that point somewhere although nothing declares it."""
    declared_ones = {each.id for each in state.of("openstack:networking:FloatingIpAssociate")}
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
    names = Counter((each.operation, each.resource.urn) for each in state.pending)
    for each in state.pending:
        if names.pop((each.operation, each.resource.urn), 0):
            what = each.resource.type.rsplit(":", 1)[-1]
            problem = f"the CLI ended while {each.operation} it, and the state does not know how that went"
            yield _of(each.resource, Kind.PENDING, what, problem, remedies.PENDING)


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
        return ", ".join(_text(each) for each in value)
    return "(hidden)" if value is HIDDEN else str(value)
