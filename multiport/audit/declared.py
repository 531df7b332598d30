"""Compares the properties that the state declares for an object with those that the API shows, in the API's own terms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

from multiport.audit.cloud import Cloud, Found
from multiport.audit.state import HIDDEN, Resource

_STATELESS: Final = frozenset({"slaac", "dhcpv6-stateless"})
"""IPv6 address modes of subnets on which Neutron gives every port an address, whether or not it is requested."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that is not as declared.

    Attributes:
        attribute: The API's name of the property.
        declared: The value in the state.
        found: The value in the API.
        repair: What to send to the API, by its own names; empty if the API cannot change the property.
    """

    attribute: str
    declared: Any
    found: Any
    repair: Mapping[str, Any] = field(default_factory=dict)


def network(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a network."""
    yield from _plain(resource, found, "name", "admin_state_up", "mtu", "port_security_enabled")
    yield from _tags(resource, found)


def subnet(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a subnet without its host routes, which are resources of their own."""
    yield from _plain(resource, found, "name", "enable_dhcp")
    yield from _plain(resource, found, "network_id", "cidr", "ipv6_ra_mode", "ipv6_address_mode", mutable=False)
    if resource.inputs.get("noGateway"):
        yield from _compared("gateway_ip", None, found.get("gateway_ip"))
    elif "gatewayIp" in resource.inputs:
        yield from _compared("gateway_ip", resource.inputs["gatewayIp"], found.get("gateway_ip"), normal=_address)
    if pools := resource.inputs.get("allocationPools"):
        yield from _compared("allocation_pools", pools, found.get("allocation_pools"), normal=_pools)
    yield from _compared("dns_nameservers", resource.inputs.get("dnsNameservers", []), found.get("dns_nameservers") or [])
    yield from _tags(resource, found)


def router(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a router."""
    yield from _plain(resource, found, "name", "admin_state_up")
    gateway = found.get("external_gateway_info") or {}
    wanted = {"network_id": resource.inputs.get("externalNetworkId"), "enable_snat": resource.inputs.get("enableSnat")}
    wanted = {key: value for key, value in wanted.items() if value is not None and value is not HIDDEN}
    has = {key: gateway.get(key) for key in wanted}
    if wanted != has:
        yield Difference("external_gateway_info", wanted, has, {"external_gateway_info": wanted})
    yield from _tags(resource, found)


def security_group(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a security group without its rules, which are resources of their own."""
    yield from _plain(resource, found, "name", "description")
    # Neutron refuses the change while ports use the group
    yield from _plain(resource, found, "stateful", mutable=False)
    yield from _tags(resource, found)


def security_group_rule(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a security group rule, of which Neutron cannot change any property."""
    yield from _plain(
        resource,
        found,
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        mutable=False,
    )
    yield from _compared(
        "security_group_id", resource.inputs.get("securityGroupId"), found.get("security_group_id"), mutable=False
    )


def port(resource: Resource, found: Found, cloud: Cloud) -> Iterator[Difference]:
    """Compare a port."""
    inputs = resource.inputs
    yield from _plain(resource, found, "name", "description", "admin_state_up", "port_security_enabled")
    yield from _plain(resource, found, "network_id", mutable=False)
    yield from _fixed_ips(resource, found, cloud)
    mac = inputs.get("macAddress") or resource.outputs.get("macAddress")
    if mac:
        yield from _compared("mac_address", mac, found.get("mac_address"), normal=str.lower, mutable=False)
    if inputs.get("noSecurityGroups"):
        yield from _compared("security_groups", [], found.get("security_groups") or [])
    elif inputs.get("securityGroupIds"):
        yield from _compared("security_groups", inputs["securityGroupIds"], found.get("security_groups") or [], normal=_set)
    declared = inputs.get("allowedAddressPairs", [])
    if not _hidden(declared):
        pairs = [
            {"ip_address": entry["ipAddress"], **({"mac_address": entry["macAddress"]} if entry.get("macAddress") else {})}
            for entry in declared
        ]

        def of_port(listed: Sequence[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
            own = found.get("mac_address") or ""
            return frozenset((_prefix(entry["ip_address"]), (entry.get("mac_address") or own).lower()) for entry in listed)

        yield from _compared("allowed_address_pairs", pairs, found.get("allowed_address_pairs") or [], normal=of_port)
    yield from _tags(resource, found)


def server(resource: Resource, found: Found, cloud: Cloud) -> Iterator[Difference]:
    """Compare a server without its ports. Its user data cannot be compared, because Nova shows it to administrators only."""
    inputs = resource.inputs
    yield from _plain(resource, found, "name")
    if inputs.get("flavorName"):
        flavor = found.get("flavor") or {}
        yield from _compared("flavor", inputs["flavorName"], flavor.get("original_name") or flavor.get("name"), mutable=False)
    image = (found.get("image") or {}).get("id") if isinstance(found.get("image"), Mapping) else None
    if image and not inputs.get("blockDevices"):
        wanted, name = inputs.get("imageId"), inputs.get("imageName")
        if name and name is not HIDDEN:
            # an image that was renamed later is still the image of the server
            known = cloud.images.get(name, frozenset()) | {resource.outputs.get("imageId")}
            if image not in known:
                yield Difference("image", name, image)
        elif wanted:
            yield from _compared("image", wanted, image, mutable=False)
    if inputs.get("metadata") is not None:
        yield from _compared("metadata", inputs["metadata"], found.get("metadata") or {})
    if inputs.get("keyPair"):
        yield from _compared("key_name", inputs["keyPair"], found.get("key_name"), mutable=False)
    if inputs.get("availabilityZone"):
        zone = found.get("OS-EXT-AZ:availability_zone")
        if zone:  # empty while the server is shelved
            yield from _compared("availability_zone", inputs["availabilityZone"], zone, mutable=False)
    if "configDrive" in inputs:
        yield from _compared("config_drive", inputs["configDrive"], str(found.get("config_drive")) == "True", mutable=False)
    yield from _tags(resource, found)


def floating_ip(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare a floating IP without its association, which is a resource of its own."""
    yield from _plain(resource, found, "description")
    address = resource.outputs.get("address")
    if address:
        yield from _compared("floating_ip_address", address, found.get("floating_ip_address"), mutable=False)
    yield from _tags(resource, found)


def association(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare the association of a floating IP; Neutron sets its port and its fixed IP together."""
    wanted = {"port_id": resource.inputs.get("portId"), "fixed_ip_address": resource.inputs.get("fixedIp")}
    wanted = {key: value for key, value in wanted.items() if value and value is not HIDDEN}
    has = {key: found.get(key) for key in wanted}
    if wanted != has:
        yield Difference("port_id", wanted, has, wanted)


def _fixed_ips(resource: Resource, found: Found, cloud: Cloud) -> Iterator[Difference]:
    """Compare a port's addresses: the pinned ones, the number on each subnet, and those that Neutron chose at first.

    The provider never reads these addresses back, so that no refresh and no preview shows a difference (measured).
    """
    has = [(fixed_ip["subnet_id"], fixed_ip["ip_address"]) for fixed_ip in found.get("fixed_ips") or []]
    known = {address for address in resource.outputs.get("allFixedIps") or [] if isinstance(address, str)}
    addresses = {address for _, address in has}
    declared = resource.inputs.get("fixedIps", [])
    if _hidden(declared):
        return
    if not declared:
        if known - addresses:
            yield Difference("fixed_ips", sorted(known), sorted(addresses))
        return
    left = list(has)
    missing = False
    wanted: list[dict[str, str]] = []
    for each in sorted(declared, key=lambda each: "ipAddress" not in each):
        subnet_id, pinned = each.get("subnetId"), each.get("ipAddress")
        fitting = [
            (subnet, address)
            for subnet, address in left
            if (subnet_id in (None, subnet)) and (pinned is None or _address(pinned) == _address(address))
        ]
        # if several fit, prefer the one in the state: somebody may have added another one
        fitting.sort(key=lambda pair: pair[1] not in known)
        if fitting:
            left.remove(fitting[0])
            wanted.append({"subnet_id": fitting[0][0], "ip_address": fitting[0][1]})
        else:
            missing = True
            wanted.append(_without_none({"subnet_id": subnet_id, "ip_address": pinned}))
    more = [(subnet, address) for subnet, address in left if not _automatic(cloud, subnet)]
    # if the state has another number of addresses, it is older than the declaration, so that it does not show a change
    lost = known - addresses if not missing and not more and len(known) == len(has) else set()
    if missing or more or lost:
        declared_text = [entry.get("ipAddress") or f"one on {entry.get('subnetId')}" for entry in declared]
        yield Difference(
            "fixed_ips",
            sorted(lost) or sorted(declared_text),
            sorted(addresses),
            {"fixed_ips": _with_lost(wanted, lost, known, cloud)},
        )


def _with_lost(wanted: list[dict[str, str]], lost: set[str], known: set[str], cloud: Cloud) -> list[dict[str, str]]:
    """Return the addresses to request: the ones that Neutron chose at first replace those that it has now."""
    for address in sorted(lost):
        for action in wanted:
            home = cloud.subnets.get(action.get("subnet_id", ""), {}).get("cidr")
            if action.get("ip_address") not in known and home and ip_address(address) in ip_network(home):
                action["ip_address"] = address
                break
    return wanted


def _automatic(cloud: Cloud, subnet_id: str) -> bool:
    return cloud.subnets.get(subnet_id, {}).get("ipv6_address_mode") in _STATELESS


def _plain(resource: Resource, found: Found, *attributes: str, mutable: bool = True) -> Iterator[Difference]:
    """Compare properties that have the same name in the provider (camel case) and in the API (snake case)."""
    for attribute in attributes:
        words = attribute.split("_")
        key = words[0] + "".join(word.capitalize() for word in words[1:])
        if resource.inputs.get(key) is not None:
            yield from _compared(attribute, resource.inputs[key], found.get(attribute), mutable=mutable)


def _tags(resource: Resource, found: Found) -> Iterator[Difference]:
    """Compare the declared tags; the object may have more."""
    wanted = resource.inputs.get("tags", [])
    if not _hidden(wanted) and not set(wanted) <= (has := set(found.get("tags") or [])):
        yield Difference("tags", sorted(wanted), sorted(has), {"tags": sorted(has | set(wanted))})


def _compared(
    attribute: str, declared: Any, found: Any, *, normal: Callable[[Any], Any] | None = None, mutable: bool = True
) -> Iterator[Difference]:
    if _hidden(declared):
        return
    sides = (declared, found) if normal is None or found is None else (normal(declared), normal(found))
    if sides[0] != sides[1]:
        yield Difference(attribute, declared, found, {attribute: declared} if mutable else {})


def _hidden(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_hidden(item) for item in value.values())
    if isinstance(value, list):
        return any(_hidden(item) for item in value)
    return value is HIDDEN


def _set(values: Sequence[str]) -> frozenset[str]:
    return frozenset(values)


def _pools(pools: Sequence[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((_address(pool["start"]), _address(pool["end"])) for pool in pools)


def _address(text: str) -> str:
    return str(ip_address(text))


def _prefix(text: str) -> str:
    """Return a pair's address in its normal form; one without a mask gets none, because OVN treats the two differently."""
    return str(ip_network(text)) if "/" in text else _address(text)


def _without_none(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}
