from typing import Any

import pytest

from multiport.verify.plan import USUAL_LOGINS, Address, PlanError, VirtualIp, plan


def port(mac: str = "FA:16:3E:00:00:01", floating_ips: dict[str, str] | None = None, **fixed_ips: str) -> dict[str, Any]:
    keys = {key.removeprefix("n"): address for key, address in fixed_ips.items()}
    return {"mac_address": mac, "table": 21009.0, "priority": 21144.0, "fixed_ips": keys, "floating_ips": floating_ips or {}}


OUTPUTS: dict[str, Any] = {
    "servers": {
        "web": {
            "ports": {
                "b": port(v4="10.0.0.12", v6="fd00::2", floating_ips={"v4": "203.0.113.12"}),
                "a": port(one="10.0.0.11", two="10.0.0.13", floating_ips={"two": "203.0.113.13"}),
            },
            "commands": {
                "a": {"ssh": ["ssh debian@203.0.113.13"], "curl": ["curl --interface 10.0.0.13 http://192.0.2.80; echo"]},
                "b": {"ssh": [], "curl": []},
            },
        },
        "edge": {"ports": {"public": port(n0="203.0.113.62"), "back": port(v4="192.168.20.7")}, "commands": {}},
    },
    "virtual_ips": {
        "shared": {"ip_address": "10.0.0.200", "floating_ip": "203.0.113.200"},
        "inner": {"ip_address": "10.0.0.201"},
    },
}


def test_the_plan_has_the_ipv4_addresses_of_servers_and_virtual_ips() -> None:
    edge, web = plan(OUTPUTS).servers
    assert [port.key for port in web.ports] == ["a", "b"]
    assert web.ports[0].addresses == (Address("one", "10.0.0.11", None), Address("two", "10.0.0.13", "203.0.113.13"))
    assert web.ports[1].addresses == (Address("v4", "10.0.0.12", "203.0.113.12"),)
    assert (web.ports[1].mac, web.ports[1].table) == ("fa:16:3e:00:00:01", 21009)
    assert (web.logins, web.echo_url) == (("debian",), "http://192.0.2.80")
    assert edge.outside == ["203.0.113.62"]
    assert (edge.logins, edge.echo_url) == (USUAL_LOGINS, "http://ifconfig.me")
    assert plan(OUTPUTS).virtual_ips == (VirtualIp("shared", "10.0.0.200", "203.0.113.200"),)
    assert plan(OUTPUTS).outside == ["203.0.113.62", "203.0.113.13", "203.0.113.12", "203.0.113.200"]


def test_a_given_login_and_echo_url_override_those_of_the_outputs() -> None:
    servers = plan(OUTPUTS, login="me", echo_url="http://192.0.2.1/").servers
    assert {(server.logins, server.echo_url) for server in servers} == {(("me",), "http://192.0.2.1/")}


def test_the_plan_of_an_empty_stack_is_empty() -> None:
    assert plan({}) == plan({"servers": {}, "virtual_ips": {}})
    assert plan({}).outside == []


@pytest.mark.parametrize("login", ["-oProxyCommand=x", "-l", "a b", "a\nb", "a;b", "%h", "$(x)", "`x`", " a", "ä"])
def test_what_is_no_login_never_reaches_ssh(login: str) -> None:
    with pytest.raises(PlanError, match="SSH_USER"):
        plan(OUTPUTS, login=login)
    servers: dict[str, Any] = OUTPUTS["servers"]
    said = {**servers["web"], "commands": {"a": {"ssh": [f"ssh {login}@203.0.113.13"]}}}
    with pytest.raises(PlanError, match="SSH_USER"):
        plan({"servers": {"web": said}})


@pytest.mark.parametrize("login", ["debian", "me@EXAMPLE.ORG", "_x", "a.b-c_d", "0"])
def test_usual_logins_do(login: str) -> None:
    assert plan(OUTPUTS, login=login).servers[0].logins == (login,)


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "host.example.org", "10.0.0.1 x", "", "10.0.0.1\n"])
def test_what_is_no_address_never_reaches_ssh(address: str) -> None:
    with pytest.raises(PlanError, match="where an address is expected"):
        plan({"servers": {"web": {"ports": {"a": port(v4="10.0.0.11", floating_ips={"v4": address})}}}})
    with pytest.raises(PlanError, match="where an address is expected"):
        plan({"servers": {"web": {"ports": {"a": port(v4=address)}}}})
    with pytest.raises(PlanError, match="where an address is expected"):
        plan({"virtual_ips": {"x": {"ip_address": "10.0.0.1", "floating_ip": address or "-"}}})
