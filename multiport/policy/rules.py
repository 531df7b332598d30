"""The policies. The message of each says what is wrong, why it matters and how to correct it."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import yaml
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from multiport import project
from multiport.guest.cloud_config import user_data
from multiport.guest.plan import BootPort, RoutingPlan
from multiport.policy.graph import ASSOCIATION, PORT, SERVER, SUBNET, UNKNOWN, Graph, listed, value
from multiport.review.redaction import values_of

PROJECT: Final = "MULTIPORT_PROJECT"
"""Environment variable with the folder of the project to check, because the policy engine runs the pack in another folder."""

_MANY: Final = 2
"""A server with at least this number of ports needs policy routing and a config drive."""

_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----")
_CLEAR_PASSWORD: Final = re.compile(r"^\s*(?:- )?(?:password|plain_text_passwd)\s*:\s*(?!\*|!)\S", re.MULTILINE)
_SHORTEST_SECRET: Final = 4  # characters; shorter values appear in any text by chance
_SHORTEST_PART: Final = 8
"""Characters of the shortest value that counts within a secret document: file modes and names of users are shorter."""


def _open_pair(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != PORT:
        return
    for pair in listed(args.props, "allowedAddressPairs"):
        address = value(pair, "ipAddress")
        if isinstance(address, str) and _is_everything(address):
            report(
                f"The pair {address} lets this port use every address there is, its neighbours' too. "
                "Fix: list the networks that it forwards for, or say `port_security_enabled: false` if no filter is meant.",
                None,
            )


def _is_everything(address: str) -> bool:
    try:
        return ip_network(address, strict=False).prefixlen == 0
    except ValueError:
        return False


def _virtual_pair(args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(args)
    bound = {port.urn: port for server in graph.of(SERVER) for port in graph.ports_of(server)}
    for port in graph.of(PORT):
        for pair in listed(port.props, "allowedAddressPairs"):
            address = value(pair, "ipAddress")
            if not isinstance(address, str) or "/" in address:
                continue  # OVN does not make a port virtual for a pair with a mask (measured: OVN 23.03)
            for owner in bound.values():
                if owner.urn != port.urn and address in graph.addresses(owner) and _same_network(graph, port, owner):
                    report(
                        f"The pair {address} is the address of {owner.name}, the port of a server: OVN makes that port virtual, "
                        f"and its server loses it. Fix: write the pair as {address}/{ip_address(address).max_prefixlen}.",
                        port.urn,
                    )


def _same_network(graph: Graph, one: Any, other: Any) -> bool:
    mine, theirs = graph.networks_of(one), graph.networks_of(other)
    if mine and theirs:
        return bool(mine & theirs)
    return bool(value(one.props, "networkId") == value(other.props, "networkId"))


def _gateway_on_private(args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(args)
    routed = graph.routed_networks()
    for subnet in graph.of(SUBNET):
        networks = graph.networks_of(subnet)
        gateway = value(subnet.props, "gatewayIp")
        if (
            not networks
            or networks & routed
            or not isinstance(gateway, str)
            or not gateway
            or value(subnet.props, "noGateway") is True
        ):
            continue
        if any(gateway in graph.addresses(port) and graph.networks_of(port) & networks for port in graph.of(PORT)):
            continue  # a server of the stack has the gateway's address
        report(
            f"No router leads to this network, but its guests are told to route through {gateway}, where nobody answers. "
            "Fix: say `no_gateway: true`, or give the network a `router`.",
            subnet.urn,
        )


def _config_drive(args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(args)
    for server in graph.of(SERVER):
        ports = graph.port_count(server)
        if ports >= _MANY and value(server.props, "configDrive") is not True:
            report(
                f"A server with {ports} ports learns of all of them at its first boot from a config drive only; "
                "the metadata service answers on one. Fix: say `config_drive: true`.",
                server.urn,
            )


def _return_path(args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(args)
    for server in graph.of(SERVER):
        metadata = value(server.props, "metadata", {})
        if metadata is UNKNOWN:
            continue  # made of ports that are still to come, and only by policy routing
        told = {key for key in metadata or {} if re.fullmatch(r"multiport\.port\.[a-z0-9-]+", key)}
        leading = graph.port_count(server) - sum(_leads_nowhere(graph, port) for port in graph.ports_of(server))
        if leading >= _MANY and len(told) < leading:
            report(
                f"{leading} ports of this server stand on networks with a gateway, but its guest routes for {len(told)}: "
                "the others answer through the wrong port, where port security drops it. "
                "Fix: say `return_path: policy_routing`, or take the gateway from the other networks.",
                server.urn,
            )


def _leads_nowhere(graph: Graph, port: Any) -> bool:
    """Return whether all that a port can reach is on its own subnets, so that there is no return path to miss."""
    subnets = graph.subnets_of(port)
    return bool(subnets) and all(value(subnet.props, "noGateway") is True for subnet in subnets)


def _secret_in_user_data(args: ResourceValidationArgs, report: ReportViolation) -> None:
    text = value(args.props, "userData") if args.resource_type == SERVER else None
    if not isinstance(text, str):
        return
    found = []
    if _PRIVATE_KEY.search(text):
        found.append("a private key")
    if _CLEAR_PASSWORD.search(text):
        found.append("a password in clear text")
    found += [f"the stack's secret `{name}`" for name in carried(text, _secrets())]
    if found:
        report(
            f"User data holds {', '.join(found)}. Everything in the guest can read it from the metadata service, and so can all "
            "who may see the server. Fix: let the guest fetch it (Barbican, Vault), or use SSH keys and `hashed_passwd`.",
            None,
        )


def carried(text: str, secrets: Iterable[tuple[str, str]]) -> list[str]:
    """Return names of the secrets of which user data carries a value.

    Args:
        text: The user data.
        secrets: Names and values. What every server of ours carries is none, whatever the configuration calls it.
    """
    texts, ours = _texts(text), _texts(user_data(RoutingPlan((BootPort(slot=1, mac="02:00:00:00:00:01", primary=True),)), None))
    return list(
        dict.fromkeys(
            name for name, value in secrets if any(value in text for text in texts) and not any(value in each for each in ours)
        )
    )


def _texts(text: str) -> list[str]:
    """Return the text, and each value of the YAML document in it, because YAML writes values of several lines differently."""
    return [text, *values_of(text)]


def _secrets() -> Iterator[tuple[str, str]]:
    """Yield the place and the value of each secret in the stack's file; a document counts as its values, except public ones.

    The engine passes user data and configuration to the policies without saying which values are secret, but the stack's file
    shows which values are encrypted.
    """
    try:
        file = project.find(Path(os.environ.get(PROJECT, ""))).stack_file(os.environ.get("PULUMI_STACK", ""))
    except project.ProjectError:
        return
    if not file.is_file():
        return
    known = json.loads(os.environ.get("PULUMI_CONFIG") or "{}")
    config = (yaml.safe_load(file.read_text()) or {}).get("config", {})
    public = set(_clear(config))
    for name, entry in config.items():
        shown = known.get(name)
        for place, secret in _secure(
            name, entry, json.loads(shown) if isinstance(entry, dict | list) and shown and shown[0] in "{[" else shown
        ):
            yield from ((place, value) for value in telling(secret) if value not in public)


def telling(secret: str) -> Iterator[str]:
    """Return the values of a secret by which it can be recognised in a text."""
    values = values_of(secret)
    shortest = _SHORTEST_SECRET if values == (secret,) else _SHORTEST_PART
    return (value for item in values if len(value := item.strip()) >= shortest)


def _clear(entry: Any) -> Iterator[str]:
    """Yield every value that the stack's file shows in clear."""
    if isinstance(entry, dict):
        for each in entry.values() if entry.keys() != {"secure"} else ():
            yield from _clear(each)
    elif isinstance(entry, list):
        for each in entry:
            yield from _clear(each)
    elif isinstance(entry, str):
        yield from values_of(entry)


def _secure(place: str, entry: Any, shown: Any) -> Iterator[tuple[str, str]]:
    if isinstance(entry, dict) and entry.keys() == {"secure"}:
        yield place, shown if isinstance(shown, str) else json.dumps(shown)
    elif isinstance(entry, dict) and isinstance(shown, dict):
        for key, each in entry.items():
            yield from _secure(f"{place}.{key}", each, shown.get(key))
    elif isinstance(entry, list) and isinstance(shown, list):
        for number, (mine, theirs) in enumerate(zip(entry, shown, strict=False)):
            yield from _secure(f"{place}[{number}]", mine, theirs)


def _unrouted_floating_ip(args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(args)
    routed = graph.routed_networks()
    for association in graph.of(ASSOCIATION):
        for port in graph.refers(association, "portId", PORT):
            networks = graph.networks_of(port)
            if networks and not networks & routed:
                report(
                    f"{port.name} stands on a network that no router connects to the outside: Neutron answers 404 "
                    "ExternalGatewayForFloatingIPNotFound. Fix: give the network a `router`, or take the address off the port.",
                    association.urn,
                )


def _policies() -> Iterator[Policy]:
    level = EnforcementLevel.MANDATORY
    yield ResourceValidationPolicy("no-open-address-pair", "No address pair allows every address.", _open_pair, level)
    yield StackValidationPolicy("no-virtual-bound-port", "No address pair turns a server's port virtual.", _virtual_pair, level)
    yield StackValidationPolicy(
        "no-gateway-on-private-network", "A network without a router has no gateway.", _gateway_on_private, level
    )
    yield StackValidationPolicy("config-drive", "Every server with several ports has a config drive.", _config_drive, level)
    yield StackValidationPolicy("return-path", "Every port that can be reached from afar answers by itself.", _return_path, level)
    yield ResourceValidationPolicy("no-secret-in-user-data", "User data holds no secret.", _secret_in_user_data, level)
    yield StackValidationPolicy(
        "floating-ip-behind-router", "A floating IP stands on a network that a router leads to.", _unrouted_floating_ip, level
    )


POLICIES: Final = tuple(_policies())
"""Every rule of the pack, all mandatory unless its configuration says otherwise."""
