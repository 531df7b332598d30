"""Parsers of the tools' output, with recorded output of the real tools.

It was recorded on Debian 12 (iputils 20221126, tcpdump 4.99, curl 7.88, OpenSSH 9.2, iproute2 6.1) in network namespaces: two
NICs on one subnet, with policy routing ("applied") and without it ("plain").
"""

from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from multiport.verify.readings import Echoes, Login, Pings, echoes, login, look, pings

RECORDED = Path(__file__).parent / "recorded"
ETH0, ETH1 = "fa:16:3e:00:00:01", "fa:16:3e:00:00:02"


def said(name: str) -> str:
    return (RECORDED / name).read_text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ping-answered", Pings(4, 4, 0.099)),
        ("ping-gateway", Pings(5, 5, 0.057)),
        ("ping-unanswered", Pings(6, 0)),
        ("ping-unreachable", Pings(1, 0)),
        ("ping-no-route", Pings(0, 0, says="ping: connect: Network is unreachable")),
        ("ping-no-such-nic", Pings(0, 0, says="ping: SO_BINDTODEVICE eth9: No such device")),
    ],
)
def test_ping(name: str, expected: Pings) -> None:
    assert pings(said(name)) == expected


@pytest.mark.parametrize(
    ("sent", "received", "good"),
    [(60, 60, True), (60, 59, True), (60, 58, False), (200, 196, True), (5, 4, True), (0, 0, False), (1, 0, False)],
)
def test_one_in_fifty_may_be_lost(sent: int, received: int, *, good: bool) -> None:
    assert Pings(sent, received).all_answered is good


def test_tcpdump() -> None:
    assert echoes(said("capture-plain")) == {
        "eth0": Echoes({"10.0.1.10": 5}, {"10.0.1.10": 5, "10.0.1.11": 5}),
        "eth1": Echoes({"10.0.1.11": 5}, {}),
    }
    assert echoes(said("capture-applied")) == {
        "eth0": Echoes({"10.0.1.10": 5}, {"10.0.1.10": 5}),
        "eth1": Echoes({"10.0.1.11": 5}, {"10.0.1.11": 5}),
    }
    assert echoes(said("capture-not-allowed")) == {"eth0": Echoes({}, {}, "sh: 8: sudo: not found")}


def test_a_guest_with_policy_routing() -> None:
    found = look(said("look-applied"))
    assert found is not None
    assert (found.nics[ETH0], found.nics[ETH1]) == ("eth0", "eth1")
    assert found.addresses["eth1"] == (IPv4Interface("10.0.1.11/24"),)
    assert found.gateway("eth1", ETH1, 21053) == "10.0.1.1"
    assert (found.has_rules_for("10.0.1.11"), found.has_rules_for("10.0.1.1")) == (True, False)
    assert found.rp_filter["eth1"] == 2
    assert found.root
    assert found.policy_routing


def test_a_guest_without_policy_routing() -> None:
    found = look(said("look-plain"))
    assert found is not None
    assert not found.has_rules_for("10.0.1.11")
    assert found.has_other_default("eth1")
    assert found.gateway("eth1", ETH1, 21053) == "10.0.1.1"
    assert found.gateway("eth7", ETH1, 21053) is None
    assert found.rp_filter["eth1"] == 0


def test_a_gateway_that_only_the_metadata_has_is_found() -> None:
    plan = "multiport-port-b slot=53 mac=FA:16:3E:00:00:02 mtu=1442 v4=10.0.1.11/24 gw4=10.0.1.254 v6=fd00::2/64"
    found = look(
        said("look-plain").replace("== plan", f"== plan\n{plan}").replace(" dev eth1 proto dhcp", " dev eth0 proto dhcp")
    )
    assert found is not None
    assert found.gateway("eth1", ETH1, 21053) == "10.0.1.254"


def test_incomplete_output_of_a_guest_is_not_used() -> None:
    assert look(said("look-plain").partition("== rules")[0]) is None
    assert look("") is None


def test_ssh() -> None:
    macs = (ETH0, ETH1, "00:00:00:00:00:00")
    assert login(said("ssh-login")) == Login(done=True, asked_on="10.0.1.11", macs=macs)
    greeted = "-bash: tput: command not found\n" + said("ssh-login") + "Bye.\n"
    assert login(greeted).asked_on == "10.0.1.11"
    refused = "root@203.0.113.10: Permission denied (publickey,keyboard-interactive)."
    assert login(said("ssh-refused")) == Login(done=False, says=refused)
