"""`python -m verify` on a guest behind a router that does what Neutron does, with Debian's sshd, ping, curl and tcpdump."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.netns.topology import Cloud, Port
from tests.verify.fake_server import echo_service, log_in

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("equipped")]

ROOT = Path(__file__).resolve().parents[2]
PORTS = [Port(0, 1), Port(1, 1)]
FIRST, SECOND = PORTS
RIGHT = {(f"p{port.number}", probe): ("ok", "") for port in PORTS for probe in ("gateway", "ping", "ssh", "curl", "tcpdump")}


@dataclass
class Site:
    cloud: Cloud
    identity: Path
    echo_url: str

    def verify(self, **environment: str) -> tuple[int, str]:
        outputs = {
            "servers": {
                "web": {
                    "ports": {
                        f"p{port.number}": {
                            "fixed_ips": {"v4": port.address(4)},
                            "floating_ips": {"v4": port.floating_ip},
                            "mac_address": port.mac,
                            "table": float(port.table),
                            "priority": 1.0,
                        }
                        for port in self.cloud.ports
                    },
                    "commands": {},
                }
            }
        }
        options = {
            "SSH_USER": "root",
            "IDENTITY": str(self.identity),
            "ECHO_URL": self.echo_url,
            "SAMPLE": "6",
            "WAIT": "3",
            "OUTSIDE": f"nsenter --target {self.cloud.client.pid} --net --",
        }
        done = subprocess.run(
            [sys.executable, "-m", "verify", "-"],
            input=json.dumps(outputs),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **options, **environment},
            check=False,
        )
        print(done.stdout + done.stderr)
        return done.returncode, done.stdout

    def rows(self, **environment: str) -> tuple[int, dict[tuple[str, str], tuple[str, str]]]:
        """Exit status, and by port and probe the result and the cause."""
        status, text = self.verify(**environment, FORMAT="json")
        found: list[dict[str, Any]] = json.loads(text)["rows"]
        return status, {(each["port"], each["probe"]): (each["result"], each["cause"]) for each in found}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Cloud(PORTS, families=(4,)) as cloud, echo_service(cloud, tmp_path) as url:
        yield Site(cloud, log_in(cloud.guest, tmp_path), url)


def test_passes_with_policy_routing_and_fails_without(site: Site) -> None:
    site.cloud.guest.policy("apply")
    status, text = site.verify()
    assert (status, text.splitlines()[-1]) == (0, "10 ok, 0 failed, 0 not run; 6 s sampled")
    assert site.cloud.spoofed() == {"tap0": 0, "tap1": 0}

    site.cloud.guest.policy("down")
    status, text = site.verify()
    assert status == 1
    assert "6 ok, 4 failed, 0 not run" in text
    assert "replies by eth0:" in text
    assert "[no-policy-routing] the reply leaves by another NIC, where port security drops it" in text
    assert site.cloud.spoofed()["tap0"] > 0


def nft(text: str) -> Callable[[Site], None]:
    """Something that the cloud does, or does not do, on the way."""

    def act(site: Site) -> None:
        site.cloud.router.run("nft", "-f", "-", text=text)

    return act


def dropped(rule: str) -> Callable[[Site], None]:
    chain = "type filter hook forward priority 0;"
    return nft(f"table ip cloud {{ chain forward {{\n{chain}\n{rule} drop\n}}\n}}")


def strict(site: Site) -> None:
    """No policy routing, and the strict reverse path filter that some distributions have."""
    site.cloud.guest.policy("down")
    site.cloud.guest.sh("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter")


def half_routed(site: Site) -> None:
    """The rules are there, and the second port's table leads out of the first NIC."""
    site.cloud.guest.policy("down")
    site.cloud.guest.ip(
        f"route add default via {SECOND.gateway(4)} dev eth0 table 1234\nrule add from {SECOND.address(4)} lookup 1234 pref 100\n"
    )


def swapped(site: Site) -> None:
    """Both floating IPs lead to the other port."""
    elements = [f"{one.floating_ip} : {other.address(4)}" for one, other in ((FIRST, SECOND), (SECOND, FIRST))]
    nft(f"flush map ip nat in; add element ip nat in {{ {', '.join(elements)} }}")(site)


UNWIRED = nft(f"delete element ip nat in {{ {SECOND.floating_ip} }}; delete element ip nat out {{ {SECOND.address(4)} }}")
TO_SECOND = f"ip daddr {SECOND.address(4)} iifname ext"


@pytest.mark.parametrize(
    ("act", "failed"),
    [
        (dropped(f"{TO_SECOND} icmp type echo-request"), {"ping": "no-icmp-rule", "tcpdump": "no-icmp-rule"}),
        (dropped(f"{TO_SECOND} tcp dport 22"), {"ssh": "no-tcp-22"}),
        (
            dropped(f"{TO_SECOND} ct state new"),
            {"ping": "nothing-arrives", "ssh": "nothing-arrives", "tcpdump": "nothing-arrives"},
        ),
        (UNWIRED, {"ping": "not-wired", "ssh": "not-wired", "curl": "wrong-way-out", "tcpdump": "not-wired"}),
        (
            dropped(f"ip saddr {SECOND.address(4)} oifname ext ct direction reply"),
            dict.fromkeys(("ping", "ssh"), "port-security-drop"),
        ),
        (strict, {"ping": "rp-filter", "ssh": "rp-filter", "curl": "no-echo", "tcpdump": "rp-filter"}),
        (half_routed, dict.fromkeys(("ping", "ssh", "curl", "tcpdump"), "wrong-nic") | {"curl": "no-echo"}),
    ],
    ids=["no-icmp-rule", "no-tcp-22", "nothing-arrives", "not-wired", "port-security-drop", "rp-filter", "wrong-nic"],
)
def test_names_the_cause(site: Site, act: Callable[[Site], None], failed: dict[str, str]) -> None:
    site.cloud.guest.policy("apply")
    act(site)
    status, rows = site.rows()
    assert status == 1
    assert {key: each for key, each in rows.items() if each != ("ok", "")} == {
        ("p1", probe): ("FAILED", cause) for probe, cause in failed.items()
    }
    assert rows.keys() == RIGHT.keys()


def test_a_floating_ip_that_leads_elsewhere(site: Site) -> None:
    site.cloud.guest.policy("apply")
    swapped(site)
    status, rows = site.rows()
    assert status == 1
    assert rows["p0", "ssh"] == rows["p1", "ssh"] == ("FAILED", "wrong-server")


def test_without_a_login_only_the_outside_is_judged(site: Site, tmp_path: Path) -> None:
    site.cloud.guest.policy("apply")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    status, rows = site.rows(IDENTITY=str(tmp_path / "other"))
    assert status == 1
    assert {rows[port, "ssh"] for port in ("p0", "p1")} == {("FAILED", "login-refused")}
    assert {rows[port, probe] for port in ("p0", "p1") for probe in ("gateway", "curl", "tcpdump")} == {("not run", "no-login")}
    assert {rows[port, "ping"] for port in ("p0", "p1")} == {("ok", "")}


def test_python_stands_in_for_curl_and_tcpdump(site: Site) -> None:
    site.cloud.guest.policy("apply")
    # as on an image that has neither
    site.cloud.guest.sh(
        "mkdir /run/bin; for each in sh ip ping cat id ls grep head mktemp timeout rm python3; do"
        " ln -s $(command -v $each) /run/bin/$each; done;"
        " sed -i 's|^SetEnv.*|SetEnv PATH=/run/bin|' /etc/ssh/sshd_config"
    )
    site.cloud.guest.sh("ln -s $(command -v policy-routing || echo /usr/local/sbin/policy-routing) /run/bin/")
    log_in_again = site.cloud.guest.run("sh", "-c", "kill -HUP $(pidof sshd | tr ' ' '\\n' | tail -n 1)", check=False)
    assert log_in_again.returncode == 0
    status, rows = site.rows()
    assert (status, rows) == (0, RIGHT)
