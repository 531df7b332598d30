"""Nova's resource types: servers, hot-attached ports, server groups and key pairs."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any

from .cloud import Cloud, CloudError, Json, Service
from .resource_type import ResourceType, snake, snake_keys, words

_NO_IMAGE = "Attempt to boot from volume - no image supplied"
"""The image name that the provider stores for a server without an image."""

_HINTS = {"differentHosts": "different_host", "sameHosts": "same_host", "differentCells": "different_cell", "queries": "query"}
"""Scheduler hints that have a plural name in the SDK and a singular one in the API."""

_GROUP_RULES = "2.64"
"""First microversion in which a server group has one `policy` with `rules`."""


def server_body(cloud: Cloud, inputs: Json) -> tuple[Json, str | None]:
    """Return the body of POST /servers, and the microversion that it needs if 2.1 does not suffice."""
    server: Json = {
        "name": inputs["name"],
        "flavorRef": inputs.get("flavorId") or _id_of(cloud, "compute", "flavors", inputs["flavorName"]),
        "config_drive": inputs.get("configDrive", False),
        "metadata": inputs.get("metadata", {}),
        "user_data": encoded(inputs["userData"]) if "userData" in inputs else None,
        "key_name": inputs.get("keyPair"),
        "availability_zone": inputs.get("availabilityZone", inputs.get("availabilityZoneHints")),
        "adminPass": inputs.get("adminPass"),
        "security_groups": [{"name": name} for name in inputs.get("securityGroups", ())] or None,
        "tags": inputs.get("tags"),
    }
    devices = inputs.get("blockDevices", [])
    server["block_device_mapping_v2"] = [_block_device(device) for device in devices] or None
    if not devices or any((d.get("sourceType"), d.get("destinationType")) == ("image", "local") for d in devices):
        server["imageRef"] = inputs.get("imageId") or _id_of(cloud, "image", "images", inputs["imageName"])
    mode = inputs.get("networkMode")
    server["networks"] = mode or [_network(cloud, network) for network in inputs.get("networks", ())] or None
    body: Json = {"server": {key: value for key, value in server.items() if value is not None}}
    if "schedulerHints" in inputs:
        hints = dict(inputs["schedulerHints"][0])
        others = hints.pop("additionalProperties", {})
        body["os:scheduler_hints"] = {_HINTS.get(name, snake(name)): value for name, value in hints.items()} | others
    needed = {(2, 67): any("volumeType" in device for device in devices), (2, 52): "tags" in inputs, (2, 37): mode}
    versions = [version for version, wanted in needed.items() if wanted]
    return body, "{}.{}".format(*max(versions)) if versions else None


def encoded(user_data: str) -> str:
    """Encode user data in base64. As in the provider, text that is base64 already (of gzip, for example) is sent unchanged."""
    try:
        base64.b64decode(user_data.replace("\n", "").replace("\r", ""), validate=True)
    except (ValueError, binascii.Error):
        return base64.b64encode(user_data.encode()).decode()
    return user_data


def _id_of(cloud: Cloud, service: Service, collection: str, name: str) -> str:
    path, query = (f"/{collection}/detail", {}) if service == "compute" else (f"/{collection}", {"name": name})
    found = [item["id"] for item in cloud.find(service, path, collection, **query) if item["name"] == name]
    if len(found) != 1:
        raise CloudError(0, f"there are {len(found)} {collection} named {name!r}; exactly one is needed")
    return str(found[0])


def _block_device(device: Json) -> Json:
    given = {snake(key): value for key, value in device.items() if key != "multiattach"}  # an argument of the provider only
    return {"boot_index": 0, "delete_on_termination": False} | given


def _network(cloud: Cloud, network: Json) -> Json:
    if "port" in network:
        return {"port": network["port"]}
    uuid = network.get("uuid") or _network_of(cloud, name=network["name"])["id"]
    return {"uuid": uuid} | ({"fixed_ip": network["fixedIpV4"]} if "fixedIpV4" in network else {})


def _network_of(cloud: Cloud, **query: str) -> Json:
    found = cloud.find("network", "/networks", "networks", **query)
    if len(found) != 1:
        raise CloudError(0, f"there are {len(found)} networks with {query}; exactly one is needed")
    return found[0]


def _create_server(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    body, microversion = server_body(cloud, inputs)
    id_ = cloud.call("POST", "compute", "/servers", body, microversion=microversion)["server"]["id"]
    tell(id_)
    _wait_for_status(cloud, id_, "ACTIVE")
    if inputs.get("powerState", "active") == "shutoff":
        cloud.call("POST", "compute", f"/servers/{id_}/action", {"os-stop": None})
        _wait_for_status(cloud, id_, "SHUTOFF")


def _wait_for_status(cloud: Cloud, id_: str, status: str) -> None:
    def reached() -> bool:
        server = cloud.get("compute", f"/servers/{id_}")["server"]
        if server["status"] == "ERROR":
            raise CloudError(
                0, f"the server has the status ERROR: {server.get('fault', {}).get('message', 'Nova gives no reason')}"
            )
        return bool(server["status"] == status)

    cloud.wait(f"server {id_}: the change to {status}", reached)


def _read_server(cloud: Cloud, id_: str, inputs: Json) -> Json:
    server = cloud.get("compute", f"/servers/{id_}")["server"]
    networks = _networks(cloud, server["addresses"], inputs.get("networks", []))
    image = server["image"] or {}
    image_name = cloud.get("image", f"/images/{image['id']}")["name"] if image else _NO_IMAGE
    return {
        "name": server["name"],
        "networks": networks,
        "accessIpV4": _access_address(networks, "fixedIpV4") or server["accessIPv4"],
        "accessIpV6": _access_address(networks, "fixedIpV6") or server["accessIPv6"],
        "allMetadata": server["metadata"],
        "allTags": inputs.get("tags", []),
        "availabilityZone": server["OS-EXT-AZ:availability_zone"],
        "created": server["created"],
        "updated": server["updated"],
        "flavorId": server["flavor"]["id"],
        "flavorName": cloud.get("compute", f"/flavors/{server['flavor']['id']}")["flavor"]["name"],
        "imageId": image.get("id", ""),
        "imageName": image_name,
        "keyPair": server["key_name"] or "",
        "powerState": server["status"].lower(),
        "region": cloud.region,
        "securityGroups": [group["name"] for group in server.get("security_groups", ())],
        **({"userData": hashlib.sha1(inputs["userData"].encode()).hexdigest()} if "userData" in inputs else {}),  # noqa: S324 -- the provider stores this digest
    }


def _networks(cloud: Cloud, addresses: dict[str, list[Json]], declared: list[Json]) -> list[Json]:
    """Match the declared networks with the server's NICs as the provider does: by network name and position.

    If a port has several addresses of one family, only the last one is reported (measured), and the NICs of two ports on one
    network may be exchanged. A program that needs exact addresses must read the ports.
    """
    nics: dict[str, list[Json]] = {}
    for name, entries in addresses.items():
        by_mac: dict[str, Json] = {}
        for entry in entries:
            nic = by_mac.setdefault(entry["OS-EXT-IPS-MAC:mac_addr"], {"fixedIpV4": "", "fixedIpV6": ""})
            if entry["OS-EXT-IPS:type"] == "fixed":
                nic["fixedIpV6" if entry["version"] == 6 else "fixedIpV4"] = entry["addr"]  # noqa: PLR2004 -- IPv6
        nics[name] = [{"mac": mac, **nic} for mac, nic in by_mac.items()]
    if not declared:
        return [{"name": name, "uuid": "", "port": "", "accessNetwork": False, **nic} for name in nics for nic in nics[name]]
    matched = []
    for network in declared:
        if "port" in network:
            owner = {"id": cloud.get("network", f"/ports/{network['port']}")["port"]["network_id"]}
        else:
            owner = {"id": network["uuid"]} if "uuid" in network else {"name": network["name"]}
        found = _network_of(cloud, **owner)
        here = nics.get(found["name"], [])
        if here:
            nic = here.pop(0) if len(here) > 1 else here[0]
            given = {"uuid": found["id"], "port": network.get("port", ""), "accessNetwork": network.get("accessNetwork", False)}
            matched.append({"name": found["name"], **given, **nic})
    return matched


def _access_address(networks: list[Json], family: str) -> str:
    having = [network for network in networks if network[family]]
    preferred = [network for network in having if network["accessNetwork"]]
    return str((preferred[-1:] or having[:1] or [{family: ""}])[0][family])


def _delete_server(cloud: Cloud, id_: str, inputs: Json) -> None:
    path = f"/servers/{id_}"
    if cloud.gone("compute", path):
        return
    for network in inputs.get("networks", ()) if inputs.get("vendorOptions", {}).get("detachPortsBeforeDestroy") else ():
        if "port" in network:
            _detach(cloud, f"{id_}/{network['port']}", {})
    if inputs.get("stopBeforeDestroy") and cloud.get("compute", path)["server"]["status"] == "ACTIVE":
        cloud.call("POST", "compute", f"{path}/action", {"os-stop": None})
        _wait_for_status(cloud, id_, "SHUTOFF")
    if inputs.get("forceDelete"):
        cloud.call("POST", "compute", f"{path}/action", {"forceDelete": None})
    else:
        cloud.delete("compute", path)
    cloud.wait(f"server {id_}: the deletion", lambda: cloud.gone("compute", path))


def _attach(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    names = {"portId": "port_id", "networkId": "net_id"}
    wanted: dict[str, Any] = {names[key]: inputs[key] for key in names if inputs.get(key)}
    if inputs.get("fixedIp"):
        wanted["fixed_ips"] = [{"ip_address": inputs["fixedIp"]}]
    path = f"/servers/{inputs['instanceId']}/os-interface"
    port = cloud.call("POST", "compute", path, {"interfaceAttachment": wanted})["interfaceAttachment"]["port_id"]
    tell(f"{inputs['instanceId']}/{port}")
    cloud.wait(f"the attachment of port {port}", lambda: not cloud.gone("compute", f"{path}/{port}"))


def _read_attachment(cloud: Cloud, id_: str, _: Json) -> Json:
    server, port = id_.split("/")
    attachment = cloud.get("compute", f"/servers/{server}/os-interface/{port}")["interfaceAttachment"]
    first = {"fixedIp": attachment["fixed_ips"][0]["ip_address"]} if attachment["fixed_ips"] else {}
    return {"instanceId": server, "portId": port, "networkId": attachment["net_id"], "region": cloud.region, **first}


def _detach(cloud: Cloud, id_: str, _: Json) -> None:
    server, port = id_.split("/")
    path = f"/servers/{server}/os-interface/{port}"
    if cloud.gone("compute", path):
        return
    cloud.delete("compute", path)  # sent only once: Nova answers 202 whether or not the port is attached
    cloud.wait(f"the detachment of port {port}", lambda: cloud.gone("compute", path))


def _create_server_group(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    group = {"name": inputs["name"], "policy": inputs.get("policies")} | inputs.get("valueSpecs", {})
    if "rules" in inputs:
        group["rules"] = snake_keys(inputs["rules"])
    body = {"server_group": group}
    tell(cloud.call("POST", "compute", "/os-server-groups", body, microversion=_GROUP_RULES)["server_group"]["id"])


def _read_server_group(cloud: Cloud, id_: str, _: Json) -> Json:
    group = cloud.call("GET", "compute", f"/os-server-groups/{id_}", microversion=_GROUP_RULES)["server_group"]
    return {"name": group["name"], "members": group["members"], "policies": group["policy"], "region": cloud.region}


def _create_key_pair(cloud: Cloud, inputs: Json, tell: Callable[[str], None]) -> None:
    if not inputs.get("publicKey"):  # Nova would generate the pair, and its private key must not be in a state file
        raise CloudError(0, "the key pair needs a publicKey: the direct driver stores no private keys")
    body = {"keypair": {"name": inputs["name"], "public_key": inputs["publicKey"]}}
    tell(cloud.call("POST", "compute", "/os-keypairs", body)["keypair"]["name"])


def _read_key_pair(cloud: Cloud, id_: str, _: Json) -> Json:
    pair = cloud.get("compute", f"/os-keypairs/{id_}")["keypair"]
    return {"name": pair["name"], "publicKey": pair["public_key"], "fingerprint": pair["fingerprint"], "region": cloud.region}


TYPES = {
    "openstack:compute/instance:Instance": ResourceType(
        words(
            "name imageId imageName flavorId flavorName keyPair availabilityZone availabilityZoneHints configDrive userData "
            "metadata networks networkMode securityGroups schedulerHints tags blockDevices adminPass powerState "
            "stopBeforeDestroy forceDelete vendorOptions region"
        ),
        _create_server,
        _read_server,
        _delete_server,
    ),
    "openstack:compute/interfaceAttach:InterfaceAttach": ResourceType(
        words("instanceId portId networkId fixedIp region"), _attach, _read_attachment, _detach
    ),
    "openstack:compute/serverGroup:ServerGroup": ResourceType(
        words("name policies rules valueSpecs region"),
        _create_server_group,
        _read_server_group,
        lambda cloud, id_, _: cloud.delete("compute", f"/os-server-groups/{id_}"),
    ),
    "openstack:compute/keypair:Keypair": ResourceType(
        words("name publicKey region"),
        _create_key_pair,
        _read_key_pair,
        lambda cloud, id_, _: cloud.delete("compute", f"/os-keypairs/{id_}"),
    ),
}
