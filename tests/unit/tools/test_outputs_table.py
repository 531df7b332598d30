from typing import Any

from tools.outputs import table


def port(address: str, floating_ip: str | None = None, table: float = 21366.0) -> dict[str, Any]:
    return {
        "fixed_ips": {"v4": address},
        "floating_ips": {} if floating_ip is None else {"v4": floating_ip},
        "mac_address": "fa:16:3e:00:00:01",
        "table": table,
        "priority": 26856.0,
    }


def server(*addresses: str) -> dict[str, Any]:
    """Return the outputs of a server whose ports have letters as keys and a floating IP each."""
    ports = dict(zip("abcdefgh", addresses, strict=False))
    return {
        "ports": {key: port(f"10.0.0.{address}", f"203.0.113.{address}") for key, address in ports.items()},
        "commands": {key: {"ssh": [f"ssh debian@203.0.113.{address}"]} for key, address in ports.items()},
    }


def test_an_empty_stack_has_no_table() -> None:
    assert table({}) == table({"servers": {}, "virtual_ips": {}}) == "No servers."


def test_the_table_shows_servers_ports_and_virtual_ips() -> None:
    two = {
        "ports": {"a": port("10.0.0.1", "203.0.113.1"), "b": port("10.0.0.222")},
        "commands": {"a": {"ssh": ["ssh x"]}, "b": {}},
    }
    two["ports"]["b"]["fixed_ips"]["v6"] = "fd00::2"
    exports = {
        "servers": {"edge": two, "back": {"ports": {"a": port("10.0.0.3", table=21009.0)}, "commands": {}}},
        "virtual_ips": {
            "shared": {"ip_address": "10.0.0.200", "floating_ip": "203.0.113.200"},
            "plain": {"ip_address": "10.0.0.201"},
        },
    }
    assert table(exports).splitlines() == [
        "server  port  fixed IPs           floating IPs  MAC                table  priority",
        "------  ----  ------------------  ------------  -----------------  -----  --------",
        "back    a     10.0.0.3            -             fa:16:3e:00:00:01  21009  26856",
        "edge    a     10.0.0.1            203.0.113.1   fa:16:3e:00:00:01  21366  26856",
        "        b     10.0.0.222 fd00::2  -             fa:16:3e:00:00:01  21366  26856",
        "virtual address plain: 10.0.0.201, floating IP -",
        "virtual address shared: 10.0.0.200, floating IP 203.0.113.200",
        "",
        "Try:",
        "  ssh x",
    ]


def test_at_most_three_ssh_commands_are_shown() -> None:
    three = table({"servers": {"web": server("1", "2", "3")}}).splitlines()
    assert three[-3:] == [f"  ssh debian@203.0.113.{host}" for host in "123"]
    four = table({"servers": {"web": server("1", "2", "3", "4")}}).splitlines()
    assert four[-4:-1] == three[-3:]
    assert "make outputs FORMAT=json" in four[-1]
