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
    """A server with a floating IP on each of its ports, which are called by letters."""
    ports = dict(zip("abcdefgh", addresses, strict=False))
    return {
        "ports": {key: port(f"10.0.0.{address}", f"203.0.113.{address}") for key, address in ports.items()},
        "commands": {key: {"ssh": [f"ssh debian@203.0.113.{address}"]} for key, address in ports.items()},
    }


def test_nothing_deployed() -> None:
    assert table({}) == table({"servers": {}, "virtual_ips": {}}) == "No servers."


def test_servers_ports_and_virtual_addresses() -> None:
    two = {
        "ports": {"a": port("10.0.0.1", "203.0.113.1"), "b": port("10.0.0.222")},
        "commands": {"a": {"ssh": ["ssh x"]}, "b": {}},
    }
    two["ports"]["b"]["fixed_ips"]["v6"] = "fd00::2"
    exports = {
        "servers": {"zwei": two, "eins": {"ports": {"a": port("10.0.0.3", table=21009.0)}, "commands": {}}},
        "virtual_ips": {
            "shared": {"ip_address": "10.0.0.200", "floating_ip": "203.0.113.200"},
            "plain": {"ip_address": "10.0.0.201"},
        },
    }
    assert table(exports).splitlines() == [
        "server  port  fixed IPs           floating IPs  MAC                table  priority",
        "------  ----  ------------------  ------------  -----------------  -----  --------",
        "eins    a     10.0.0.3            -             fa:16:3e:00:00:01  21009  26856",
        "zwei    a     10.0.0.1            203.0.113.1   fa:16:3e:00:00:01  21366  26856",
        "        b     10.0.0.222 fd00::2  -             fa:16:3e:00:00:01  21366  26856",
        "virtual address plain: 10.0.0.201, floating IP -",
        "virtual address shared: 10.0.0.200, floating IP 203.0.113.200",
        "",
        "Try:",
        "  ssh x",
    ]


def test_no_more_than_three_lines_to_try() -> None:
    three = table({"servers": {"web": server("1", "2", "3")}}).splitlines()
    assert three[-3:] == [f"  ssh debian@203.0.113.{each}" for each in "123"]
    four = table({"servers": {"web": server("1", "2", "3", "4")}}).splitlines()
    assert four[-4:-1] == three[-3:]
    assert "make outputs FORMAT=json" in four[-1]
