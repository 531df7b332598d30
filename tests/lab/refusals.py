"""What a tenant cannot do: each case has a configuration that this project refuses, and the call that the API refuses.

The configuration is a fixture of `tests/invalid`, or a change that `components.two_steps` refuses. Calls that only ML2/OVN
refuses are marked, because other drivers accept them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openstack.exceptions
import pytest

from multiport.components import two_steps
from multiport.components.config_error import ConfigError
from tests.invalid.test_invalid import read, run
from tests.lab.topology import Topology, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INVALID = Path(__file__).resolve().parents[1] / "invalid"

CIDR = "10.1.0.0/24"


@dataclass(frozen=True)
class Change:
    """Two declarations of a component. The second is refused as an update of the first.

    Attributes:
        compare: The rule that refuses it.
        before: What was declared.
        after: What is declared now.
        place: Where, in a stack file.
    """

    compare: two_steps.Compare
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    place: str = "servers.web"

    def text(self) -> str:
        return str(next(self.compare(self.place, self.before, self.after, {})))


@dataclass(frozen=True)
class Refusal:
    """One case that both this project and the API refuse."""

    ours: str | Change
    """Names of fixtures in tests/invalid that lead to the same call, separated by spaces; or a change."""
    call: Callable[[Topology], object]
    status: int
    kind: str
    """Name of Neutron's exception; empty for Nova, whose answers have none."""
    says: str
    """Regular expression for the API's message."""
    ovn: bool = False
    """Whether only ML2/OVN refuses the call."""

    @property
    def name(self) -> str:
        return self.fixtures[0] if isinstance(self.ours, str) else f"{self.ours.compare.__name__}-{self.call.__name__}"

    @property
    def fixtures(self) -> list[str]:
        return self.ours.split() if isinstance(self.ours, str) else []

    def texts(self) -> list[str]:
        """The messages of this project."""
        return [refused(fixture) for fixture in self.fixtures] if isinstance(self.ours, str) else [self.ours.text()]


class ServerFaultError(Exception):
    """The fault of a server that has the status ERROR although the API had accepted the request (202)."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


def refused(fixture: str) -> str:
    """Return this project's message for an invalid configuration."""
    [path] = INVALID.glob(f"*/{fixture}.yaml")
    with pytest.raises(ConfigError) as error:
        run(read(path))
    return str(error.value)


def answer(error: openstack.exceptions.HttpException | ServerFaultError) -> tuple[str, str]:
    """Return the name of the exception, if there is one, and the message of the API, without ids and other varying parts."""
    if isinstance(error, ServerFaultError):
        return "", _constant(str(error))
    assert error.response is not None
    [(key, body)] = error.response.json().items()
    return (body["type"] if key == "NeutronError" else "", _constant(body["message"]))


def _constant(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", "<id>", text)
    return re.sub(r"\b203\.0\.113\.\d+", "203.0.113.x", text)


# Calls that the API refuses.


def subnet(**attributes: Any) -> Callable[[Topology], object]:
    """Return a call that creates a subnet on a new network."""

    def call(built: Topology) -> object:
        whole = {"ip_version": 4, "cidr": CIDR, **attributes}
        return built.cloud.network.create_subnet(network_id=built.further_network().id, **whole)

    return call


def pools(*ranges: tuple[str, str], **attributes: Any) -> Callable[[Topology], object]:
    return subnet(allocation_pools=[{"start": start, "end": end} for start, end in ranges], **attributes)


def rules(*several: Mapping[str, Any]) -> Callable[[Topology], object]:
    """Return a call that adds rules to one group. The last one is refused."""

    def call(built: Topology) -> None:
        network = built.cloud.network
        group = network.create_security_group(name="rules")
        try:
            for rule in several:
                whole = {"direction": "ingress", "ethertype": "IPv4", **rule}
                network.create_security_group_rule(security_group_id=group.id, **whole)
        finally:
            network.delete_security_group(group)

    return call


def port(**attributes: Any) -> Callable[[Topology], object]:
    return lambda built: built.port(**attributes)


def fixed(address: str) -> Callable[[Topology], object]:
    return lambda built: built.port(fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": address}])


def external(**attributes: Any) -> Callable[[Topology], object]:
    return lambda built: built.cloud.network.create_port(network_id=named(built.cloud, "network", "PUBLICNET"), **attributes)


def tags(*several: str) -> Callable[[Topology], object]:
    """Return a call that creates a server with tags, as the provider does."""

    def call(built: Topology) -> None:
        compute = built.cloud.compute
        server = {
            "name": "tagged",
            "imageRef": named(built.cloud, "image", "Debian-12"),
            "flavorRef": named(built.cloud, "flavor", "gp.0.1.2"),
            "networks": "none",
            "tags": list(several),
        }
        openstack.exceptions.raise_from_response(compute.post("/servers", json={"server": server}, microversion="2.52"))

    return call


def address_twice_in_port(built: Topology) -> None:
    address = {"subnet_id": built.subnet.id, "ip_address": "10.1.0.61"}
    built.port(fixed_ips=[address, address])


def address_twice_on_network(built: Topology) -> None:
    for _ in range(2):
        built.port(fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": "10.1.0.62"}])


def mac_twice(built: Topology) -> None:
    for _ in range(2):
        built.port(mac_address="fa:16:3e:00:00:01")


def address_on_slaac(built: Topology) -> None:
    network = built.further_network()
    modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    made = built.cloud.network.create_subnet(network_id=network.id, ip_version=6, cidr="2001:db8::/64", **modes)
    built.cloud.network.create_port(network_id=network.id, fixed_ips=[{"subnet_id": made.id, "ip_address": "2001:db8::5"}])


def pool_exhausted(built: Topology) -> None:
    network = built.further_network()
    one = [{"start": "10.1.0.20", "end": "10.1.0.20"}]
    built.cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr=CIDR, allocation_pools=one)
    for _ in range(2):
        built.ports.append(built.cloud.network.create_port(network_id=network.id))


def overlapping_subnets(built: Topology) -> None:
    network = built.further_network()
    for cidr in ("10.1.0.0/24", "10.1.0.128/25"):
        built.cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr=cidr)


def stateful_and_stateless(built: Topology) -> None:
    network = built.cloud.network
    stateless = network.create_security_group(name="stateless", stateful=False)
    try:
        built.port(security_groups=[built.group.id, stateless.id])
    finally:
        network.delete_security_group(stateless)


def stateful_changed_in_use(built: Topology) -> None:
    built.port(security_groups=[built.group.id])
    built.cloud.network.update_security_group(built.group, stateful=False)


def interface_without_gateway(built: Topology) -> None:
    built.cloud.network.add_interface_to_router(built.router, subnet=built.isolated_subnet.id)


def gateway_changed_in_use(built: Topology) -> None:
    built.cloud.network.update_subnet(built.subnet, gateway_ip=None)


def port_with(built: Topology, *hosts: int) -> Any:
    """Create a port with the addresses of these hosts, which Neutron does not choose for other ports of the tests."""
    return built.port(fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": f"10.1.0.{host}"} for host in hosts])


def floating_ip_without_address(built: Topology) -> None:
    built.floating_ip(port_id=port_with(built, 71, 72).id)


def second_floating_ip(built: Topology) -> None:
    made = port_with(built, 73)
    for _ in range(2):
        built.floating_ip(port_id=made.id, fixed_ip_address="10.1.0.73")


def floating_ip_where_another_is(built: Topology) -> None:
    made = port_with(built, 78)
    built.floating_ip(port_id=made.id)
    built.floating_ip(port_id=made.id)


def address_with_floating_ip_removed(built: Topology) -> None:
    made = port_with(built, 74, 75)
    built.floating_ip(port_id=made.id, fixed_ip_address="10.1.0.74")
    built.cloud.network.update_port(made, fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": "10.1.0.75"}])


def address_with_floating_ip_changed(built: Topology) -> None:
    made = port_with(built, 76)
    built.floating_ip(port_id=made.id, fixed_ip_address="10.1.0.76")
    built.cloud.network.update_port(made, fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": "10.1.0.77"}])


def floating_ip_without_router(built: Topology) -> None:
    network = built.further_network()
    built.cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.4.0.0/24")
    made = built.cloud.network.create_port(network_id=network.id)
    built.ports.append(made)
    built.floating_ip(port_id=made.id)


def floating_ip_without_gateway(built: Topology) -> None:
    built.floating_ip(port_id=built.port(isolated=True).id)


def floating_ip_on_external_port(built: Topology) -> None:
    made = external()(built)
    built.ports.append(made)
    built.floating_ip(port_id=made.id)  # type: ignore[attr-defined]


def floating_ip_from_other_network(built: Topology) -> None:
    pool = named(built.cloud, "network", "PUBLICNET-ROUTED")
    built.floating_ips.append(built.cloud.network.create_ip(floating_network_id=pool, port_id=built.port().id))


def ipv6_port(built: Topology) -> Any:
    network = built.further_network()
    built.cloud.network.create_subnet(network_id=network.id, ip_version=6, cidr="2001:db8:9::/64", is_dhcp_enabled=False)
    made = built.cloud.network.create_port(network_id=network.id, fixed_ips=[{"ip_address": "2001:db8:9::5"}])
    built.ports.append(made)
    return made


def floating_ip_on_ipv6(built: Topology) -> None:
    built.floating_ip(port_id=ipv6_port(built).id, fixed_ip_address="2001:db8:9::5")


def floating_ip_on_port_without_ipv4(built: Topology) -> None:
    built.floating_ip(port_id=ipv6_port(built).id)


def bound_port_turned_virtual(built: Topology) -> None:
    """The API accepts the pair, but the server gets the status ERROR: Nova's log has Neutron's 400, its fault 500 (measured)."""
    owner = built.port(fixed_ips=[{"subnet_id": built.subnet.id, "ip_address": "10.1.0.81"}])
    built.port(allowed_address_pairs=[{"ip_address": "10.1.0.81"}])
    try:
        built.server([owner])
    except openstack.exceptions.ResourceFailure as failure:
        fault = built.cloud.compute.get_server(built.servers[-1].id).fault
        raise ServerFaultError(fault["code"], fault["message"]) from failure


def foreign_mac_in_pair(built: Topology) -> None:
    """Neutron checks this only when a bound port is updated (measured): it accepts the same pair for a new port."""
    pair = {"ip_address": "10.1.0.82", "mac_address": "00:11:22:33:44:55"}
    built.cloud.network.update_port(built.bound_port().id, allowed_address_pairs=[pair])


PAIR = [{"ip_address": "10.9.0.1"}]


def on_subnet(address: str, *, floating_ip: bool = False) -> dict[str, Any]:
    """Return the declaration of an address."""
    return {"cidr": CIDR, "ip_address": address, **({"floating_ip": True} if floating_ip else {})}


def declared(**fixed_ips: Any) -> dict[str, Any]:
    return {"a": {"fixed_ips": fixed_ips}}


BY_POLICY = "disallowed by policy"
EXTERNAL_GATEWAY = "ExternalGatewayForFloatingIPNotFound"
IN_USE = "FloatingIPPortAlreadyAssociated"

REFUSALS = [
    # ports
    Refusal(
        "port-pairs-without-port-security virtual-ip-member-without-port-security",
        port(is_port_security_enabled=False, allowed_address_pairs=PAIR),
        409,
        "AddressPairAndPortSecurityRequired",
        "Port Security must be enabled",
    ),
    Refusal(
        "port-security-groups-without-port-security component-server-group-ids-without-port-security",
        lambda built: built.port(is_port_security_enabled=False, security_groups=[built.group.id]),
        400,
        "PortSecurityAndIPRequiredForSecurityGroups",
        "Port security must be enabled",
    ),
    Refusal("port-security-groups-mixed", stateful_and_stateless, 409, "SecurityGroupConflict", "stateful and stateless"),
    Refusal("pair-twice", port(allowed_address_pairs=PAIR * 2), 400, "DuplicateAddressPairInRequest", "duplicate address pair"),
    Refusal(
        "pairs-too-many virtual-ip-pairs-too-many",
        port(allowed_address_pairs=[{"ip_address": f"10.9.0.{host}"} for host in range(1, 12)]),
        400,
        "AllowedAddressPairExhausted",
        "maximum",
    ),
    Refusal(
        "virtual-ip-is-port-address component-pair-makes-bound-port-virtual",
        bound_port_turned_virtual,
        500,
        "",
        "virtual logical switch port|maximum number of retries",
        ovn=True,
    ),
    Refusal(
        "pair-with-mac",
        foreign_mac_in_pair,
        400,
        "InvalidVirtualMACAddress",
        "MAC",
        ovn=True,
    ),
    Refusal(
        "fixed-ip-outside-subnet virtual-ip-outside-subnet component-virtual-ip-outside-subnet",
        fixed("192.168.1.5"),
        400,
        "InvalidIpForSubnet",
        "not a valid IP",
    ),
    Refusal("fixed-ip-is-network-address", fixed("10.1.0.0"), 400, "InvalidIpForSubnet", "not a valid IP"),
    Refusal("fixed-ip-is-broadcast-address", fixed("10.1.0.255"), 400, "InvalidIpForSubnet", "not a valid IP"),
    Refusal("fixed-ip-on-slaac", address_on_slaac, 400, "AllocationOnAutoAddressSubnet", "2001:db8::5"),
    Refusal(
        "fixed-ip-twice-on-network component-server-fixed-ip-twice virtual-ip-twice component-virtual-ip-twice",
        address_twice_on_network,
        409,
        "IpAddressAlreadyAllocated",
        "already allocated",
    ),
    Refusal("fixed-ip-twice-in-port", address_twice_in_port, 400, "HTTPBadRequest", "Duplicate IP address"),
    Refusal("port-mac-twice-on-network", mac_twice, 409, "MacAddressInUse", "fa:16:3e:00:00:01 is in use"),
    # external networks
    Refusal(
        "external-port-with-address component-virtual-ip-on-external-network",
        external(fixed_ips=[{"ip_address": "203.0.113.77"}]),
        403,
        "PolicyNotAuthorized",
        BY_POLICY,
    ),
    Refusal("external-port-with-mac", external(mac_address="fa:16:3e:00:00:02"), 403, "PolicyNotAuthorized", BY_POLICY),
    Refusal(
        "external-port-with-pairs component-server-external-port-with-pairs",
        external(allowed_address_pairs=PAIR),
        403,
        "PolicyNotAuthorized",
        BY_POLICY,
    ),
    Refusal("external-port-with-port-security", external(is_port_security_enabled=False), 403, "PolicyNotAuthorized", BY_POLICY),
    # floating IPs
    Refusal(
        "floating-ip-on-port-with-several-addresses",
        floating_ip_without_address,
        400,
        "BadRequest",
        "multiple fixed IPv4 addresses",
    ),
    Refusal(
        "floating-ips-on-one-address component-floating-ips-on-one-address",
        second_floating_ip,
        409,
        IN_USE,
        "already has a floating IP",
    ),
    Refusal(
        "floating-ip-without-router component-server-floating-ip-without-router virtual-ip-floating-ip-without-router",
        floating_ip_without_router,
        404,
        EXTERNAL_GATEWAY,
        "not reachable",
    ),
    Refusal("floating-ip-without-gateway", floating_ip_without_gateway, 404, EXTERNAL_GATEWAY, "not reachable"),
    Refusal("external-port-with-floating-ip", floating_ip_on_external_port, 404, EXTERNAL_GATEWAY, "not reachable"),
    Refusal("floating-ip-from-other-network", floating_ip_from_other_network, 404, EXTERNAL_GATEWAY, "not reachable"),
    Refusal("floating-ip-on-ipv6", floating_ip_on_ipv6, 400, "BadRequest", "not an IPv4 address"),
    Refusal("floating-ip-on-port-without-ipv4", floating_ip_on_port_without_ipv4, 400, "BadRequest", "IPv4"),
    # subnets and routers
    Refusal("router-without-gateway", interface_without_gateway, 400, "BadRequest", "must have a gateway IP"),
    Refusal("cidrs-overlap-in-network", overlapping_subnets, 400, "InvalidInput", "overlaps"),
    Refusal("gateway-is-network-address", subnet(gateway_ip="10.1.0.0"), 400, "InvalidInput", "Gateway is not valid"),
    Refusal("gateway-is-broadcast-address", subnet(gateway_ip="10.1.0.255"), 400, "InvalidInput", "Gateway is not valid"),
    Refusal("nameserver-twice", subnet(dns_nameservers=["9.9.9.9", "9.9.9.9"]), 400, "HTTPBadRequest", "Duplicate nameserver"),
    Refusal(
        "pool-holds-gateway",
        pools(("10.1.0.1", "10.1.0.30")),
        409,
        "GatewayConflictWithAllocationPools",
        "conflicts with allocation",
    ),
    Refusal(
        "pool-holds-named-gateway",
        pools(("10.1.0.10", "10.1.0.30"), gateway_ip="10.1.0.20"),
        409,
        "GatewayConflictWithAllocationPools",
        "conflicts with allocation",
    ),
    Refusal("pool-outside-subnet", pools(("10.1.0.10", "10.2.0.20")), 400, "OutOfBoundsAllocationPool", "spans beyond"),
    Refusal("pool-holds-broadcast-address", pools(("10.1.0.10", "10.1.0.255")), 400, "OutOfBoundsAllocationPool", "spans beyond"),
    Refusal("pool-of-other-family", pools(("2001:db8::10", "2001:db8::20")), 400, "InvalidAllocationPool", "not valid"),
    Refusal("pool-reversed", pools(("10.1.0.20", "10.1.0.10")), 400, "InvalidAllocationPool", "not valid"),
    Refusal(
        "pools-overlap",
        pools(("10.1.0.10", "10.1.0.20"), ("10.1.0.15", "10.1.0.30")),
        409,
        "OverlappingAllocationPools",
        "overlapping allocation pools",
    ),
    Refusal("pool-too-small", pool_exhausted, 409, "IpAddressGenerationFailure", "No more IP addresses"),
    Refusal("ipv6-mode-on-ipv4", subnet(ipv6_ra_mode="slaac"), 400, "InvalidInput", "ip_version is 6|IPv6|ipv6"),
    Refusal(
        "ipv6-mode-without-dhcp ipv6-mode-without-gateway",
        subnet(ip_version=6, cidr="2001:db8::/64", ipv6_address_mode="slaac", ipv6_ra_mode="slaac", is_dhcp_enabled=False),
        400,
        "InvalidInput",
        "enable_dhcp",
    ),
    Refusal(
        "ipv6-modes-differ",
        subnet(ip_version=6, cidr="2001:db8::/64", ipv6_address_mode="slaac", ipv6_ra_mode="dhcpv6-stateful"),
        400,
        "InvalidInput",
        "must be the same",
    ),
    Refusal(
        "ipv6-slaac-prefix",
        subnet(ip_version=6, cidr="2001:db8::/56", ipv6_address_mode="slaac", ipv6_ra_mode="slaac"),
        400,
        "InvalidInput",
        "/64",
    ),
    # security groups
    Refusal(
        "security-group-named-default",
        lambda built: built.cloud.network.create_security_group(name="default"),
        409,
        "SecurityGroupDefaultAlreadyExists",
        "Default security group",
    ),
    Refusal(
        "rule-twice rule-twice-by-number",
        rules(
            {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
            {"protocol": "6", "port_range_min": 22, "port_range_max": 22},
        ),
        409,
        "SecurityGroupRuleExists",
        "already exists",
    ),
    Refusal(
        "rule-twice-from-anywhere",
        rules({"protocol": "tcp"}, {"protocol": "tcp", "remote_ip_prefix": "0.0.0.0/0"}),
        409,
        "SecurityGroupRuleExists",
        "already exists",
    ),
    Refusal("rule-is-neutrons-own", rules({"direction": "egress"}), 409, "SecurityGroupRuleExists", "already exists"),
    Refusal("rule-protocol-unknown", rules({"protocol": "tpc"}), 400, "SecurityGroupRuleInvalidProtocol", "tpc"),
    Refusal("rule-protocol-number-too-big", rules({"protocol": "256"}), 400, "SecurityGroupRuleInvalidProtocol", "256"),
    Refusal(
        "rule-protocol-of-ipv6", rules({"protocol": "ipv6-icmp"}), 400, "SecurityGroupEthertypeConflictWithProtocol", "ipv6-icmp"
    ),
    Refusal(
        "rule-prefix-of-other-ethertype",
        rules({"remote_ip_prefix": "2001:db8::/32"}),
        400,
        "SecurityGroupRuleParameterConflict",
        "2001:db8::/32",
    ),
    Refusal(
        "rule-ports-reversed",
        rules({"protocol": "tcp", "port_range_min": 443, "port_range_max": 80}),
        400,
        "SecurityGroupInvalidPortRange",
        "port_range_min must be",
    ),
    Refusal(
        "rule-ports-without-protocol",
        rules({"port_range_min": 22, "port_range_max": 22}),
        400,
        "SecurityGroupProtocolRequiredWithPorts",
        "Must also specify protocol",
    ),
    Refusal(
        "rule-ports-of-protocol-without-ports",
        rules({"protocol": "gre", "port_range_min": 22, "port_range_max": 22}),
        400,
        "SecurityGroupInvalidProtocolForPort",
        "protocol 47",
    ),
    Refusal(
        "rule-port-max-alone",
        rules({"protocol": "tcp", "port_range_max": 22}),
        400,
        "SecurityGroupInvalidPortRange",
        "port_range_min must be",
    ),
    Refusal(
        "rule-port-zero",
        rules({"protocol": "tcp", "port_range_min": 0, "port_range_max": 0}),
        400,
        "SecurityGroupInvalidPortValue",
        "Invalid value for port 0",
    ),
    Refusal(
        "rule-port-too-big",
        rules({"protocol": "tcp", "port_range_min": 65536, "port_range_max": 65536}),
        400,
        "SecurityGroupInvalidPortValue",
        "Invalid value for port 65536",
    ),
    Refusal(
        "rule-icmp-type-too-big",
        rules({"protocol": "icmp", "port_range_min": 256}),
        400,
        "SecurityGroupInvalidIcmpValue",
        "0 to 255",
    ),
    # Nova
    Refusal("server-tag-with-slash", tags("team/blue"), 400, "", "team/blue"),
    Refusal("server-tag-too-long", tags("t" * 61), 400, "", "too long|maximum length"),
    # updates of existing objects
    Refusal(
        Change(
            two_steps.port_faults,
            declared(x=on_subnet("10.1.0.74", floating_ip=True), y=on_subnet("10.1.0.75")),
            declared(y=on_subnet("10.1.0.75")),
        ),
        address_with_floating_ip_removed,
        400,
        "BadRequest",
        "fixed_ips",
    ),
    Refusal(
        Change(
            two_steps.virtual_ip_faults,
            {"x": on_subnet("10.1.0.76", floating_ip=True)},
            {"x": on_subnet("10.1.0.77", floating_ip=True)},
            place="virtual_ips.x",
        ),
        address_with_floating_ip_changed,
        400,
        "BadRequest",
        "fixed_ips",
    ),
    Refusal(
        Change(
            two_steps.port_faults,
            declared(x=on_subnet("10.1.0.62")) | {"b": {"fixed_ips": {}}},
            {"a": {"fixed_ips": {}}, "b": {"fixed_ips": {"x": on_subnet("10.1.0.62")}}},
        ),
        address_twice_on_network,
        409,
        "IpAddressAlreadyAllocated",
        "already allocated",
    ),
    Refusal(
        Change(
            two_steps.floating_ip_faults,
            {"one": {"target": "a.v4"}, "two": {"target": "b.v4"}},
            {"one": {"target": "b.v4"}, "two": {"target": "a.v4"}},
        ),
        floating_ip_where_another_is,
        409,
        IN_USE,
        "already has a floating IP",
    ),
    Refusal(
        Change(
            two_steps.network_faults,
            {"router": {}, "subnets": {"v4": {"cidr": CIDR}}},
            {"router": {}, "subnets": {"v4": {"cidr": CIDR, "no_gateway": True}}},
            place="networks.private",
        ),
        gateway_changed_in_use,
        409,
        "GatewayIpInUse",
        "in use",
    ),
    Refusal(
        Change(two_steps.security_group_faults, {}, {"stateful": False}, place="security_groups.ssh"),
        stateful_changed_in_use,
        409,
        "SecurityGroupInUse",
        "in use",
    ),
]
