"""Updates that Neutron takes only in two steps: refused by the hook, called as the engine calls it, and others let through."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pytest

from multiport.components import two_steps
from multiport.components.address_pairs import AddressPairs
from multiport.components.config_error import ConfigError
from multiport.components.network_ref import NetworkRef
from multiport.components.security_group import SecurityGroup
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.programs import BACK, FRONT, floating, network, server

if TYPE_CHECKING:
    from multiport.components.arguments import AddressPairsArgs
    from multiport.components.topology import SecurityGroupArgs

ROUTER = {"external_network": "PUBLICNET"}


def refusals(before: Deployment, after: Deployment) -> list[tuple[str, str]]:
    """What the hooks of changed components refuse: keys, and what is wrong there with what to do about it."""
    said: list[tuple[str, str]] = []
    for called, new in after.resources.items():
        old = before.resources.get(called)
        if old is None or old.inputs == new.inputs:
            continue
        for name in new.options.get("hooks", {}).get("before_update", []):
            hook = after.hooks[name]
            assert hook.opts is not None
            assert hook.opts.on_dry_run  # else the preview promises what the update refuses
            try:
                hook.callback(
                    pulumi.ResourceHookArgs(
                        "",
                        "",
                        new.name,
                        new.type,
                        new_inputs=new.inputs,
                        old_inputs=old.inputs,
                        old_outputs=before.outputs.get(called, {}),
                    )
                )
            except ConfigError as error:
                said += [(fault.key, f"{fault.problem}. {fault.remedy}") for fault in error.faults]
    return said


def check(before: Callable[[], object], after: Callable[[], object], expected: dict[str, str]) -> None:
    standing = deploy(before)
    found = dict(refusals(standing, deploy(after, after=standing)))
    assert found.keys() == expected.keys()
    for key, words in expected.items():
        assert words in found[key]
        assert "second update" in found[key] or "Pin the present one" in found[key]


PLAIN: dict[str, Any] = {"cidr": "192.168.0.0/24"}
BARE = {**PLAIN, "no_gateway": True}
GATEWAY = "PrivateNetwork front.subnets.v4.gateway_ip"
IN_USE = "Neutron answers 409 GatewayIpInUse. Take `router` out first"


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (({"v4": PLAIN}, ROUTER), ({"v4": BARE}, ROUTER), {GATEWAY: IN_USE}),
        (({"v4": PLAIN}, ROUTER), ({"v4": {**PLAIN, "gateway_ip": "192.168.0.9"}}, ROUTER), {GATEWAY: IN_USE}),
        (({"v4": {**PLAIN, "gateway_ip": "192.168.0.9"}}, ROUTER), ({"v4": PLAIN}, ROUTER), {GATEWAY: IN_USE}),
        (({"v4": PLAIN}, ROUTER), ({"v4": BARE}, None), {GATEWAY: "Leave the gateway as it is while `router` goes"}),
        (({"v4": PLAIN}, ROUTER), ({"v4": PLAIN}, None), {}),
        (({"v4": PLAIN}, ROUTER), ({"v4": {**PLAIN, "gateway_ip": "192.168.0.1"}}, ROUTER), {}),  # a default written out
        (({"v4": PLAIN}, ROUTER), ({"v4": {**PLAIN, "enable_dhcp": False}}, ROUTER), {}),
        (({"v4": PLAIN}, ROUTER), ({"v4": {"cidr": "192.168.9.0/24", "no_gateway": True}}, ROUTER), {}),  # replaced
        (({"v4": PLAIN}, ROUTER), ({"other": {"cidr": "192.168.9.0/24"}}, ROUTER), {}),
        (({"v4": BARE}, ROUTER), ({"v4": PLAIN}, ROUTER), {}),
        (({"v4": BARE}, None), ({"v4": PLAIN}, ROUTER), {}),
        (({"v4": PLAIN}, None), ({"v4": BARE}, None), {}),
        (({"v4": PLAIN}, None), ({"v4": BARE}, ROUTER), {}),
    ],
)
def test_networks(before: tuple[Any, Any], after: tuple[Any, Any], refused: dict[str, str]) -> None:
    def program(subnets: dict[str, Any], router: dict[str, str] | None) -> None:
        network(subnets={**subnets, "routed": {"cidr": "192.168.5.0/24"}}, router=router)

    check(lambda: program(*before), lambda: program(*after), refused)


def test_an_existing_network_has_no_gateway_of_ours() -> None:
    one, other = ({"existing": {"name": name}, "subnets": {"v4": {"cidr": "10.60.0.0/24"}}} for name in ("storage", "PUBLICNET"))
    check(lambda: network(**one), lambda: network(**other), {})


ELSEWHERE: NetworkRef = {
    "id": "net-elsewhere",
    "subnets": {"v4": {"id": "subnet 10.61.0.0/24", "cidr": "10.61.0.0/24", "gateway_ip": "10.61.0.1"}},
    "routed": True,
}


def pair(*addresses: str, network: NetworkRef = FRONT, floating_ip: bool = True) -> None:
    """Virtual addresses under the keys k0, k1, ..., with floating IPs or without."""
    virtual_ips = {
        f"k{place}": {"subnet": "v4", "ip_address": each, "floating_ip": floating_ip} for place, each in enumerate(addresses)
    }
    AddressPairs("shared", cast("AddressPairsArgs", {"network": network, "virtual_ips": virtual_ips}))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (lambda: pair("10.60.0.200"), lambda: pair("10.60.0.201"), ["k0"]),
        (lambda: pair("10.60.0.200"), lambda: pair("10.60.0.201", floating_ip=False), ["k0"]),
        (lambda: pair("10.60.0.200", "10.60.0.201"), lambda: pair("10.60.0.200", "10.60.0.202"), ["k1"]),
        (lambda: pair("10.60.0.200", floating_ip=False), lambda: pair("10.60.0.201"), []),
        (lambda: pair("10.60.0.200"), lambda: pair("10.60.0.200", floating_ip=False), []),
        (lambda: pair("10.60.0.200", "10.60.0.201"), lambda: pair("10.60.0.200"), []),
        (lambda: pair("10.60.0.200"), lambda: pair("10.61.0.200", network=ELSEWHERE), []),  # another port
    ],
)
def test_virtual_addresses(before: Callable[[], None], after: Callable[[], None], refused: list[str]) -> None:
    check(before, after, {f"AddressPairs shared.virtual_ips.{key}.ip_address": "still carries a floating IP" for key in refused})


@pytest.mark.parametrize(("before", "after", "refused"), [(True, False, True), (None, True, False), (False, None, True)])
def test_a_security_group_stays_stateful_or_stateless(before: bool | None, after: bool | None, *, refused: bool) -> None:
    def group(stateful: bool | None, *rules: Any) -> None:
        args = {"rules": list(rules), **({} if stateful is None else {"stateful": stateful})}
        SecurityGroup("web", cast("SecurityGroupArgs", args))

    standing = deploy(lambda: group(before))
    found = refusals(standing, deploy(lambda: group(after, {"protocol": "icmp"}), after=standing))
    assert [key for key, _ in found] == (["SecurityGroup web.stateful"] if refused else [])
    assert all("409 SecurityGroupInUse" in words and "another key" in words for _, words in found)


def new(target: str | None, **more: str) -> dict[str, Any]:
    """A floating IP on a place: A, B or C."""
    entry = {"port_id": f"port {target}", "fixed_ip": "10.60.0.8", **more}
    entry |= {} if "address" in more else {"pool": "PUBLICNET"}
    return entry | ({} if target is None else {"target": target})


STILL = "Neutron answers 409 FloatingIPPortAlreadyAssociated. Take"
ONE, TWO = "203.0.113.1", "203.0.113.2"


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (
            {"x": new("A"), "y": new("B")},
            {"x": new("B"), "y": new("A")},
            {"FloatingIps web.addresses.x": STILL, "FloatingIps web.addresses.y": STILL},
        ),
        ({"x": new("A"), "y": new("B")}, {"x": new("B")}, {"FloatingIps web.addresses.x": STILL}),
        ({"x": new("A"), "y": new("B")}, {"x": new("B"), "y": new("C")}, {"FloatingIps web.addresses.x": STILL}),
        ({"x": new("A")}, {"y": new("A")}, {"FloatingIps web.addresses.y": STILL}),
        ({"x": new("A", address=ONE)}, {"x": new("A", address=TWO)}, {}),
        ({"x": new("A")}, {"x": new("B")}, {}),
        ({"x": new("A")}, {"x": new("A"), "y": new("B")}, {}),
        ({"x": new("A"), "y": new("B")}, {"x": new("A")}, {}),
        (
            {"x": new("A", address=ONE)},
            {"y": new("B", address=ONE)},
            {"FloatingIps web.addresses.y": f"{ONE} is still associated under the key 'x'"},
        ),
        (
            {"x": new("A", address=ONE), "y": new("B", address=TWO)},
            {"x": new("A", address=TWO), "y": new("B", address=ONE)},
            {"FloatingIps web.addresses.x": "still associated", "FloatingIps web.addresses.y": "still associated"},
        ),
        ({"x": new("A", address=ONE)}, {"x": new("B", address=ONE)}, {}),
        # a program that says no target is on its own
        ({"x": new(None), "y": new("B")}, {"z": new(None), "y": new("B")}, {}),
    ],
)
def test_floating_ips(before: dict[str, Any], after: dict[str, Any], refused: dict[str, str]) -> None:
    check(lambda: floating(**before), lambda: floating(**after), refused)


def bare(ports: dict[str, Any]) -> None:
    """A server in whose guest nothing is installed, which costs no rendering."""
    server(ports=ports, return_path="none")


def fixed(*addresses: str, floating_ip: str = "") -> dict[str, Any]:
    """A port on FRONT with addresses, each with a key of its last digits; an empty one is Neutron's to choose."""
    return {
        "network": FRONT,
        "fixed_ips": {
            f"k{each}": {
                "subnet": "v4",
                **({"ip_address": f"10.60.0.{each}"} if each else {}),
                **({"floating_ip": {}} if each == floating_ip else {}),
            }
            for each in addresses
        },
    }


SILENT: dict[str, Any] = {"network": FRONT}
CHOSEN = "151"
"""What Neutron chose for the port a."""
CARRIES, HELD, ANEW = (
    "and Neutron refuses to take it off the port (400)",
    "is still held by the port",
    "Neutron would choose another address",
)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        # addresses that carry a floating IP
        ({"a": fixed("7", "8", floating_ip="8")}, {"a": fixed("7")}, {"MultiPortInstance web.ports.a.fixed_ips.k8": CARRIES}),
        (
            {"a": fixed("7", floating_ip="7")},
            {"a": fixed("9", floating_ip="9")},
            {"MultiPortInstance web.ports.a.fixed_ips.k7": CARRIES},
        ),
        ({"a": fixed("7", floating_ip="7")}, {"a": fixed("7")}, {}),
        ({"a": fixed("7", "8", floating_ip="8")}, {"a": fixed("8", floating_ip="8")}, {}),
        ({"a": fixed("7", floating_ip="7")}, {"a": fixed("7", "9", floating_ip="9")}, {}),
        ({"a": fixed("7", floating_ip="7")}, {"a": {"network": BACK}}, {}),
        ({"a": fixed("7", floating_ip="7"), "b": SILENT}, {"b": SILENT}, {}),
        # addresses that Neutron chose
        ({"a": SILENT}, {"a": fixed(CHOSEN, "7")}, {}),
        ({"a": {**SILENT, "floating_ip": {}}}, {"a": fixed(CHOSEN, floating_ip=CHOSEN)}, {}),
        (
            {"a": {**SILENT, "floating_ip": {}}},
            {"a": fixed("7", floating_ip="7")},
            {"MultiPortInstance web.ports.a.fixed_ips.v4": CARRIES},
        ),
        ({"a": SILENT}, {"a": fixed("7")}, {}),
        ({"a": SILENT}, {"a": {**SILENT, "name": "shown"}}, {}),
        # addresses that another port holds
        ({"a": fixed("7"), "b": SILENT}, {"b": fixed("7")}, {"MultiPortInstance web.ports.b.fixed_ips.k7.ip_address": HELD}),
        (
            {"a": fixed("7"), "b": SILENT},
            {"a": SILENT, "b": fixed("7")},
            {"MultiPortInstance web.ports.a.fixed_ips.k7": ANEW, "MultiPortInstance web.ports.b.fixed_ips.k7.ip_address": HELD},
        ),
        (
            {"a": fixed("7"), "b": fixed("8")},
            {"a": fixed("8"), "b": fixed("7")},
            {
                "MultiPortInstance web.ports.a.fixed_ips.k8.ip_address": HELD,
                "MultiPortInstance web.ports.b.fixed_ips.k7.ip_address": HELD,
            },
        ),
        (
            {"a": SILENT, "b": SILENT},
            {"a": SILENT, "b": fixed(CHOSEN)},
            {f"MultiPortInstance web.ports.b.fixed_ips.k{CHOSEN}.ip_address": HELD},
        ),
        ({"a": fixed("7")}, {"z": fixed("7")}, {"MultiPortInstance web.ports.z.fixed_ips.k7.ip_address": HELD}),
        ({"a": fixed("7")}, {"z": {**fixed("7"), "formerly": ["a"]}}, {}),
        (
            {"a": fixed("7", floating_ip="7")},
            {"z": {**fixed("8"), "formerly": ["a"]}},
            {"MultiPortInstance web.ports.a.fixed_ips.k7": CARRIES},
        ),
        ({"a": fixed("7")}, {"a": fixed("7"), "b": fixed("8")}, {}),
    ],
)
def test_ports(before: dict[str, Any], after: dict[str, Any], refused: dict[str, str]) -> None:
    check(lambda: bare(before), lambda: bare(after), refused)


def test_an_address_that_only_the_subnet_names_is_chosen_anew() -> None:
    both = {"network": {**FRONT, "subnets": {**FRONT["subnets"], "v6": {"id": "subnet 10.61.0.0/24", "cidr": "10.61.0.0/24"}}}}
    check(
        lambda: bare({"a": SILENT}),
        lambda: bare({"a": both}),
        {"MultiPortInstance web.ports.a.fixed_ips.v4": f"Pin the present one: `ip_address: 10.60.0.{CHOSEN}`"},
    )


def test_a_component_of_an_older_state_is_let_through() -> None:
    found = deploy(lambda: server(ports={"a": SILENT}))
    [hook] = (each for name, each in found.hooks.items() if name.startswith("two-steps-"))
    for inputs in (None, {}, {"declared": None}):
        hook.callback(pulumi.ResourceHookArgs("", "", "web", "", new_inputs=inputs, old_inputs=inputs))


def test_components_of_one_name_have_hooks_of_their_own() -> None:
    def program() -> None:
        network("web")
        server("web", ports={"a": {**SILENT, "floating_ip": {}}})
        floating("web", x=new("A"))

    found = deploy(program)
    assert len([name for name in found.hooks if name.startswith("two-steps-")]) == 4
    assert sorted(found.hooks) == sorted(
        name for each in found.resources.values() for name in each.options.get("hooks", {}).get("before_update", [])
    )


def test_an_address_that_the_stack_allocated_cannot_be_adopted() -> None:
    standing = deploy(lambda: floating(x=new("A"), y=new("B")))
    [addresses] = (outputs["addresses"] for outputs in standing.outputs.values() if "addresses" in outputs)

    def adopted(**taken: str) -> dict[str, str]:
        def program() -> None:
            floating(**{key: new({"x": "A", "y": "B"}[key], address=addresses[of]) for key, of in taken.items()})

        return dict(refusals(standing, deploy(program, after=standing)))

    own = adopted(x="x")
    assert own.keys() == {"FloatingIps web.addresses.x"}
    assert "Leave out `address`: the key keeps the floating IP" in own["FloatingIps web.addresses.x"]
    swapped = adopted(x="y", y="x")
    assert "Say `key: y` instead of `address`" in swapped["FloatingIps web.addresses.x"]
    assert "Say `key: x` instead of `address`" in swapped["FloatingIps web.addresses.y"]


def test_the_refusal_names_the_way_that_keeps_the_floating_ip() -> None:
    standing = deploy(lambda: bare({"a": fixed("7", floating_ip="7")}))
    moved = {"a": {"network": FRONT, "fixed_ips": {"k9": {"subnet": "v4", "ip_address": "10.60.0.9", "floating_ip": {}}}}}
    [(_, words)] = refusals(standing, deploy(lambda: bare(moved), after=standing))
    assert "10.60.0.7 still carries 203.0.113." in words
    assert "move `floating_ip` there with `key: a.k7`" in words
    beside = fixed("7", "9")
    beside["fixed_ips"]["k9"]["floating_ip"] = {"key": "a.k7"}
    first = deploy(lambda: bare({"a": beside}), after=standing)
    assert refusals(standing, first) == []
    kept = {"network": FRONT, "fixed_ips": {"k9": beside["fixed_ips"]["k9"]}}
    assert refusals(first, deploy(lambda: bare({"a": kept}), after=first)) == []


def test_two_floating_ips_of_a_server_have_different_keys() -> None:
    beside = fixed("7", "9", floating_ip="7")
    beside["fixed_ips"]["k9"]["floating_ip"] = {"key": "a.k7"}
    with pytest.raises(ConfigError, match="is the key of another floating IP of this server"):
        deploy(lambda: bare({"a": beside}))


def test_what_a_stack_file_declares_is_told_by_its_keys() -> None:
    def program(address: str, stateful: bool, subnet: dict[str, Any]) -> None:
        with two_steps.in_stack_file():
            network(subnets={"v4": subnet, "routed": {"cidr": "192.168.5.0/24"}})
            SecurityGroup("web", {"rules": [], "stateful": stateful})
            bare({"a": fixed(address, floating_ip=address), "b": {**SILENT, "floating_ip": {"key": "own"}}})
            pair(f"10.60.0.20{address}")

    standing = deploy(lambda: program("7", True, PLAIN))
    found = refusals(standing, deploy(lambda: program("8", False, BARE), after=standing))
    assert sorted(key for key, _ in found) == [
        "networks.front.subnets.v4.gateway_ip",
        "security_groups.web.stateful",
        "servers.web.ports.a.fixed_ips.k7",
        "virtual_ips.shared.ip_address",
    ]


def test_a_floating_ip_of_a_server_is_told_by_the_key_of_its_address() -> None:
    def program(first: str, second: str) -> None:
        ports = {"a": fixed("7"), "b": fixed("8")}
        ports["a"]["fixed_ips"]["k7"]["floating_ip"] = {"key": first}
        ports["b"]["fixed_ips"]["k8"]["floating_ip"] = {"key": second}
        bare(ports)

    standing = deploy(lambda: program("one", "two"))
    found = dict(refusals(standing, deploy(lambda: program("two", "one"), after=standing)))
    assert sorted(found) == [f"MultiPortInstance web.ports.{each}.floating_ip" for each in ("a.fixed_ips.k7", "b.fixed_ips.k8")]
