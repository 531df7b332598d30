"""The JSON Schema of a stack file, by which editors complete and check it.

Keys, types and descriptions come from the definitions. What a schema can know of the rules in `components/checks` is here in
tables, made of the rules' own limits; the rest (what names what, what overlaps what) only `checks` knows.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin

from typing_extensions import is_typeddict

from multiport.components.checks import facts, guests, names, networks, ports, security_groups, servers
from multiport.components.topology import Topology
from multiport.guest import cloud_config, metadata, plan
from multiport.guest.program import numbers
from multiport.reference.definitions import Key, keys_of, records_in

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML language servers know best."""

PULUMI_KEYS = ("encryptedkey", "encryptionsalt", "environment", "secretsprovider")
"""What Pulumi itself keeps in a stack file besides the configuration."""

UNPRINTABLE = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Control characters, and those that hide or turn text around."""
NAME: Schema = {
    "minLength": 1,
    "maxLength": names.LONGEST_NAME,
    "pattern": rf"^[^\s{UNPRINTABLE}]([^{UNPRINTABLE}]*[^\s{UNPRINTABLE}])?$",
}
ADDRESS: Schema = {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "pattern": "^[0-9a-f:.]+$"}
IPV4: Schema = {"format": "ipv4"}
IPV4_CIDR = r"[0-9]{1,3}(\.[0-9]{1,3}){3}/(3[0-2]|[12]?[0-9])"
IPV6_CIDR = "[0-9a-f:]*:[0-9a-f:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
CIDR: Schema = {"pattern": f"^({IPV4_CIDR}|{IPV6_CIDR})$"}
SUBNET: Schema = {
    "allOf": [
        CIDR,
        {"not": {"pattern": "/(0|31|32|127|128)$"}},
        {"not": {"pattern": "^((0|127|169[.]254|22[4-9]|2[3-5][0-9])[.]|fe[89ab]|ff)"}},
    ]
}
PORT_NUMBER: Schema = {"minimum": 0, "maximum": security_groups.GREATEST_PORT}


def _whole(pattern: re.Pattern[str]) -> Schema:
    """A text that a pattern of Python's matches as a whole."""
    return {"pattern": f"^({pattern.pattern})$"}


def _words(words: tuple[str, ...]) -> Schema:
    return {"enum": [*words]}


VALUES: Mapping[tuple[str, str], Schema] = {
    ("AddressPairConfig", "ip_address"): {"anyOf": [ADDRESS, CIDR], "not": {"pattern": "/0$"}},
    ("AllocationPoolArgs", "end"): ADDRESS,
    ("AllocationPoolArgs", "start"): ADDRESS,
    ("BootVolumeArgs", "size"): {"minimum": servers.SMALLEST_VOLUME},
    ("BootVolumeArgs", "volume_type"): NAME,
    ("ExistingNetworkArgs", "id"): _whole(names.UUID),
    ("ExistingNetworkArgs", "name"): NAME,
    ("FixedIpArgs", "ip_address"): ADDRESS,
    ("FloatingIpArgs", "key"): _whole(names.KEY),
    ("FloatingIpPool", "external_network"): NAME,
    ("FloatingIpSource", "address"): IPV4,
    ("FloatingIpSource", "pool"): NAME,
    ("HostRouteArgs", "destination_cidr"): {**CIDR, "not": {"pattern": "/0$"}},
    ("HostRouteArgs", "next_hop"): ADDRESS,
    ("PortConfig", "allowed_address_pairs"): {"maxProperties": ports.MOST_PAIRS},
    ("PortConfig", "external_network"): NAME,
    ("PortConfig", "security_groups"): {"uniqueItems": True},
    ("PortOptions", "description"): NAME,
    ("PortOptions", "fixed_ips"): {"minProperties": 1},
    ("PortOptions", "formerly"): {"items": _whole(names.KEY)},
    ("PortOptions", "mac_address"): {
        "allOf": [_whole(plan.MAC), {"pattern": "^.[02468ace]"}, {"not": {"pattern": "^[0:]*$"}}],
    },
    ("PortOptions", "name"): NAME,
    ("PortOptions", "slot"): {"minimum": 1, "maximum": plan.SLOT_MAX},
    ("PrivateNetworkArgs", "mtu"): {"minimum": numbers.MTU_MIN, "maximum": numbers.MTU_MAX},
    ("PrivateNetworkArgs", "name"): NAME,
    ("PrivateNetworkArgs", "subnets"): {"minProperties": 1},
    ("RouterArgs", "external_network"): NAME,
    ("RouterArgs", "name"): NAME,
    ("RoutingArgs", "echo_url"): {**_whole(metadata.ECHO_URL), "maxLength": metadata.VALUE_CHARACTERS_MAX - len("echo=")},
    ("SecurityGroupArgs", "name"): {**NAME, "not": {"const": "default"}},
    ("SecurityGroupArgs", "rules"): {"uniqueItems": True},
    ("SecurityGroupRuleArgs", "direction"): _words(security_groups.DIRECTIONS),
    ("SecurityGroupRuleArgs", "ethertype"): _words(security_groups.ETHERTYPES),
    ("SecurityGroupRuleArgs", "port_range_max"): PORT_NUMBER,
    ("SecurityGroupRuleArgs", "port_range_min"): PORT_NUMBER,
    ("SecurityGroupRuleArgs", "protocol"): {
        "anyOf": [{"enum": [*security_groups.PROTOCOLS]}, {"pattern": "^(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$"}]
    },
    ("SecurityGroupRuleArgs", "remote_ip_prefix"): CIDR,
    ("ServerConfig", "ports"): {
        "not": {"additionalProperties": {"required": ["hot"], "properties": {"hot": {"const": True}}}},
    },
    ("ServerConfig", "security_groups"): {"uniqueItems": True},
    ("ServerGroupConfig", "policy"): _words(security_groups.POLICIES),
    ("ServerOptions", "availability_zone"): NAME,
    ("ServerOptions", "cloud_config"): {"pattern": rf"^{cloud_config.HEADER}(\s|$)"},
    ("ServerOptions", "flavor"): NAME,
    ("ServerOptions", "guest_generation"): {"minimum": 0},
    ("ServerOptions", "guest_update"): _words(guests.GUEST_UPDATES),
    ("ServerOptions", "image"): NAME,
    ("ServerOptions", "image_id"): _whole(names.UUID),
    ("ServerOptions", "key_pair"): NAME,
    ("ServerOptions", "metadata"): {
        "maxProperties": metadata.ITEMS_MAX - 2,  # one port and the options are ours
        "propertyNames": {**_whole(metadata.NOVA_KEY), "not": {"pattern": f"^{re.escape(plan.METADATA_PREFIX)}"}},
        "additionalProperties": {"type": "string", "maxLength": metadata.VALUE_CHARACTERS_MAX},
    },
    ("ServerOptions", "name"): _whole(names.HOST_NAME),
    ("ServerOptions", "return_path"): _words(guests.RETURN_PATHS),
    ("ServerOptions", "tags"): {
        "maxItems": names.MOST_TAGS - names.OUR_TAGS,
        "uniqueItems": True,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": names.LONGEST_TAG,
            "pattern": "^[^/,]*$",
            "not": {"pattern": "^multiport([.]|$)"},
        },
    },
    ("SubnetArgs", "allocation_pools"): {"minItems": 1},
    ("SubnetArgs", "cidr"): SUBNET,
    ("SubnetArgs", "dns_nameservers"): {"items": {"type": "string", **ADDRESS}, "uniqueItems": True},
    ("SubnetArgs", "gateway_ip"): ADDRESS,
    ("SubnetArgs", "ipv6_address_mode"): _words(networks.IPV6_MODES),
    ("SubnetArgs", "ipv6_ra_mode"): _words(networks.IPV6_MODES),
    ("SubnetArgs", "name"): NAME,
    ("VirtualIpConfig", "members"): {"minProperties": 1},
    ("VirtualIpOptions", "ip_address"): ADDRESS,
}
"""What a value must be besides its type, by the class that declares the key."""

OF_USERS = {("ServerOptions", "metadata"), ("VirtualIpConfig", "members")}
"""Mappings whose keys are not new keys of the user's: Nova's, and those of servers."""


def _exactly_one(*keys: str) -> Schema:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _not_both(*keys: str) -> Schema:
    return {"not": {"required": [*keys]}}


def _given(**values: object) -> Schema:
    """Keys that have these values."""
    return {"required": [*values], "properties": {key: {"const": value} for key, value in values.items()}}


def _filled(key: str) -> Schema:
    """A key that is there with anything but an empty mapping or list."""
    return {"required": [key], "properties": {key: {"not": {"enum": [{}, []]}}}}


def _none_of(*schemas: Schema) -> Schema:
    return {"not": {"anyOf": [*schemas]}}


def _protocols(numbers: set[int]) -> Schema:
    """Protocols by their names or numbers."""
    known = [name for name, number in security_groups.PROTOCOLS.items() if number in numbers]
    return {"enum": [*known, *map(str, sorted(numbers))]}


ICMP = {security_groups.ICMP, security_groups.IPV6_ICMP}
WITH_RANGE = security_groups.WITH_PORTS | ICMP

TOGETHER: Mapping[str, list[Schema]] = {
    "ExistingNetworkArgs": [_exactly_one("id", "name")],
    "FloatingIpArgs": [_not_both("pool", "address")],
    "PortConfig": [
        _exactly_one("network", "external_network"),
        {
            "if": _given(port_security_enabled=False),
            "then": _none_of(_filled("security_groups"), _filled("allowed_address_pairs")),
        },
        {
            "if": {"required": ["external_network"]},
            "then": _none_of(
                {"required": ["mac_address"]},
                {"required": ["port_security_enabled"]},
                {"required": ["floating_ip"]},
                _filled("fixed_ips"),
                _filled("allowed_address_pairs"),
            ),
        },
    ],
    "PrivateNetworkArgs": [
        {
            "if": {"required": ["existing"]},
            "then": {
                **_none_of(*({"required": [key]} for key in networks.CREATION_ONLY)),
                "properties": {
                    "router": _none_of(*({"required": [key]} for key in networks.ROUTER_CREATION_ONLY)),
                    "subnets": {
                        "additionalProperties": _none_of(*({"required": [key]} for key in networks.SUBNET_CREATION_ONLY)),
                    },
                },
            },
            "else": {
                "if": {
                    "required": ["router", "subnets"],
                    "properties": {"subnets": {"additionalProperties": _given(no_gateway=True)}},
                },
                "then": False,
            },
        },
    ],
    "SecurityGroupRuleArgs": [
        {"dependencies": {"port_range_max": ["port_range_min"], "port_range_min": ["protocol"]}},
        {"if": {"required": ["port_range_min"]}, "then": {"properties": {"protocol": _protocols(WITH_RANGE)}}},
        {"if": _given(ethertype="IPv4"), "then": {"properties": {"remote_ip_prefix": {"not": {"pattern": ":"}}}}},
        {
            "if": _given(ethertype="IPv6"),
            "then": {
                "properties": {"remote_ip_prefix": {"pattern": ":"}, "protocol": {"not": _protocols({security_groups.ICMP})}},
            },
        },
        {
            "if": {"required": ["protocol"], "properties": {"protocol": _protocols(security_groups.IPV6_ONLY)}},
            "then": {
                "anyOf": [
                    _given(ethertype="IPv6"),
                    {"required": ["remote_ip_prefix"], "properties": {"remote_ip_prefix": {"pattern": ":"}}},
                ]
            },
        },
        {
            "if": _given(direction="egress"),
            "then": {"anyOf": [{"required": ["protocol"]}, {"required": ["remote_ip_prefix"]}]},
        },
        {"if": _given(port_range_min=0), "then": {"properties": {"protocol": _protocols(ICMP)}}},
        {
            "if": {"required": ["port_range_min", "protocol"], "properties": {"protocol": _protocols(ICMP)}},
            "then": {
                "properties": {
                    "port_range_min": {"maximum": security_groups.GREATEST_TYPE},
                    "port_range_max": {"maximum": security_groups.GREATEST_TYPE},
                }
            },
        },
        _none_of(_given(port_range_min=1, port_range_max=security_groups.GREATEST_PORT)),
    ],
    "ServerConfig": [
        _exactly_one("image", "image_id"),
        {"if": _given(return_path="none"), "then": {"not": {"required": ["routing"]}}},
        {
            "if": {"required": ["guest_generation"], "properties": {"guest_generation": {"minimum": 1}}},
            "then": _given(guest_update="keep"),
        },
        {"if": _given(config_drive=False), "then": {"properties": {"ports": {"maxProperties": 1}}}},
    ],
    "SubnetArgs": [
        {"not": {**_given(no_gateway=True), "allOf": [{"required": ["gateway_ip"]}]}},
        {
            "if": {
                "anyOf": [{"required": [key], "properties": {key: {"enum": [*facts.AUTOMATIC]}}} for key in networks.MODE_KEYS]
            },
            "then": {"properties": {"cidr": {"pattern": f"/{networks.SLAAC_PREFIX}$"}}},
        },
        *(
            {"if": _given(ipv6_ra_mode=mode), "then": {"properties": {"ipv6_address_mode": {"const": mode}}}}
            for mode in networks.IPV6_MODES
        ),
        {
            "if": {"properties": {"cidr": {"pattern": "^[0-9.]+/"}}},
            "then": _none_of(*({"required": [key]} for key in networks.MODE_KEYS)),
        },
        {
            "if": {"anyOf": [_given(enable_dhcp=False), {**_given(no_gateway=True), "not": {"required": ["enable_dhcp"]}}]},
            "then": _none_of(*({"required": [key]} for key in networks.MODE_KEYS)),
        },
    ],
}
"""What the keys of a record must be together."""


def stack_schema(project: str = "multiport", own_keys: Iterable[str] = ()) -> Schema:
    """The JSON Schema of a stack file.

    Args:
        project: Name of the Pulumi project, the prefix of the keys in its stack files.
        own_keys: Keys of the project that are its program's own and no part of the topology; their values are not judged.
    """
    ours = {f"{project}:{key.name}": key for key in keys_of(Topology)}
    others = [f"{project}:{key}" for key in own_keys]
    return {
        "$schema": DRAFT,
        "title": f"Stack file of the Pulumi project {project}",
        "description": "What multiport deploys, and what Pulumi keeps with it.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{key: {} for key in PULUMI_KEYS},
            "config": {
                "description": "The stack's configuration: this project's keys, and those of providers and other packages.",
                "type": "object",
                "propertyNames": {"if": {"pattern": f"^{re.escape(project)}:"}, "then": {"enum": [*ours, *others]}},
                "properties": {
                    name: {
                        "description": key.description,
                        "if": {"type": "object", "required": ["secure"]},
                        "then": ENCRYPTED_REFERENCE,
                        "else": _value(key),
                    }
                    for name, key in ours.items()
                },
            },
        },
        "definitions": {
            "encrypted": ENCRYPTED,
            **{record.__name__: _record(record) for record in dict.fromkeys(records_in(Topology)) if record is not Topology},
        },
    }


ENCRYPTED: Schema = {
    "description": "A value that `pulumi config set --secret` has encrypted.",
    "type": "object",
    "required": ["secure"],
    "properties": {"secure": {"type": "string"}},
    "additionalProperties": False,
}
ENCRYPTED_REFERENCE: Schema = {"$ref": "#/definitions/encrypted"}


def _record(record: type) -> Schema:
    keys = keys_of(record)
    return {
        "description": " ".join((record.__doc__ or "").split()),
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in keys if key.required],
        "properties": {key.name: {"description": key.description, **_or_encrypted(_value(key))} for key in keys},
        **({"allOf": TOGETHER[record.__name__]} if record.__name__ in TOGETHER else {}),
    }


def _or_encrypted(value: Schema) -> Schema:
    """A text may be encrypted, wherever it stands."""
    if value.get("type") == "string":
        return {"if": {"type": "object"}, "then": ENCRYPTED_REFERENCE, "else": value}
    if "additionalProperties" in value:
        return {**value, "additionalProperties": _or_encrypted(value["additionalProperties"])}
    return value


def _value(key: Key) -> Schema:
    of_user = (key.owner.__name__, key.name) not in OF_USERS
    return _merged(_type(key.hint, of_user=of_user), VALUES.get((key.owner.__name__, key.name), {}))


def _type(hint: Any, *, of_user: bool) -> Schema:
    if is_typeddict(hint):
        return {"$ref": f"#/definitions/{hint.__name__}"}
    if get_origin(hint) is list:
        return {"type": "array", "items": _type(get_args(hint)[0], of_user=of_user)}
    if get_origin(hint) is dict:
        names_of_keys = {"propertyNames": _whole(names.KEY)} if of_user else {}
        return {"type": "object", **names_of_keys, "additionalProperties": _type(get_args(hint)[1], of_user=of_user)}
    return {"type": {str: "string", int: "integer", bool: "boolean"}[hint]}


def _merged(kind: Schema, more: Schema) -> Schema:
    """Both schemas as one; where both say what items or values are, both hold."""
    return {
        **kind,
        **{key: {**kind[key], **value} if key in ("items", "additionalProperties") else value for key, value in more.items()},
    }
