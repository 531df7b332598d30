"""The changes that are tried: one for each key of a stack file, applied to whatever stack there is."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]
Choose = Callable[[Sequence[Any]], Any]
"""Takes one of several: the first, or a random one."""

BASE: Config = {
    "security_groups": {
        "reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]},
        "web": {"rules": [{"protocol": "tcp", "port_range_min": 443}]},
    },
    "networks": {
        "front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}},
        "back": {"subnets": {"v4": {"cidr": "192.168.20.0/24", "no_gateway": True}}},
        "spare": {"subnets": {"v4": {"cidr": "192.168.30.0/24"}}, "router": {"external_network": "PUBLICNET"}},
    },
    "servers": {
        "app": {
            "image": "Ubuntu-24.04",
            "flavor": "gp.0.2.4",
            "key_pair": "multiport",
            "security_groups": ["reachable"],
            "guest_update": "keep",
            "ports": {
                "front": {
                    "network": "front",
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.21", "floating_ip": {"key": "public"}}},
                },
                "quiet": {"network": "front", "hot": True},
                "store": {"network": "back", "hot": True},
            },
        },
        "web": {
            "image": "Ubuntu-24.04",
            "flavor": "gp.0.2.4",
            "key_pair": "multiport",
            "security_groups": ["reachable"],
            "ports": {
                "front": {
                    "network": "front",
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.11", "floating_ip": {}}},
                },
                "later": {
                    "network": "back",
                    "hot": True,
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.20.11"}},
                },
                "second": {"network": "front", "floating_ip": {}},
            },
        },
    },
    "virtual_ips": {
        "shared": {
            "network": "front",
            "subnet": "v4",
            "ip_address": "192.168.10.200",
            "members": {"app": "front", "web": "front"},
            "holder": "web",
        }
    },
}


class NotApplicableError(Exception):
    """The stack has nothing that this change could be made to."""


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        key: The key of the stack file, as the table of costs shows it.
        what: What is done to it.
        make: Does it to a configuration, with `choose` for whatever is free.
    """

    key: str
    what: str
    make: Callable[[Config, Choose], object]

    @property
    def name(self) -> str:
        return f"{self.key}: {self.what}"


def changed(config: Mapping[str, Any], change: Change, choose: Choose) -> Config:
    """A copy of the configuration with the change made to it.

    Raises:
        NotApplicableError: There is nothing that it could be made to.
    """
    made = copy.deepcopy(dict(config))
    change.make(made, choose)
    if made == config:
        raise NotApplicableError
    return made


def first(values: Sequence[Any]) -> Any:
    """The choice of the table: always the same."""
    return values[0]


def _server(config: Config, choose: Choose) -> Config:
    servers: Config = config.get("servers", {})
    # web first: it has the most to lose
    return found(servers, choose, sorted(servers, reverse=True))


def found(mapping: Config, choose: Choose, keys: Sequence[str]) -> Config:
    """The entry of a chosen key."""
    if not keys:
        raise NotApplicableError
    entry: Config = mapping[choose(list(keys))]
    return entry


def _ports(server: Config, wanted: Callable[[Config], object]) -> list[str]:
    return [key for key, port in sorted(server["ports"].items()) if wanted(port)]


def _port(config: Config, choose: Choose, wanted: Callable[[Config], object] = lambda _: True) -> Config:
    server = _server(config, choose)
    return found(server["ports"], choose, _ports(server, wanted))


def _boot(port: Config) -> bool:
    return not port.get("hot", False)


def _hot(port: Config) -> bool:
    return bool(port.get("hot", False))


def _carries(port: Config) -> bool:
    return "floating_ip" in port or any("floating_ip" in each for each in port.get("fixed_ips", {}).values())


def _other(values: Sequence[Any], present: Any, choose: Choose) -> Any:
    return choose([each for each in values if each != present])


def _set(key: str, values: Sequence[Any]) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        server[key] = _other(values, server.get(key), choose)

    return make


def _set_port(
    key: str, values: Sequence[Any], wanted: Callable[[Config], object] = lambda _: True
) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        port = _port(config, choose, wanted)
        port[key] = _other(values, port.get(key), choose)

    return make


def _free(ports: Config) -> str:
    return next(each for each in ("new", "more", "extra", "spare", "last") if each not in ports)


def _add_port(*, hot: bool) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        ports = _server(config, choose)["ports"]
        ports[_free(ports)] = {"network": "back", **({"hot": True} if hot else {})}

    return make


def _remove_port(wanted: Callable[[Config], object]) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        keys = [key for key in _ports(server, wanted) if _hot(server["ports"][key]) or len(_ports(server, _boot)) > 1]
        keys = [key for key in keys if not _is_member(config, server, key)]
        if not keys:
            raise NotApplicableError
        del server["ports"][choose(keys)]

    return make


def _is_member(config: Config, server: Config, key: str) -> bool:
    names = [name for name, each in config["servers"].items() if each is server]
    return any(each["members"].get(names[0]) == key for each in config.get("virtual_ips", {}).values())


def _rename(*, declared: bool) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        keys = [key for key in _ports(server, _carries) if not _is_member(config, server, key)]
        if not keys:
            raise NotApplicableError
        key = choose(keys)
        port = server["ports"].pop(key)
        new = _free(server["ports"])
        former = {"formerly": [*port.get("formerly", []), key]} if declared else {}
        server["ports"][new] = {**port, **former}
        if server.get("primary_port") == key:
            server["primary_port"] = new

    return make


def _move_port(wanted: Callable[[Config], object]) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        keys = [key for key in _ports(server, wanted) if not _is_member(config, server, key)]
        if not keys:
            raise NotApplicableError
        port = server["ports"][choose(keys)]
        port["network"] = _other(["spare", "front", "back"], port["network"], choose)
        port.pop("fixed_ips", None)
        if port["network"] == "back":
            port.pop("floating_ip", None)

    return make


def _hot_or_boot(wanted: Callable[[Config], object]) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        keys = [key for key in _ports(server, wanted) if _hot(server["ports"][key]) or len(_ports(server, _boot)) > 1]
        if not keys:
            raise NotApplicableError
        port = server["ports"][choose(keys)]
        if port.pop("hot", False) is False:
            port["hot"] = True

    return make


def _primary(config: Config, choose: Choose) -> None:
    server = _server(config, choose)
    boot = _ports(server, _boot)
    server["primary_port"] = _other(boot[::-1], server.get("primary_port", boot[0]), choose) if len(boot) > 1 else None
    if server["primary_port"] is None:
        raise NotApplicableError


def _fixed_ip(*, carrying: bool) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        server = _server(config, choose)
        pinned = [
            each
            for port in server["ports"].values()
            for each in port.get("fixed_ips", {}).values()
            if "ip_address" in each and ("floating_ip" in each) is carrying
        ]
        if not pinned:
            raise NotApplicableError
        entry = choose(pinned)
        prefix = entry["ip_address"].rpartition(".")[0]
        taken = {each for each in _texts(config) if each.startswith(prefix)}
        entry["ip_address"] = next(address for host in range(100, 150) if (address := f"{prefix}.{host}") not in taken)

    return make


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _add_floating_ip(config: Config, choose: Choose) -> None:
    ports = [
        port
        for _, server in sorted(config["servers"].items())
        for _, port in sorted(server["ports"].items())
        if port.get("network") in ("front", "spare") and not _carries(port)
    ]
    if not ports:
        raise NotApplicableError
    port = choose(ports)
    fixed_ips = port.get("fixed_ips")
    if fixed_ips is None:
        port["floating_ip"] = {}
    else:
        next(iter(fixed_ips.values()))["floating_ip"] = {}


def _remove_floating_ip(config: Config, choose: Choose) -> None:
    port = _port(config, choose, _carries)
    if port.pop("floating_ip", None) is None:
        next(each for each in port["fixed_ips"].values() if "floating_ip" in each).pop("floating_ip")


def _move_floating_ip(config: Config, choose: Choose) -> None:
    """The floating IP of a port goes to another port of the server, which has none, under its own key."""
    server = _server(config, choose)
    holders = [
        (key, fixed_key)
        for key, port in sorted(server["ports"].items())
        for fixed_key, each in port.get("fixed_ips", {}).items()
        if "floating_ip" in each and not port.get("formerly")
    ]
    if not holders:
        raise NotApplicableError
    key, fixed_key = choose(holders)
    moved = server["ports"][key]["fixed_ips"][fixed_key].pop("floating_ip")
    new = _free(server["ports"])
    server["ports"][new] = {"network": "front", "hot": True, "floating_ip": {"key": f"{key}.{fixed_key}", **moved}}


def _network(config: Config, choose: Choose, *names: str) -> Config:
    return found(config["networks"], choose, [each for each in names if each in config["networks"]])


def _set_network(key: str, values: Sequence[Any], *names: str) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        network = _network(config, choose, *names)
        network[key] = _other(values, network.get(key), choose)

    return make


def _set_subnet(key: str, values: Sequence[Any], *names: str) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        subnet = _network(config, choose, *names)["subnets"]["v4"]
        subnet[key] = _other(values, subnet.get(key), choose)

    return make


def _cidr(*names: str) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        subnet = _network(config, choose, *names)["subnets"]["v4"]
        old, new = subnet["cidr"], _other(["192.168.90.0/24", "192.168.91.0/24"], subnet["cidr"], choose)
        prefix, other = old.rpartition(".")[0], new.rpartition(".")[0]
        subnet["cidr"] = new
        for entry in _entries(config):
            if str(entry.get("ip_address", "")).startswith(f"{prefix}."):
                entry["ip_address"] = entry["ip_address"].replace(prefix, other)

    return make


def _entries(value: Any) -> list[Config]:
    if not isinstance(value, dict):
        return []
    return [value, *(each for child in value.values() for each in _entries(child))]


def _router(config: Config, choose: Choose) -> None:
    _network(config, choose, "spare").pop("router", None)
    if any(
        port.get("network") == "spare" and _carries(port)
        for each in config["servers"].values()
        for port in each["ports"].values()
    ):
        raise NotApplicableError


def _add_server(config: Config, choose: Choose) -> None:
    servers = config["servers"]
    name = next(each for each in ("db", "dns", "mail", "log") if each not in servers)
    servers[name] = {
        "image": choose(["Debian-12", "Ubuntu-24.04"]),
        "flavor": "gp.0.1.2",
        "ports": {"front": {"network": "front", "floating_ip": {}}, "back": {"network": "back"}},
    }


def _remove_server(config: Config, choose: Choose) -> None:
    servers = config["servers"]
    if len(servers) < 2:
        raise NotApplicableError
    name = choose(sorted(servers))
    del servers[name]
    for key, virtual_ip in list(config.get("virtual_ips", {}).items()):
        virtual_ip["members"].pop(name, None)
        if virtual_ip.get("holder") == name:
            virtual_ip.pop("holder")
        if not virtual_ip["members"]:
            del config["virtual_ips"][key]


def _virtual_ip(config: Config, choose: Choose) -> Config:
    virtual_ips = config.get("virtual_ips", {})
    return found(virtual_ips, choose, sorted(virtual_ips))


def _holder(config: Config, choose: Choose) -> None:
    virtual_ip = _virtual_ip(config, choose)
    others = [each for each in sorted(virtual_ip["members"]) if each != virtual_ip.get("holder")]
    virtual_ip["holder"] = choose(others) if others else None
    if virtual_ip["holder"] is None:
        raise NotApplicableError


def _virtual_address(config: Config, choose: Choose) -> None:
    virtual_ip = _virtual_ip(config, choose)
    prefix = virtual_ip["ip_address"].rpartition(".")[0]
    virtual_ip["ip_address"] = _other([f"{prefix}.{host}" for host in (201, 202, 203)], virtual_ip["ip_address"], choose)


def _rule(config: Config, choose: Choose) -> None:
    rules = config["security_groups"]["web"]["rules"]
    taken = {each.get("port_range_min") for each in rules}
    rules.append({"protocol": "tcp", "port_range_min": choose([each for each in (80, 8080, 8443, 9000) if each not in taken])})


def _remove_rule(config: Config, choose: Choose) -> None:
    rules = config["security_groups"]["reachable"]["rules"]
    if not rules:
        raise NotApplicableError
    rules.remove(choose(rules))


def _cloud_config(guest_update: str) -> Callable[[Config, Choose], None]:
    def make(config: Config, choose: Choose) -> None:
        servers = config["servers"]
        keys = [key for key, each in sorted(servers.items()) if each.get("guest_update", "replace") == guest_update]
        server = found(servers, choose, keys)
        texts = [f"#cloud-config\npackages: [{name}]\n" for name in ("htop", "jq", "tree")]
        server["cloud_config"] = _other(texts, server.get("cloud_config"), choose)

    return make


def _generation(config: Config, choose: Choose) -> None:
    servers = config["servers"]
    server = found(servers, choose, [key for key, each in sorted(servers.items()) if each.get("guest_update") == "keep"])
    server["guest_generation"] = server.get("guest_generation", 0) + 1


def _return_path(config: Config, choose: Choose) -> None:
    holders = {each.get("holder") for each in config.get("virtual_ips", {}).values()}
    servers = config["servers"]
    server = found(servers, choose, [key for key in sorted(servers) if key not in holders])
    server["return_path"] = _other(["none", "policy_routing"], server.get("return_path", "policy_routing"), choose)


def _flip(config: Config, choose: Choose) -> None:
    server = _server(config, choose)
    server["guest_update"] = "keep" if server.get("guest_update", "replace") == "replace" else "replace"


CHANGES: tuple[Change, ...] = (
    Change("servers", "a server comes", _add_server),
    Change("servers", "a server goes", _remove_server),
    Change("servers.*.image", "another image", _set("image", ["Debian-12", "Ubuntu-22.04"])),
    Change("servers.*.flavor", "another flavor", _set("flavor", ["gp.0.4.8", "gp.0.1.2"])),
    Change("servers.*.key_pair", "another key pair", _set("key_pair", ["second", "multiport"])),
    Change("servers.*.cloud_config", "another text, guest_update: replace", _cloud_config("replace")),
    Change("servers.*.cloud_config", "another text, guest_update: keep", _cloud_config("keep")),
    Change("servers.*.guest_update", "replace to keep, or back", _flip),
    Change("servers.*.guest_generation", "raised", _generation),
    Change("servers.*.name", "another name", _set("name", ["renamed", "renamed-again"])),
    Change("servers.*.metadata", "another value", _set("metadata", [{"team": "blue"}, {"team": "red"}])),
    Change("servers.*.tags", "others", _set("tags", [["blue"], ["blue", "green"], ["red"]])),
    Change("servers.*.routing", "an option on", _set("routing", [{"connmark": True}, {"forward": True}])),
    Change("servers.*.return_path", "none, or back", _return_path),
    Change("servers.*.security_groups", "others", _set("security_groups", [["web"], ["reachable", "web"], ["reachable"]])),
    Change("servers.*.primary_port", "another port", _primary),
    Change("servers.*.ports", "a boot port comes", _add_port(hot=False)),
    Change("servers.*.ports", "a hot port comes", _add_port(hot=True)),
    Change("servers.*.ports", "a boot port goes", _remove_port(_boot)),
    Change("servers.*.ports", "a hot port goes", _remove_port(_hot)),
    Change("servers.*.ports", "renamed with formerly", _rename(declared=True)),
    Change("servers.*.ports", "renamed without formerly", _rename(declared=False)),
    Change("servers.*.ports.*.hot", "a boot port becomes hot", _hot_or_boot(_boot)),
    Change("servers.*.ports.*.hot", "a hot port becomes a boot port", _hot_or_boot(_hot)),
    Change("servers.*.ports.*.network", "a boot port on another network", _move_port(_boot)),
    Change("servers.*.ports.*.network", "a hot port on another network", _move_port(_hot)),
    Change("servers.*.ports.*.name", "another name", _set_port("name", ["shown", "shown-again"])),
    Change("servers.*.ports.*.slot", "another slot", _set_port("slot", [301, 302, 303])),
    Change("servers.*.ports.*.mac_address", "given", _set_port("mac_address", ["fa:16:3e:aa:00:01", "fa:16:3e:aa:00:02"])),
    Change("servers.*.ports.*.security_groups", "others", _set_port("security_groups", [["web"], ["reachable", "web"]])),
    Change(
        "servers.*.ports.*.allowed_address_pairs",
        "others",
        _set_port("allowed_address_pairs", [{"vpn": {"ip_address": "10.8.0.0/24"}}, {"vpn": {"ip_address": "10.9.0.0/24"}}]),
    ),
    Change("servers.*.ports.*.fixed_ips.*.ip_address", "another, without a floating IP on it", _fixed_ip(carrying=False)),
    Change("servers.*.ports.*.fixed_ips.*.ip_address", "another, with a floating IP on it", _fixed_ip(carrying=True)),
    Change("servers.*.ports.*.floating_ip", "comes", _add_floating_ip),
    Change("servers.*.ports.*.floating_ip", "goes", _remove_floating_ip),
    Change("servers.*.ports.*.floating_ip.key", "on another port under its key", _move_floating_ip),
    Change("networks.*.name", "another name", _set_network("name", ["shown", "shown-again"], "front", "back", "spare")),
    Change("networks.*.mtu", "another MTU", _set_network("mtu", [1300, 1350], "back", "front", "spare")),
    Change("networks.*.router", "goes, with no floating IP behind it", _router),
    Change("networks.*.subnets.*.cidr", "of a network without ports", _cidr("spare")),
    Change("networks.*.subnets.*.cidr", "of a network with ports", _cidr("back")),
    Change("networks.*.subnets.*.cidr", "of a routed network with ports", _cidr("front")),
    Change("networks.*.subnets.*.gateway_ip", "of a routed network", _set_subnet("gateway_ip", ["192.168.10.254"], "front")),
    Change("networks.*.subnets.*.enable_dhcp", "on, or off", _set_subnet("enable_dhcp", [True, False], "back", "front")),
    Change("networks.*.subnets.*.dns_nameservers", "others", _set_subnet("dns_nameservers", [["9.9.9.9"], ["1.1.1.1"]], "front")),
    Change("security_groups.*.rules", "a rule comes", _rule),
    Change("security_groups.*.rules", "a rule goes", _remove_rule),
    Change("security_groups.*.stateful", "off", lambda config, _: config["security_groups"]["web"].update(stateful=False)),
    Change("virtual_ips.*.holder", "another server", _holder),
    Change("virtual_ips.*.ip_address", "another, without a floating IP on it", _virtual_address),
    Change(
        "virtual_ips.*.floating_ip",
        "comes, or is another",
        lambda config, choose: _virtual_ip(config, choose).update(floating_ip={}),
    ),
    Change("virtual_ips", "a virtual address goes", lambda config, _: config.pop("virtual_ips", None)),
)
"""Every change. The table of costs shows them in this order."""
