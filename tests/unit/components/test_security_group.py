from typing import TYPE_CHECKING, Any, cast

import pytest

from multiport.components.config_error import ConfigError
from multiport.components.security_group import SecurityGroup
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import added, asked, by_name, changed, tags

if TYPE_CHECKING:
    from multiport.components.topology import SecurityGroupArgs

PARENT = "SecurityGroup web"
ICMP: dict[str, Any] = {"protocol": "icmp"}
SSH: dict[str, Any] = {"protocol": "tcp", "port_range_min": 22}
WEB: dict[str, Any] = {"protocol": "tcp", "port_range_min": 80, "port_range_max": 89, "remote_ip_prefix": "10.0.0.0/8"}
OUT: dict[str, Any] = {"direction": "egress", "remote_ip_prefix": "2001:db8::/32"}


def of(*rules: dict[str, Any], **args: Any) -> Deployment:
    return deploy(lambda: SecurityGroup("web", cast("SecurityGroupArgs", {"rules": list(rules), **args})))


def test_every_request_of_a_group() -> None:
    rules: dict[str, dict[str, Any]] = {
        "ingress-IPv4-icmp": {"direction": "ingress", "ethertype": "IPv4", "protocol": "icmp"},
        "ingress-IPv4-tcp-22-22": {
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "portRangeMin": 22,
            "portRangeMax": 22,
        },
        "ingress-IPv4-tcp-80-89-10.0.0.0/8": {
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "portRangeMin": 80,
            "portRangeMax": 89,
            "remoteIpPrefix": "10.0.0.0/8",
        },
        "egress-IPv6-any-2001:db8::/32": {"direction": "egress", "ethertype": "IPv6", "remoteIpPrefix": "2001:db8::/32"},
    }
    group = {"name": "test-web", "description": "", "stateful": True, "tags": tags("web")}
    expected = [
        asked(
            PARENT,
            {"declared": {"rules": [ICMP, SSH, WEB, OUT]}},
            hooks={"before_update": ["two-steps-security_group_faults-web"]},
        ),
        asked("SecGroup web", group, parent=PARENT),
        *(
            asked(
                f"SecGroupRule web-{identity}",
                {"securityGroupId": "SecGroup web", **rule},
                parent=PARENT,
                depends={"securityGroupId": ["SecGroup web"]},
            )
            for identity, rule in rules.items()
        ),
    ]
    found = of(ICMP, SSH, WEB, OUT)
    assert found.resources == by_name(expected)
    assert found.outputs == {PARENT: {"groupId": "SecGroup web"}}
    assert found.hooks.keys() == {"two-steps-security_group_faults-web"}


def test_display_name_and_state() -> None:
    inputs = of(name="mine", stateful=False)["SecGroup web"].inputs
    assert (inputs["name"], inputs["stateful"]) == ("mine", False)


@pytest.mark.parametrize(
    ("rule", "written_out"),
    [
        (SSH, {**SSH, "port_range_max": 22}),
        (SSH, {**SSH, "port_range_min": 22.0}),
        (ICMP, {**ICMP, "direction": "ingress"}),
        (ICMP, {**ICMP, "ethertype": "IPv4"}),
        (OUT, {**OUT, "ethertype": "IPv6"}),
    ],
)
def test_a_default_written_out_is_the_same_rule(rule: dict[str, Any], written_out: dict[str, Any]) -> None:
    before, after = of(rule), of(written_out)
    assert len(before.of_type("SecGroupRule")) == 1
    assert before.of_type("SecGroupRule") == after.of_type("SecGroupRule")


@pytest.mark.parametrize(
    "other",
    [
        {**WEB, "direction": "egress"},
        {**WEB, "protocol": "udp"},
        {**WEB, "port_range_min": 81},
        {**WEB, "port_range_max": 90},
        {**WEB, "remote_ip_prefix": "10.0.0.0/9"},
        {"protocol": "tcp", "ethertype": "IPv6"},
        {},
    ],
)
def test_another_content_is_another_rule(other: dict[str, Any]) -> None:
    before, after = of(WEB), of(other)
    assert before.of_type("SecGroupRule").keys().isdisjoint(after.of_type("SecGroupRule"))
    assert len(after.of_type("SecGroupRule")) == 1


def test_a_rule_has_no_place_in_the_list() -> None:
    before, after = of(ICMP, SSH), of(WEB, SSH, ICMP)
    assert changed(before, after) == {PARENT: {"declared"}}
    assert added(before, after) == {"SecGroupRule web-ingress-IPv4-tcp-80-89-10.0.0.0/8"}


def test_nonsense_is_refused_before_anything_is_asked_for() -> None:
    def program() -> None:
        with pytest.raises(ConfigError, match=r"SecurityGroup web\.rules\[0\]\.protokol: "):
            SecurityGroup("web", cast("SecurityGroupArgs", {"rules": [{"protokol": "tcp"}]}))
        with pytest.raises(ConfigError, match=r"SecurityGroup web\.rules\[1\]: "):
            SecurityGroup("web", cast("SecurityGroupArgs", {"rules": [SSH, SSH]}))

    assert deploy(program).resources == {}
