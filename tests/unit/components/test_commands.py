from typing import TYPE_CHECKING, Any, cast

import pytest

from multiport.components.commands import login, server_lines
from multiport.components.instance.outputs import PortState

if TYPE_CHECKING:
    from multiport.components.topology import ServerConfig

A: PortState = {
    "port_id": "1",
    "mac_address": "fa:16:3e:00:00:01",
    "fixed_ips": {"v4": "192.168.0.11", "v6": "fd00::11"},
    "floating_ips": {"v4": "203.0.113.11"},
    "slot": 1,
    "table": 21001,
    "priority": 21016,
}
B: PortState = {**A, "mac_address": "fa:16:3e:00:00:02", "fixed_ips": {"v4": "192.168.0.12"}, "floating_ips": {}}


@pytest.mark.parametrize(
    ("image", "user"),
    [
        ("Ubuntu-24.04", "ubuntu"),
        ("ubuntu-minimal", "ubuntu"),
        ("Debian-12", "debian"),
        ("Rocky-9.4", "rocky"),
        ("AlmaLinux-9", "almalinux"),
        ("CentOS-Stream-9", "cloud-user"),
        ("Fedora-41", "fedora"),
        ("something-ubuntu", "cloud-user"),
        ("", "cloud-user"),
    ],
)
def test_the_login_name_comes_from_the_images_name(image: str, user: str) -> None:
    assert login(image) == user


def lines(ports: dict[str, PortState], **config: Any) -> Any:
    return server_lines(cast("ServerConfig", {"image": "Debian-12", **config}), ports)


def test_lines_of_every_port() -> None:
    assert lines({"a": A, "b": B}) == {
        "a": {
            "ssh": ["ssh debian@203.0.113.11"],
            "ping": ["ping -c 4 203.0.113.11"],
            "curl": [
                "curl --interface 192.168.0.11 http://ifconfig.me; echo",
                "curl --interface fd00::11 http://ifconfig.me; echo",
            ],
            "tcpdump": 'sudo tcpdump -nni "$(grep -l fa:16:3e:00:00:01 /sys/class/net/*/address | cut -d/ -f5)" icmp',
        },
        "b": {
            "ssh": [],
            "ping": [],
            "curl": ["curl --interface 192.168.0.12 http://ifconfig.me; echo"],
            "tcpdump": 'sudo tcpdump -nni "$(grep -l fa:16:3e:00:00:02 /sys/class/net/*/address | cut -d/ -f5)" icmp',
        },
    }


def test_a_server_by_image_id_and_its_own_echo() -> None:
    found = lines({"a": A}, image="", routing={"echo_url": "http://203.0.113.1/ip"})["a"]
    assert found["ssh"] == ["ssh cloud-user@203.0.113.11"]
    assert found["curl"][0] == "curl --interface 192.168.0.11 http://203.0.113.1/ip; echo"


def test_a_server_without_ports_known_yet() -> None:
    assert lines({}) == {}
