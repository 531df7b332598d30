"""The verdict finds each cause from readings; the guests are the recorded ones of `test_verify_readings`."""

from dataclasses import replace
from typing import Any

import pytest

from multiport.verify import report
from multiport.verify.causes import CAUSES
from multiport.verify.plan import Address, Plan, Port, Server, VirtualIp
from multiport.verify.readings import Echoes, Login, Look, Pings, echoes, look
from multiport.verify.verdict import Inside, Outside, Row, rows
from tests.unit.verify.test_verify_readings import ETH0, ETH1, said

MACS = (ETH0, ETH1)
SERVER = Server(
    "web",
    ("root",),
    "http://echo",
    (
        Port("a", ETH0, 21037, (Address("v4", "10.0.1.10", "203.0.113.10"),)),
        Port("b", ETH1, 21053, (Address("v4", "10.0.1.11", "203.0.113.11"),)),
    ),
)
PLAN = Plan((SERVER,), ())
ANSWERED, SILENT = Pings(60, 60, 1.0), Pings(60, 0)
TIMED_OUT = Login(done=False, says="ssh: connect to host 203.0.113.11 port 22: Connection timed out")


def known(name: str, **changes: Any) -> Look:
    found = look(said(name))
    assert found is not None
    return replace(found, **changes)


def login(address: str, *macs: str) -> Login:
    return Login(done=True, asked_on=address, macs=macs or MACS)


GOOD = {
    "203.0.113.10": Outside(ANSWERED, 0.5, (login("10.0.1.10"),) * 3),
    "203.0.113.11": Outside(ANSWERED, 0.5, (login("10.0.1.11"),) * 3),
}
INSIDE = Inside(
    known("look-applied"),
    echoes(said("capture-applied")),
    {"a": ("10.0.1.1", Pings(5, 5)), "b": ("10.0.1.1", Pings(5, 5))},
    {"10.0.1.10": "203.0.113.10", "10.0.1.11": "203.0.113.11"},
)


def second(outside: Outside | None = None, **inside: Any) -> dict[str, tuple[str, str]]:
    """Return the result and cause of each probe of the second port."""
    seen = {**GOOD, "203.0.113.11": outside or GOOD["203.0.113.11"]}
    found = rows(PLAN, seen, {"web": replace(INSIDE, **inside)})
    assert {row.result for row in found if row.port == "a"} == {"ok"}
    return {row.probe: (row.result, row.cause) for row in found if row.port == "b"}


def test_a_correct_server_passes_every_probe() -> None:
    assert second() == dict.fromkeys(("gateway", "ping", "ssh", "curl", "tcpdump"), ("ok", ""))


GONE = Outside(SILENT, None, (TIMED_OUT,) * 3)
EMPTY = {**INSIDE.captured, "eth1": Echoes({}, {})}
ONE_WAY = {**INSIDE.captured, "eth1": Echoes({"10.0.1.11": 9}, {})}
SLOW = Outside(Pings(60, 54), 0.5, (login("10.0.1.11"),) * 3)


@pytest.mark.parametrize(
    ("outside", "inside", "causes"),
    [
        (GONE, {"look": known("look-plain"), "captured": echoes(said("capture-plain"))}, {"ping": "no-policy-routing"}),
        (
            GONE,
            {"captured": {**echoes(said("capture-plain"))}},
            {"ping": "wrong-nic", "ssh": "wrong-nic", "tcpdump": "wrong-nic"},
        ),
        (GONE, {}, {"ping": "port-security-drop", "ssh": "port-security-drop"}),
        (GONE, {"captured": EMPTY, "curls": {**INSIDE.curls, "10.0.1.11": ""}}, {"ping": "not-wired", "curl": "not-wired"}),
        (GONE, {"captured": EMPTY}, {"ping": "nothing-arrives", "tcpdump": "nothing-arrives"}),
        (GONE, {"captured": ONE_WAY}, {"ping": "guest-silent", "tcpdump": "guest-silent"}),
        (
            GONE,
            {"captured": ONE_WAY, "look": known("look-plain", rp_filter={"eth1": 1})},
            {"ping": "rp-filter", "tcpdump": "rp-filter"},
        ),
        (
            replace(GONE, logins=GOOD["203.0.113.11"].logins),
            {"captured": EMPTY},
            {"ping": "no-icmp-rule", "tcpdump": "no-icmp-rule"},
        ),
        (Outside(ANSWERED, 0.5, (TIMED_OUT,) * 3), {}, {"ssh": "no-tcp-22"}),
        (Outside(ANSWERED, 0.5, (Login(done=False, says=said("ssh-refused").strip()),) * 3), {}, {"ssh": "login-refused"}),
        (Outside(ANSWERED, 0.5, (login("10.0.1.10"),) * 3), {}, {"ssh": "wrong-server"}),
        (Outside(ANSWERED, 0.5, (login("10.0.1.11", "fa:16:3e:99:99:99"),) * 3), {}, {"ssh": "wrong-server"}),
        (SLOW, {}, {"ping": "intermittent"}),
        (SLOW, {"look": known("look-plain")}, {"ping": "two-default-routes"}),
        (None, {"curls": {**INSIDE.curls, "10.0.1.11": "203.0.113.10"}}, {"curl": "wrong-way-out"}),
        (None, {"curls": {**INSIDE.curls, "10.0.1.11": said("curl-timeout").strip()}}, {"curl": "no-echo"}),
        (None, {"gateways": {"a": INSIDE.gateways["a"], "b": ("10.0.1.1", Pings(5, 0))}}, {"gateway": "gateway-silent"}),
        (None, {"gateways": {"a": INSIDE.gateways["a"]}}, {"gateway": "no-gateway"}),
        (GONE, {"look": known("look-applied", nics={ETH0: "eth0"})}, {"gateway": "nic-missing", "ping": "nic-missing"}),
        (
            GONE,
            {
                "look": known("look-applied", addresses={"eth0": INSIDE.look.addresses["eth0"]}),
                "curls": {"10.0.1.10": "203.0.113.10"},
            },
            {"ping": "address-missing", "curl": "address-missing"},
        ),
        (GONE, {"captured": echoes(said("capture-not-allowed")) | {"eth0": INSIDE.captured["eth0"]}}, {"ping": "no-capture"}),
        # Without a capture, missing policy routing is still found from the guest's configuration.
        (GONE, {"look": known("look-plain"), "captured": {"eth0": INSIDE.captured["eth0"]}}, {"ping": "no-policy-routing"}),
    ],
)
def test_the_cause_of_a_failure_is_found(outside: Outside | None, inside: dict[str, Any], causes: dict[str, str]) -> None:
    if inside.get("captured") == echoes(said("capture-plain")):
        inside = {
            **inside,
            "captured": {**inside["captured"], "eth0": Echoes({"10.0.1.10": 5}, {"10.0.1.10": 5, "10.0.1.11": 5})},
        }
    found = second(outside, **inside)
    for probe, cause in causes.items():
        assert found[probe][1] == cause, found
        assert cause in CAUSES
    assert all(result == "ok" or cause in CAUSES for result, cause in found.values())


def test_without_a_login_probes_inside_the_guest_are_not_run() -> None:
    found = rows(PLAN, GOOD, {"web": None})
    assert {(row.probe, row.result, row.cause) for row in found} == {
        ("gateway", "not run", "no-login"),
        ("ping", "ok", ""),
        ("ssh", "ok", ""),
        ("curl", "not run", "no-login"),
        ("tcpdump", "not run", "no-login"),
    }


def test_a_port_without_outside_address_needs_no_gateway() -> None:
    inner = replace(SERVER, ports=(replace(SERVER.ports[1], addresses=(Address("v4", "10.0.1.11", None),)),))
    [row] = rows(Plan((inner,), ()), {}, {"web": replace(INSIDE, gateways={})})
    assert (row.result, row.evidence) == ("ok", "no gateway on eth1, none needed")


VIRTUAL = VirtualIp("shared", "10.0.1.200", "203.0.113.200")


def test_a_virtual_ip_is_probed_on_its_holder() -> None:
    plan = Plan((SERVER,), (VIRTUAL,))
    asked = {**GOOD, "203.0.113.200": Outside(ANSWERED, 2.0, (login("10.0.1.200"),) * 3)}
    without_holder = [row for row in rows(plan, asked, {"web": INSIDE}) if row.server == "virtual"]
    assert [(row.result, row.cause) for row in without_holder] == [("not run", "no-holder")]
    held = known("look-applied")
    held = replace(held, addresses={**held.addresses, "eth1": (*held.addresses["eth1"], held.addresses["eth1"][0] + 189)})
    captured = {**INSIDE.captured, "eth1": Echoes({"10.0.1.200": 9}, {"10.0.1.200": 9})}
    found = [row for row in rows(plan, asked, {"web": replace(INSIDE, look=held, captured=captured)}) if row.server == "virtual"]
    assert [(row.probe, row.result) for row in found] == [("ping", "ok"), ("ssh", "ok"), ("tcpdump", "ok")]
    assert found[0].evidence == "60/60, 1.0 ms, first after 2 s, held by web on eth1"


FACTS = {"started": "2026-11-23T03:00:00Z", "seconds": 60, "wait": 120}


def test_the_table_shows_rows_causes_and_counts() -> None:
    found = rows(PLAN, {**GOOD, "203.0.113.11": GONE}, {"web": INSIDE})
    text = report.table(found, FACTS).splitlines()
    assert text[2:5] == [
        "web     a     gateway  10.0.1.1      ok      ping -I eth0: 5/5",
        "              ping     203.0.113.10  ok      60/60, 1.0 ms, first after 0 s",
        "              ssh      203.0.113.10  ok      3/3 logins, asked on 10.0.1.10",
    ]
    assert text[8] == "              ping     203.0.113.11  FAILED  0/60, no answer while waiting [port-security-drop]"
    assert text[-3] == f"  [port-security-drop] {CAUSES['port-security-drop']}"
    assert text[-1] == "8 ok, 2 failed, 0 not run; 60 s sampled"
    assert report.table([], FACTS) == "Nothing to verify: the stack has no servers."


def test_the_document_has_rows_causes_and_counts() -> None:
    found = rows(PLAN, {**GOOD, "203.0.113.11": GONE}, {"web": INSIDE})
    document = report.document(found, FACTS)
    assert document["summary"] == {"ok": 8, "FAILED": 2, "not run": 0}
    assert document["rows"][6]["cause"] == "port-security-drop"
    assert document["causes"].keys() == {"port-security-drop"}
    assert document["seconds"] == 60


def test_a_run_without_a_passed_probe_fails() -> None:
    row = Row("web", "a", "ping", "203.0.113.10", "ok", "")
    assert report.passed([row, replace(row, result="not run")])
    assert not report.passed([row, replace(row, result="FAILED")])
    assert not report.passed([replace(row, result="not run")])
    assert not report.passed([])
