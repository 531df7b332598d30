"""Resource types of Neutron: networks, subnets, routers, security groups, ports and floating IPs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .cloud import Cloud, CloudError, Json, until_free
from .resource_type import ResourceType, camel_keys, snake, snake_keys, words

_RENAMED = {
    "external": "router:external",
    "address": "floating_ip_address",
    "fixedIp": "fixed_ip_address",
    "securityGroupIds": "security_groups",
    "extraDhcpOptions": "extra_dhcp_opts",
}
"""Inputs and outputs whose name in the API is not their name in snake_case."""

SUBNET_OUTPUTS = (
    "name networkId cidr ipVersion gatewayIp enableDhcp dnsNameservers allocationPools ipv6AddressMode ipv6RaMode "
    "dnsPublishFixedIp serviceTypes"
)

_NULLS = {"portRangeMin": 0, "portRangeMax": 0, "dnsPublishFixedIp": False, "serviceTypes": []}
"""Values of the provider's outputs where Neutron has null; for all other outputs it is an empty string."""


def _neutron(
    singular: str,
    inputs: str,
    outputs: str,
    *,
    body: Callable[[Cloud, Json], Json] = lambda _, inputs: request_body(inputs),
    created: Callable[[Cloud, Json, Json], None] = lambda _cloud, _inputs, _item: None,
    also: Callable[[Cloud, Json], Json] = lambda _cloud, _item: {},
) -> ResourceType:
    """Return a type that uses POST, GET and DELETE of one Neutron collection.

    Args:
        singular: Neutron's word for one item; the collection is its plural.
        inputs: inputs that are supported, separated by spaces.
        outputs: outputs that are read, in addition to tags, tenant and region.
        body: returns the body of the POST for the inputs.
        created: is called after the POST.
        also: returns outputs that are no single attribute of the item.
    """
    collection = singular.replace("_", "-") + "s"
    path = f"/{collection}"

    def create(cloud: Cloud, given: Json, tell: Callable[[str], None]) -> None:
        wanted = body(cloud, given) | given.get("valueSpecs", {})
        item = cloud.call("POST", "network", path, {singular: wanted})[singular]
        tell(item["id"])
        created(cloud, given, item)
        if given.get("tags"):
            cloud.call("PUT", "network", f"{path}/{item['id']}/tags", {"tags": given["tags"]})

    def read(cloud: Cloud, id_: str, _given: Json) -> Json:
        item = cloud.get("network", f"{path}/{id_}")[singular]
        return attributes(item, outputs) | also(cloud, item) | {"region": cloud.region}

    def delete(cloud: Cloud, id_: str, _given: Json) -> None:
        cloud.delete("network", f"{path}/{id_}")

    return ResourceType(words(f"{inputs} tenantId tags valueSpecs region"), create, read, delete)


def request_body(inputs: Mapping[str, Any]) -> Json:
    """Return the body of a POST for plain inputs, without tags and region, which are handled separately."""
    return {
        _RENAMED.get(name, snake(name)): snake_keys(value)
        for name, value in inputs.items()
        if name not in ("tags", "valueSpecs", "region")
    }


def attributes(item: Mapping[str, Any], names: str) -> Json:
    """Return the outputs in an item, with the provider's values where Neutron has null."""
    found = {name: item.get(_RENAMED.get(name, snake(name))) for name in f"{names} description tenantId".split()}
    values = {name: _NULLS.get(name, "") if value is None else camel_keys(value) for name, value in found.items()}
    return values | ({"allTags": item["tags"]} if "tags" in item else {})


def _subnet_body(_: Cloud, inputs: Json) -> Json:
    body: Json = {"ip_version": 4, "enable_dhcp": True} | request_body(inputs)
    if body.pop("no_gateway", False):
        body["gateway_ip"] = None  # without the key Neutron would use the first address
    return body


def _subnet_outputs(_: Cloud, item: Json) -> Json:
    return {"noGateway": not item["gateway_ip"]}


def _router_body(_: Cloud, inputs: Json) -> Json:
    body = request_body(inputs)
    gateway = {"network_id": body.pop("external_network_id", None), "enable_snat": body.pop("enable_snat", None)}
    gateway["external_fixed_ips"] = body.pop("external_fixed_ips", None)
    if gateway["network_id"]:
        body["external_gateway_info"] = {key: value for key, value in gateway.items() if value is not None}
    return body


def router_gateway(_: Cloud, item: Json) -> Json:
    """Return the outputs that are in a router's external_gateway_info."""
    gateway = item.get("external_gateway_info") or {}
    return {
        "externalNetworkId": gateway.get("network_id", ""),
        "enableSnat": gateway.get("enable_snat", False),
        "externalFixedIps": camel_keys(gateway.get("external_fixed_ips", [])),
    }


def _security_group_created(cloud: Cloud, inputs: Json, item: Json) -> None:
    for rule in item["security_group_rules"] if inputs.get("deleteDefaultRules") else ():
        cloud.delete("network", f"/security-group-rules/{rule['id']}")


def _security_group_body(_: Cloud, inputs: Json) -> Json:
    return request_body({name: value for name, value in inputs.items() if name != "deleteDefaultRules"})


def _port_body(_: Cloud, inputs: Json) -> Json:
    body = request_body(inputs)
    if body.pop("no_security_groups", False):
        body["security_groups"] = []  # without the key Neutron would use the group `default`
    if body.pop("no_fixed_ip", False):
        body["fixed_ips"] = []
    for option in body.get("extra_dhcp_opts", ()):
        option.update({f"opt_{key}": option.pop(key) for key in ("name", "value")})
    return body


def port_lists(_: Cloud, item: Json) -> Json:
    """Return the list outputs of a port. Like the provider, omit the MAC address of a pair if Neutron has filled it in."""
    pairs = [camel_keys(pair) for pair in item.get("allowed_address_pairs", ())]
    for pair in pairs:
        if pair["macAddress"] == item["mac_address"]:
            del pair["macAddress"]
    options = [
        {"name": option["opt_name"], "value": option["opt_value"], "ipVersion": option.get("ip_version", 4)}
        for option in item.get("extra_dhcp_opts", ())
    ]
    return {
        "allFixedIps": [fixed_ip["ip_address"] for fixed_ip in item["fixed_ips"]],
        "allSecurityGroupIds": item["security_groups"],
        "allowedAddressPairs": pairs,
        "extraDhcpOptions": options,
    }


def _floating_ip_body(cloud: Cloud, inputs: Json) -> Json:
    body = request_body(inputs)
    pool = body.pop("pool", "")
    networks = cloud.find("network", "/networks", "networks", name=pool)
    if len(networks) != 1:
        raise CloudError(0, f"there are {len(networks)} networks named {pool!r}; pool must be the name of exactly one network")
    return body | {"floating_network_id": networks[0]["id"]}


def _floating_ip_pool(cloud: Cloud, item: Json) -> Json:
    return {"pool": cloud.get("network", f"/networks/{item['floating_network_id']}")["network"]["name"]}


def _associate(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    found = cloud.find("network", "/floatingips", "floatingips", floating_ip_address=inputs["floatingIp"])
    if not found:
        raise CloudError(0, f"there is no floating IP {inputs['floatingIp']}")
    wanted = {"port_id": inputs["portId"]} | ({"fixed_ip_address": inputs["fixedIp"]} if inputs.get("fixedIp") else {})
    cloud.call("PUT", "network", f"/floatingips/{found[0]['id']}", {"floatingip": wanted})
    tell(found[0]["id"])


def _read_association(cloud: Cloud, id_: str, _: Json) -> Json:
    item = cloud.get("network", f"/floatingips/{id_}")["floatingip"]
    return attributes(item, "portId fixedIp") | {"floatingIp": item["floating_ip_address"], "region": cloud.region}


def _disassociate(cloud: Cloud, id_: str, inputs: Json) -> None:
    path = f"/floatingips/{id_}"
    if cloud.gone("network", path) or cloud.get("network", path)["floatingip"]["port_id"] != inputs["portId"]:
        return  # another program has associated it elsewhere since
    until_free(partial(cloud.call, "PUT", "network", path, {"floatingip": {"port_id": None}}))


def _add_router_interface(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    body = {snake(key): inputs[key] for key in ("subnetId", "portId") if key in inputs}
    with cloud.lock(inputs["routerId"]):  # Neutron refuses to add two interfaces to a router at the same time
        tell(cloud.call("PUT", "network", f"/routers/{inputs['routerId']}/add_router_interface", body)["port_id"])


def _read_router_interface(cloud: Cloud, id_: str, _: Json) -> Json:
    port = cloud.get("network", f"/ports/{id_}")["port"]
    subnets = [fixed_ip["subnet_id"] for fixed_ip in port["fixed_ips"]]
    one = {"subnetId": subnets[0]} if len(subnets) == 1 else {}
    return {"routerId": port["device_id"], "portId": id_, "region": cloud.region, **one}


def _remove_router_interface(cloud: Cloud, id_: str, inputs: Json) -> None:
    path = f"/routers/{inputs['routerId']}/remove_router_interface"
    with cloud.lock(inputs["routerId"]):
        until_free(partial(cloud.call, "PUT", "network", path, {"port_id": id_}))


def _change_host_routes(cloud: Cloud, inputs: Json, change: Callable[[list[Json], Json], list[Json]]) -> None:
    path = f"/subnets/{inputs['subnetId']}"
    with cloud.lock(path):  # the API can only replace the whole list
        routes = cloud.get("network", path)["subnet"]["host_routes"]
        route = {"destination": inputs["destinationCidr"], "nexthop": inputs["nextHop"]}
        cloud.call("PUT", "network", path, {"subnet": {"host_routes": change(routes, route)}})


def _add_subnet_route(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    def added(routes: list[Json], route: Json) -> list[Json]:
        if route in routes:
            raise CloudError(0, f"the subnet already has a route to {route['destination']} via {route['nexthop']}")
        return [*routes, route]

    _change_host_routes(cloud, inputs, added)
    tell("{subnetId}-route-{destinationCidr}-{nextHop}".format(**inputs))


def _remove_subnet_route(cloud: Cloud, _id: str, inputs: Json) -> None:
    if not cloud.gone("network", f"/subnets/{inputs['subnetId']}"):
        _change_host_routes(cloud, inputs, lambda routes, route: [other for other in routes if other != route])


TYPES = {
    "openstack:networking/network:Network": _neutron(
        "network",
        "name description adminStateUp shared external mtu portSecurityEnabled dnsDomain availabilityZoneHints",
        "name adminStateUp shared external mtu portSecurityEnabled dnsDomain availabilityZoneHints",
    ),
    "openstack:networking/subnet:Subnet": _neutron(
        "subnet",
        "name description networkId cidr ipVersion gatewayIp noGateway enableDhcp dnsNameservers allocationPools "
        "ipv6AddressMode ipv6RaMode dnsPublishFixedIp serviceTypes",
        SUBNET_OUTPUTS,
        body=_subnet_body,
        also=_subnet_outputs,
    ),
    "openstack:networking/subnetRoute:SubnetRoute": ResourceType(
        words("subnetId destinationCidr nextHop region"),
        _add_subnet_route,
        lambda cloud, _id, _inputs: {"region": cloud.region},
        _remove_subnet_route,
    ),
    "openstack:networking/router:Router": _neutron(
        "router",
        "name description adminStateUp distributed externalNetworkId enableSnat externalFixedIps availabilityZoneHints",
        "name adminStateUp availabilityZoneHints",
        body=_router_body,
        also=router_gateway,
    ),
    "openstack:networking/routerInterface:RouterInterface": ResourceType(
        words("routerId subnetId portId region"),
        _add_router_interface,
        _read_router_interface,
        _remove_router_interface,
    ),
    "openstack:networking/secGroup:SecGroup": _neutron(
        "security_group",
        "name description stateful deleteDefaultRules",
        "name stateful",
        body=_security_group_body,
        created=_security_group_created,
    ),
    "openstack:networking/secGroupRule:SecGroupRule": _neutron(
        "security_group_rule",
        "description direction ethertype protocol portRangeMin portRangeMax remoteIpPrefix remoteGroupId remoteAddressGroupId "
        "securityGroupId",
        "direction ethertype protocol portRangeMin portRangeMax remoteIpPrefix remoteGroupId remoteAddressGroupId "
        "securityGroupId",
    ),
    "openstack:networking/port:Port": _neutron(
        "port",
        "name description networkId adminStateUp macAddress deviceId deviceOwner fixedIps noFixedIp securityGroupIds "
        "noSecurityGroups allowedAddressPairs extraDhcpOptions portSecurityEnabled dnsName",
        "name networkId adminStateUp macAddress deviceId deviceOwner portSecurityEnabled dnsName",
        body=_port_body,
        also=port_lists,
    ),
    "openstack:networking/floatingIp:FloatingIp": _neutron(
        "floatingip",
        "description pool portId fixedIp address subnetId dnsName dnsDomain",
        "address portId fixedIp dnsName dnsDomain",
        body=_floating_ip_body,
        also=_floating_ip_pool,
    ),
    "openstack:networking/floatingIpAssociate:FloatingIpAssociate": ResourceType(
        words("floatingIp portId fixedIp region"), _associate, _read_association, _disassociate
    ),
}
