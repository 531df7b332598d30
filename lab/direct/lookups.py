"""The look-up functions of the provider (`get_network`, ...), with which a program reads objects that it does not own."""

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .cloud import Cloud, CloudError, Json
from .networking import SUBNET_OUTPUTS, attributes, port_lists, router_gateway
from .resource_type import snake, words

_FILTERS = {
    "networkId": {"networks": "id"},
    "subnetId": {"subnets": "id"},
    "portId": {"ports": "id"},
    "routerId": {"routers": "id"},
    "secgroupId": {"security_groups": "id"},
    "external": {"networks": "router:external"},
    "dhcpEnabled": {"subnets": "enable_dhcp"},
    "address": {"floatingips": "floating_ip_address"},
    "pool": {"floatingips": "floating_network_id"},
    "fixedIp": {"floatingips": "fixed_ip_address"},
    "sortDirection": {"subnets": "sort_dir", "ports": "sort_dir"},
}
"""Arguments whose query parameter is not their name in snake_case, by collection."""

_HERE = {"matchingSubnetCidr", "nameRegex", "securityGroupIds", "region"}
"""Arguments that Neutron cannot filter by; the filter is applied to its answer."""


def _listed(cloud: Cloud, collection: str, args: Mapping[str, Any]) -> list[Json]:
    """Return the objects that match the arguments."""
    here = _HERE | ({"fixedIp"} if collection == "ports" else set())
    query = {}
    for name, value in args.items():
        if name not in here:
            text = ",".join(value) if name == "tags" else str(value).lower() if isinstance(value, bool) else value
            query[_FILTERS.get(name, {}).get(collection, snake(name))] = text
    items = cloud.find("network", f"/{collection.replace('_', '-')}", collection, **query)
    if "nameRegex" in args:
        items = [item for item in items if re.search(args["nameRegex"], item["name"])]
    if "securityGroupIds" in args:
        items = [item for item in items if set(args["securityGroupIds"]) & set(item["security_groups"])]
    if "fixedIp" in here & args.keys():
        items = [item for item in items if args["fixedIp"] in port_lists(cloud, item)["allFixedIps"]]
    if "matchingSubnetCidr" in args:
        wanted = {s["network_id"] for s in cloud.find("network", "/subnets", "subnets", cidr=args["matchingSubnetCidr"])}
        items = [item for item in items if item["id"] in wanted]
    return items


def _only(items: list[Json], what: str) -> Json:
    if len(items) != 1:
        raise CloudError(0, f"{len(items)} {what} match; exactly one is needed")
    return items[0]


def _get_network(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "networks", args), "networks")
    found = attributes(item, "name external mtu dnsDomain availabilityZoneHints subnets")
    texts = {
        name: str(item[snake(name)]).lower() for name in ("adminStateUp", "shared")
    }  # the provider's schema has strings here
    return {"id": item["id"], **found, **texts, "segments": [], "transparentVlan": bool(item.get("vlan_transparent"))}


def _get_subnet(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "subnets", args), "subnets")
    routes = [{"destinationCidr": route["destination"], "nextHop": route["nexthop"]} for route in item["host_routes"]]
    others = {"segmentId": "", "subnetpoolId": item["subnetpool_id"] or "", "hostRoutes": routes}
    return {"id": item["id"], "subnetId": item["id"], **attributes(item, SUBNET_OUTPUTS), **others}


def _get_router(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "routers", args), "routers")
    routes = [{"destinationCidr": route["destination"], "nextHop": route["nexthop"]} for route in item.get("routes", ())]
    found = attributes(item, "name adminStateUp status availabilityZoneHints") | router_gateway(cloud, item)
    return {"id": item["id"], "routerId": item["id"], **found, "distributed": bool(item.get("distributed")), "routes": routes}


def _get_port(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "ports", args), "ports")
    found = attributes(item, "name adminStateUp networkId deviceId deviceOwner macAddress projectId status dnsName")
    others = {"bindings": [], "dnsAssignments": item.get("dns_assignment") or []}
    return {"id": item["id"], "portId": item["id"], **found, **port_lists(cloud, item), **others}


def _get_floating_ip(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "floatingips", args), "floating IPs")
    found = attributes(item, "address portId fixedIp status dnsName dnsDomain")
    return {"id": item["id"], **found, "pool": item["floating_network_id"]}


def _get_security_group(cloud: Cloud, args: Json) -> Json:
    item = _only(_listed(cloud, "security_groups", args), "security groups")
    return {"id": item["id"], "secgroupId": item["id"], **attributes(item, "name stateful")}


def _ids(collection: str) -> Callable[[Cloud, Json], Json]:
    def look_up(cloud: Cloud, args: Json) -> Json:
        ids = [item["id"] for item in _listed(cloud, collection, args)]
        return {"id": str(zlib.crc32(",".join(ids).encode())), "ids": ids}

    return look_up


_IMAGE_FILTERS = words("name visibility owner sort containerFormat diskFormat memberStatus sizeMin sizeMax tag")


def _get_image(cloud: Cloud, args: Json) -> Json:
    query: Json = {snake(name): args[name] for name in _IMAGE_FILTERS if name in args} | {"status": "active"}
    if args.get("hidden"):
        query["os_hidden"] = "true"
    tags = [*args.get("tags", ()), *([query.pop("tag")] if "tag" in query else [])]
    images = cloud.find("image", "/images", "images", **query, **({"tag": tags} if tags else {}))
    images = [image for image in images if args.get("properties", {}).items() <= image.items()]
    if "nameRegex" in args:
        images = [image for image in images if re.search(args["nameRegex"], image["name"])]
    if args.get("mostRecent"):
        images = sorted(images, key=lambda image: str(image["created_at"]))[-1:]
    item = _only(images, "images")
    names = words("name containerFormat diskFormat owner protected visibility checksum createdAt updatedAt file schema tags")
    sizes = {"minDiskGb": item["min_disk"], "minRamMb": item["min_ram"], "sizeBytes": item["size"] or 0}
    own = {key: str(value) for key, value in item.items() if key not in _IMAGE_ATTRIBUTES}
    found = {name: item[snake(name)] for name in names} | sizes | {"properties": own, "metadata": {}, "hidden": item["os_hidden"]}
    return {"id": item["id"], **found}


_IMAGE_ATTRIBUTES = words(
    "id name status visibility protected os_hidden tags owner size virtual_size min_disk min_ram checksum container_format "
    "disk_format created_at updated_at file schema self locations direct_url"
)
"""The attributes that Glance itself defines for an image; every other one is a custom property."""

_FLAVOR_FILTERS = {"ram": "ram", "vcpus": "vcpus", "disk": "disk", "name": "name", "description": "description", "flavorId": "id"}


def _get_flavor(cloud: Cloud, args: Json) -> Json:
    query: Json = {name: args[name] for name in ("minDisk", "minRam") if name in args}
    # 2.61 is the first microversion whose answer has description and extra specs
    flavors = cloud.call("GET", "compute", "/flavors/detail", query=query, microversion="2.61")["flavors"]
    wanted = {_FLAVOR_FILTERS[name]: value for name, value in args.items() if name in _FLAVOR_FILTERS}
    item = _only([flavor for flavor in flavors if wanted.items() <= flavor.items()], "flavors")
    return {
        "id": item["id"],
        "flavorId": item["id"],
        **{name: item[name] for name in ("name", "ram", "vcpus", "disk")},
        "description": item["description"] or "",
        "swap": item["swap"] or 0,
        "rxTxFactor": item["rxtx_factor"],
        "isPublic": item["os-flavor-access:is_public"],
        "extraSpecs": item["extra_specs"],
    }


_SUBNET_ARGS = (
    "cidr description dhcpEnabled gatewayIp ipVersion ipv6AddressMode ipv6RaMode name networkId subnetpoolId tags tenantId"
)
_PORT_ARGS = (
    "adminStateUp description deviceId deviceOwner dnsName fixedIp macAddress name networkId projectId securityGroupIds "
    "status tags tenantId"
)

LOOKUPS: dict[str, tuple[str, Callable[[Cloud, Json], Json]]] = {
    "openstack:networking/getNetwork:getNetwork": (
        "description external matchingSubnetCidr mtu name networkId status tags tenantId",
        _get_network,
    ),
    "openstack:networking/getSubnet:getSubnet": (f"{_SUBNET_ARGS} subnetId", _get_subnet),
    "openstack:networking/getSubnetIdsV2:getSubnetIdsV2": (f"{_SUBNET_ARGS} nameRegex sortDirection sortKey", _ids("subnets")),
    "openstack:networking/getRouter:getRouter": ("adminStateUp description name routerId status tags tenantId", _get_router),
    "openstack:networking/getPort:getPort": (f"{_PORT_ARGS} portId", _get_port),
    "openstack:networking/getPortIds:getPortIds": (f"{_PORT_ARGS} sortDirection sortKey", _ids("ports")),
    "openstack:networking/getFloatingIp:getFloatingIp": (
        "address description fixedIp pool portId status tags tenantId",
        _get_floating_ip,
    ),
    "openstack:networking/getSecGroup:getSecGroup": ("description name secgroupId stateful tags tenantId", _get_security_group),
    "openstack:images/getImage:getImage": (
        f"{' '.join(sorted(_IMAGE_FILTERS))} hidden mostRecent nameRegex properties tags",
        _get_image,
    ),
    "openstack:compute/getFlavor:getFlavor": ("description disk flavorId minDisk minRam name ram vcpus", _get_flavor),
}
"""The supported arguments and the function of each look-up, by token."""
