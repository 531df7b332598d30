"""Hostile input: refused with a message, nothing executed, nothing changed."""

import fcntl
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiport.guest.files import PLAN_PATH
from tests.netns.metadata_service import UUID, MetadataService, meta_data, metadata_service
from tests.netns.topology import Cloud, Port, kernel_state

PORTS = [Port(0, 1), Port(1, 1)]
CANARY = "/run/pwned"
SHELL = [
    "$(touch /run/pwned)",
    "`touch /run/pwned`",
    ";touch /run/pwned;",
    "|touch /run/pwned",
    "a[$(touch /run/pwned)]",
    "&& touch /run/pwned",
]
"""What runs if anything is evaluated that must not be; the last but one in arithmetic."""

MACS = [port.mac for port in PORTS]
GOOD = f"multiport-plan 1\nport 37 {MACS[0]} primary\nport 53 {MACS[1]}\n"
PLANS = {
    "empty": "",
    "no header": GOOD.partition("\n")[2],
    "other version": GOOD.replace("plan 1", "plan 2"),
    "version with more": GOOD.replace("plan 1", "plan 1 "),
    "no newline at the end": GOOD[:-1],
    "empty line": GOOD.replace("\nport 53", "\n\nport 53"),
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "NUL byte": GOOD.replace("primary", "pri\0mary"),
    "NUL byte at the end": GOOD + "\0",
    "no port": "multiport-plan 1\n",
    "no primary": GOOD.replace(" primary", ""),
    "two primaries": GOOD.replace(f"{MACS[1]}\n", f"{MACS[1]} primary\n"),
    "slot 0": GOOD.replace("port 37", "port 0"),
    "slot 512": GOOD.replace("port 53", "port 512"),
    "slot with zeros": GOOD.replace("port 37", "port 037"),
    "negative slot": GOOD.replace("port 37", "port -37"),
    "huge slot": GOOD.replace("port 53", "port 99999999999999999999"),
    "slot twice": GOOD.replace("port 53", "port 37"),
    "slots falling": GOOD.replace("port 37", "port 54"),
    "MAC address twice": GOOD.replace(MACS[1], MACS[0]),
    "multicast MAC address": GOOD.replace("fa:16:3e:00:00:02", "01:00:5e:00:00:02"),
    "short MAC address": GOOD.replace("00:02", "02"),
    "upper case": GOOD.replace("fa:16", "FA:16"),
    "further word": GOOD.replace("primary", "primary metric"),
    "unknown record": GOOD + "rule 1 from all\n",
    "two blanks": GOOD.replace("port 53", "port  53"),
    "very long": GOOD
    + "".join(f"port {number} fa:16:3e:01:{number // 256:02x}:{number % 256:02x}\n" for number in range(54, 4000)),
    "megabytes": GOOD + "x" * (4 << 20),
    **{f"shell {number}": GOOD.replace("53", text) for number, text in enumerate(SHELL)},
    **{f"shell in MAC address {number}": GOOD.replace(MACS[1], text) for number, text in enumerate(SHELL)},
}


@dataclass
class ServedCloud(Cloud):
    """A cloud with a metadata service."""

    service: MetadataService = field(init=False)


@pytest.fixture(scope="module")
def cloud() -> Iterator[ServedCloud]:
    """A guest with good routing and good metadata."""
    with ServedCloud(PORTS) as cloud, metadata_service(cloud) as service:
        service.says(meta_data({f"multiport.port.p{port.number}": port.metadata() for port in PORTS}))
        cloud.guest.policy("apply", "--refresh")
        cloud.guest.policy("check")
        cloud.service = service
        yield cloud


def unharmed(cloud: ServedCloud) -> None:
    assert cloud.guest.run("test", "-e", CANARY, check=False).returncode == 1


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_plan_is_refused(cloud: ServedCloud, plan: str) -> None:
    before = kernel_state(cloud.guest)
    cloud.guest.write(PLAN_PATH, plan)
    try:
        for verb in (["apply"], ["check"], ["watch"], ["apply", "--refresh"]):
            done = cloud.guest.policy(*verb, check=False)
            assert done.returncode == 2, verb
            assert done.stderr.startswith("policy-routing: /etc/policy-routing/plan: "), verb
    finally:
        cloud.guest.write(PLAN_PATH, GOOD)
    assert kernel_state(cloud.guest) == before
    unharmed(cloud)
    cloud.guest.policy("check")


@pytest.mark.parametrize("make", ["true", "mkdir", "mkfifo", "ln -s /dev/zero", "ln -s /nowhere"])
def test_plan_that_is_no_file(cloud: ServedCloud, make: str) -> None:
    before = kernel_state(cloud.guest)
    cloud.guest.sh(f"rm {PLAN_PATH}; {make} {PLAN_PATH}")
    try:
        assert cloud.guest.policy("apply", check=False).returncode == 2
    finally:
        cloud.guest.sh(f"rm -rf {PLAN_PATH}")
        cloud.guest.write(PLAN_PATH, GOOD)
    assert kernel_state(cloud.guest) == before


def nova(records: dict[str, object], **more: object) -> str:
    return json.dumps({"uuid": UUID, "meta": records} | more)


def http(body: str | bytes, head: str = "HTTP/1.1 200 OK\r\n") -> bytes:
    return head.encode() + b"\r\n" + (body.encode() if isinstance(body, str) else body)


GOOD_META = {f"multiport.port.p{port.number}": port.metadata() for port in PORTS}
BODY = nova(dict(GOOD_META))
ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": BODY.encode(),
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Length: 10",
    "500": http(BODY, "HTTP/1.1 500 Internal Server Error\r\n"),
    "404": http(BODY, "HTTP/1.1 404 Not Found\r\n"),
    "302": http(BODY, "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n"),
    "empty body": http(""),
    "truncated": http(BODY[:-40], f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n"),
    "truncated without length": http(BODY[:-40]),
    "too long": http(BODY + "x", f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n"),
    "chunked": http(f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"),
    "HTML": http("<html><body>captive portal</body></html>"),
    "null": http("null"),
    "list": http("[]"),
    "string": http('"x"'),
    "empty object": http("{}"),
    "no metadata": http(json.dumps({"uuid": UUID})),
    "metadata is a list": http(json.dumps({"uuid": UUID, "meta": ["multiport.port.p0", "x"]})),
    "metadata is null": http(json.dumps({"uuid": UUID, "meta": None})),
    "none of ours": http(nova({"role": "web"})),
    "another server's": http(nova({"multiport.port.p0": "slot=37"}, uuid=UUID.replace("1", "2"))),
    "no uuid": http(json.dumps({"meta": {"multiport.port.p0": "slot=37"}})),
    "uuid is a list": http(json.dumps({"uuid": [UUID], "meta": {"multiport.port.p0": "slot=37"}})),
    "our item at the top": http(json.dumps({"uuid": UUID, "multiport.port.p0": "slot=37"})),
    "our item elsewhere": http(
        json.dumps({"uuid": UUID, "more": {"multiport.port.p0": "slot=37"}, "meta": {"a": {"multiport.port.p0": "slot=37"}}})
    ),
    "item is a number": http(nova({"multiport.port.p0": 37})),
    "item is a list": http(nova({"multiport.port.p0": ["slot=37"]})),
    "two objects": http(BODY + BODY),
    "comma at the end": http(BODY[:-1] + ",}"),
    "single quotes": http(BODY.replace('"', "'")),
    "NaN": http(nova({}, x=float("nan"))),
    "no closing brace": http(BODY[:-1]),
    "bare newline in a string": http(BODY.replace("slot=37", "slot=37\n")),
    "key twice": http(f'{{"uuid": "{UUID}", "meta": {{"multiport.port.p0": "slot=37", "multiport.port.p0": "slot=38"}}}}'),
    "very deep": http(f'{{"uuid": "{UUID}", "x": {"[" * 2000}{"]" * 2000}}}'),
    "megabytes": http(f'{{"uuid": "{UUID}", "meta": {{"multiport.port.p0": "slot=37"}}, "x": "{"y" * (1 << 20)}"}}'),
    "binary": http(bytes(range(256)) * 8),
    **{
        f"shell {number}": http(nova({"multiport.port.p0": text, f"multiport.port.{text}": "slot=7"}))
        for number, text in enumerate(SHELL)
    },
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_answer_changes_nothing(cloud: ServedCloud, answer: bytes) -> None:
    before, told = kernel_state(cloud.guest), cloud.guest.read("/var/lib/policy-routing/metadata")
    cloud.service.answer = answer
    done = cloud.guest.policy("apply", "--refresh")
    assert done.stderr.startswith("policy-routing: ")
    assert kernel_state(cloud.guest) == before
    now = cloud.guest.read("/var/lib/policy-routing/metadata")
    # Refused records are remembered, for status; all that counts is as it was.
    assert [line for line in now.splitlines() if not line.startswith("refused ")] == told_facts(told)
    unharmed(cloud)


def told_facts(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("refused ")]


RECORDS = {
    "slot 0": "slot=0 mac=fa:16:3e:00:00:09",
    "slot too big": "slot=512 mac=fa:16:3e:00:00:09",
    "slot huge": "slot=18446744073709551653 mac=fa:16:3e:00:00:09",
    "slot of another port": "slot=37 mac=fa:16:3e:00:00:09",
    "MAC address of another port": f"slot=9 mac={MACS[0]}",
    "no slot": "mac=fa:16:3e:00:00:09",
    "no MAC address": "slot=9",
    "slot twice": "slot=9 slot=10 mac=fa:16:3e:00:00:09",
    "MAC address twice": "slot=9 mac=fa:16:3e:00:00:09 mac=fa:16:3e:00:00:0a",
    "multicast MAC address": "slot=9 mac=01:16:3e:00:00:09",
    "unknown token": "slot=9 mac=fa:16:3e:00:00:09 exec=1",
    "bare word": "slot=9 mac=fa:16:3e:00:00:09 cold",
    "MTU too small": "slot=9 mac=fa:16:3e:00:00:09 mtu=67",
    "MTU too big": "slot=9 mac=fa:16:3e:00:00:09 mtu=65536",
    "MTU in octal": "slot=9 mac=fa:16:3e:00:00:09 mtu=01500",
    "address without prefix": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.1.9",
    "address out of range": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.1.256/24",
    "address in octal": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.01.9/24",
    "address of lo": "slot=9 mac=fa:16:3e:00:00:09 v4=127.0.0.1/8",
    "multicast address": "slot=9 mac=fa:16:3e:00:00:09 v4=224.0.0.1/24",
    "address of nobody": "slot=9 mac=fa:16:3e:00:00:09 v4=0.0.0.0/0",
    "prefix too long": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.1.9/33",
    "IPv6 as IPv4": "slot=9 mac=fa:16:3e:00:00:09 v4=2001:db8::9/64",
    "IPv6 not shortest": "slot=9 mac=fa:16:3e:00:00:09 v6=2001:db8:0:0::9/64",
    "IPv6 with zeros": "slot=9 mac=fa:16:3e:00:00:09 v6=2001:0db8::9/64",
    "IPv6 in capitals": "slot=9 mac=fa:16:3e:00:00:09 v6=2001:DB8::9/64",
    "IPv6 multicast": "slot=9 mac=fa:16:3e:00:00:09 v6=ff02::1/64",
    "address of another port": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.1.10/24",
    "gateway with prefix": "slot=9 mac=fa:16:3e:00:00:09 gw4=10.0.1.1/24",
    "route with host bits": "slot=9 mac=fa:16:3e:00:00:09 route=10.9.0.1/16,10.0.1.9",
    "IPv6 route with host bits": "slot=9 mac=fa:16:3e:00:00:09 route=2001:db8:9::1/45,fe80::9",
    "default route": "slot=9 mac=fa:16:3e:00:00:09 route=0.0.0.0/0,10.0.1.9",
    "route between families": "slot=9 mac=fa:16:3e:00:00:09 route=10.9.0.0/16,fe80::9",
    "route without hop": "slot=9 mac=fa:16:3e:00:00:09 route=10.9.0.0/16",
    "non-ASCII": "slot=9 mac=fa:16:3e:00:00:09 v4=10.0.1.9/24 \u00e9",
    "escape sequence": "slot=9 mac=fa:16:3e:00:00:09 \x1b[2J",
    "quotes": 'slot=9 mac=fa:16:3e:00:00:09 "hot"',
    "backslash": "slot=9 mac=fa:16:3e:00:00:09 \\",
    **{f"shell {number}": f"slot=9 mac=fa:16:3e:00:00:09 {text}" for number, text in enumerate(SHELL)},
    **{f"shell in slot {number}": f"slot={text} mac=fa:16:3e:00:00:09" for number, text in enumerate(SHELL)},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_record_is_refused_and_the_rest_kept(cloud: ServedCloud, record: str) -> None:
    before = kernel_state(cloud.guest)
    cloud.service.says(meta_data(GOOD_META | {"multiport.port.odd": record}))
    done = cloud.guest.policy("apply", "--refresh")
    assert "metadata of the service: multiport.port.odd: " in done.stderr
    assert done.stderr.isprintable() or done.stderr.replace("\n", "").isprintable()
    assert kernel_state(cloud.guest) == before
    (refused,) = cloud.guest.status()["refused"]
    assert refused.startswith("multiport.port.odd: ")
    assert refused.isascii()
    unharmed(cloud)


@pytest.mark.parametrize(
    "key",
    [
        "multiport.",
        "multiport.port.",
        "multiport.ports",
        "multiport.port.Web",
        "multiport.port.-a",
        "multiport.port." + "a" * 33,
        "multiport.port.a b",
        "multiport.port.p0.x",
        "multiport.port.new.3",
        "multiport.port.$(id)",
        "multiport.port.\u00e9",
        "multiport.option",
    ],
)
def test_key_is_refused(cloud: ServedCloud, key: str) -> None:
    before = kernel_state(cloud.guest)
    cloud.service.says(meta_data(GOOD_META | {key: "slot=9 mac=fa:16:3e:00:00:09"}))
    cloud.guest.policy("apply", "--refresh")
    assert kernel_state(cloud.guest) == before
    assert len(cloud.guest.status()["refused"]) == 1
    unharmed(cloud)


def test_a_bad_record_leaves_the_good_one_that_was(cloud: ServedCloud) -> None:
    further = PORTS[1].metadata(v4=[PORTS[1].cidr(4), "10.0.1.60/24"])
    cloud.service.says(meta_data(GOOD_META | {"multiport.port.p1": further}))
    cloud.guest.policy("apply", "--refresh")
    before = kernel_state(cloud.guest)
    assert any("10.0.1.60/32" in line for line in before)
    cloud.service.says(meta_data(GOOD_META | {"multiport.port.p1": "slot=53 oops"}))
    cloud.guest.policy("apply", "--refresh")
    assert kernel_state(cloud.guest) == before
    cloud.service.says(meta_data(GOOD_META))
    cloud.guest.policy("apply", "--refresh")
    assert not any("10.0.1.60" in line for line in kernel_state(cloud.guest))


def rename(name: str, odd: str) -> None:
    """Rename an interface to what ip(8) would not let through, as the kernel does (SIOCSIFNAME, linux/sockios.h)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, 0x8923, struct.pack("16s16s", name.encode(), odd.encode()))


NAMES = [
    "$(id>pwned)",
    "`id>pwned`",
    "a;b",
    "*",
    "?",
    "[a]",
    "-x",
    "#x",
    '"q',
    "'q",
    "a\\b",
    "{a,b}",
    "~",
    "!x",
    "\u00e9",
    "eth1@evil",
]


@pytest.mark.parametrize("name", NAMES)
def test_interface_with_an_odd_name_is_left_alone(name: str) -> None:
    with Cloud(PORTS, families=(4,)) as cloud:
        cloud.guest.policy("apply")
        cloud.guest.ip("link set eth1 down\n")
        cloud.guest.call(rename, "eth1", name)
        cloud.guest.sh("ip link set group 21000 up")
        (alone,) = [line for line in kernel_state(cloud.guest) if f": {name}@if" in line]
        cloud.guest.policy("apply")
        cloud.guest.policy("check")
        ports = {port["slot"]: port for port in cloud.guest.status()["ports"]}
        assert ports[53]["device"] == ""
        assert ports[53]["note"]
        assert "lookup 21053" not in cloud.guest.sh("ip rule")
        (left,) = [line for line in kernel_state(cloud.guest) if f": {name}@if" in line]
        assert left.replace("group 21000", "group 0") == alone.replace("group 21000", "group 0")
        cloud.guest.policy("down")
        assert "proto 77" not in cloud.guest.sh("ip rule; ip -6 rule; ip route show table all")
        assert cloud.guest.sh("ls -d pwned /pwned /run/pwned /tmp/pwned 2>/dev/null || :") == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["help"],
        ["apply", "eth0"],
        ["apply", "--interface"],
        ["apply", "--interface", "$(id)"],
        ["apply", "--json"],
        ["status", "--dry-run"],
        ["check", "--interface", "eth0"],
        ["verify", "--echo", "http://x/;id"],
        ["verify", "--echo", "file:///etc/passwd"],
        ["--version"],
        ["apply; id"],
    ],
)
def test_usage_is_refused(cloud: ServedCloud, arguments: list[str]) -> None:
    done = cloud.guest.policy(*arguments, check=False)
    assert done.returncode == 2
    assert "apply [--refresh]" in done.stderr


def test_environment_is_not_trusted(cloud: ServedCloud) -> None:
    """PATH, functions, options and the like of whoever calls it as root do not reach it."""
    cloud.guest.sh(
        "mkdir -p /run/bin; printf '#!/bin/sh\\ntouch /run/pwned\\n' >/run/bin/ip; chmod +x /run/bin/ip;"
        "cp /run/bin/ip /run/bin/flock; cp /run/bin/ip /run/env"
    )
    environment = [
        "PATH=/run/bin",
        "BASH_ENV=/run/env",
        "ENV=/run/env",
        "SHELLOPTS=xtrace",
        "IFS=x",
        "LC_ALL=C.UTF-8",
        "BASH_FUNC_ip%%=() { touch /run/pwned; }",
        "CDPATH=/run",
        "GLOBIGNORE=*",
        "TMPDIR=/nowhere",
        "only=eth0",
        "dry=1",
        "mode=down",
    ]
    before = kernel_state(cloud.guest)
    done = cloud.guest.run("env", *environment, "/usr/local/sbin/policy-routing", "check")
    assert (done.stdout, done.stderr) == ("", "")
    cloud.guest.run("env", *environment, "/usr/local/sbin/policy-routing", "apply")
    assert kernel_state(cloud.guest) == before
    unharmed(cloud)


ODD = st.text(
    st.sampled_from([*"$`();|&<>\\\"'{}[]*?~!#% \t\n\r\0=:/.,-_", "\u00e9", "\x1b", *"0123456789abcdefport"]), max_size=30
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_plan(cloud: ServedCloud, data: st.DataObject) -> None:
    """Anything put anywhere into a good plan: refused, or harmless because it is another good plan."""
    place = data.draw(st.integers(0, len(GOOD)))
    cut = data.draw(st.integers(0, 6))
    plan = GOOD[:place] + data.draw(ODD) + GOOD[place + cut :]
    before = kernel_state(cloud.guest)
    cloud.guest.write(PLAN_PATH, plan)
    try:
        done = cloud.guest.policy("apply", check=False)
    finally:
        cloud.guest.write(PLAN_PATH, GOOD)
    unharmed(cloud)
    if done.returncode == 2:
        assert kernel_state(cloud.guest) == before
    cloud.guest.policy("apply")
    assert kernel_state(cloud.guest) == before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_answer(cloud: ServedCloud, data: st.DataObject) -> None:
    body = meta_data(GOOD_META)
    if data.draw(st.booleans()):  # as text
        place = data.draw(st.integers(0, len(body)))
        body = body[:place] + data.draw(ODD) + body[place + data.draw(st.integers(0, 20)) :]
    else:  # as good JSON
        value = PORTS[1].metadata()
        place = data.draw(st.integers(0, len(value)))
        body = meta_data(
            GOOD_META | {"multiport.port.p1": value[:place] + data.draw(ODD) + value[place:], data.draw(ODD): data.draw(ODD)}
        )
    cloud.service.says(body)
    cloud.guest.policy("apply", "--refresh", check=False)
    unharmed(cloud)
    json.loads(cloud.guest.policy("status", "--json", check=False).stdout)
    cloud.service.says(meta_data(GOOD_META))
    cloud.guest.policy("apply", "--refresh")
    cloud.guest.policy("check")


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def test_only_root_can_hold_a_lock() -> None:
    """Whoever may open a file, be it to read, may lock it, and so keep every repair waiting."""
    with Cloud(PORTS) as cloud:
        status = (*NOBODY, "/usr/local/sbin/policy-routing", "status", "--json")
        with cloud.guest.watching():
            for lock in ("lock", "watch.lock"):
                held = cloud.guest.run(*NOBODY, "flock", "-n", f"/run/policy-routing/{lock}", "true", check=False)
                assert held.returncode != 0
                assert "Permission denied" in held.stderr
            assert json.loads(cloud.guest.run(*status).stdout)["watching"] is True
        assert json.loads(cloud.guest.run(*status).stdout)["watching"] is False
