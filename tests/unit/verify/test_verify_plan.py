from typing import Any

from multiport.verify.plan import USUAL_LOGINS, Address, VirtualIp, plan


def port(mac: str = "FA:16:3E:00:00:01", floating_ips: dict[str, str] | None = None, **fixed_ips: str) -> dict[str, Any]:
    keys = {key.removeprefix("n"): address for key, address in fixed_ips.items()}
    return {"mac_address": mac, "table": 21009.0, "priority": 21144.0, "fixed_ips": keys, "floating_ips": floating_ips or {}}


OUTPUTS = {
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
