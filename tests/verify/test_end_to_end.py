"""Runs `multiport verify` on a guest behind a router like Neutron's, with Debian's sshd, ping, curl and tcpdump."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.netns.topology import Cloud, Guest, Port
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

    def outputs(self) -> dict[str, Any]:
        """The outputs of a stack that has this guest as its only server."""
        return {
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

    def verify(self, outputs: Mapping[str, Any] | None = None, **environment: str) -> tuple[int, str]:
        options = {
            "SSH_USER": "root",
            "IDENTITY": str(self.identity),
            "ECHO_URL": self.echo_url,
            "SAMPLE": "6",
            "WAIT": "3",
            "OUTSIDE": f"nsenter --target {self.cloud.client.pid} --net --",
        }
        done = subprocess.run(
            [sys.executable, "-m", "multiport", "verify", "--outputs", "-"],
            input=json.dumps(outputs or self.outputs()),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **options, **environment},
            check=False,
        )
        print(done.stdout + done.stderr)
        return done.returncode, done.stdout

    def rows(self, **environment: str) -> tuple[int, dict[tuple[str, str], tuple[str, str]]]:
        """The exit status, and the result and cause by port and probe."""
        status, text = self.verify(None, **environment, FORMAT="json")
        found: list[dict[str, Any]] = json.loads(text)["rows"]
        return status, {(row["port"], row["probe"]): (row["result"], row["cause"]) for row in found}


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
    """Return a fault that changes the nftables rules of the router, as a fault of a cloud would."""

    def act(site: Site) -> None:
        site.cloud.router.run("nft", "-f", "-", text=text)

    return act


def dropped(rule: str) -> Callable[[Site], None]:
    chain = "type filter hook forward priority 0;"
    return nft(f"table ip cloud {{ chain forward {{\n{chain}\n{rule} drop\n}}\n}}")


def strict(site: Site) -> None:
    """Remove policy routing and set the strict reverse path filter that some distributions have."""
    site.cloud.guest.policy("down")
    site.cloud.guest.sh("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter")


def half_routed(site: Site) -> None:
    """Install rules for the second port with a table that leads out of the first NIC."""
    site.cloud.guest.policy("down")
    site.cloud.guest.ip(
        f"route add default via {SECOND.gateway(4)} dev eth0 table 1234\nrule add from {SECOND.address(4)} lookup 1234 pref 100\n"
    )


def swapped(site: Site) -> None:
    """Exchange the two floating IPs, so that each leads to the other port."""
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
        (strict, dict.fromkeys(("gateway", "ping", "ssh", "curl", "tcpdump"), "rp-filter")),
        (half_routed, dict.fromkeys(("ping", "ssh", "curl", "tcpdump"), "wrong-nic")),
    ],
    ids=["no-icmp-rule", "no-tcp-22", "nothing-arrives", "not-wired", "port-security-drop", "rp-filter", "wrong-nic"],
)
def test_names_the_cause(site: Site, act: Callable[[Site], None], failed: dict[str, str]) -> None:
    site.cloud.guest.policy("apply")
    act(site)
    status, rows = site.rows()
    assert status == 1
    assert {key: outcome for key, outcome in rows.items() if outcome != ("ok", "")} == {
        ("p1", probe): ("FAILED", cause) for probe, cause in failed.items()
    }
    assert rows.keys() == RIGHT.keys()


def test_a_floating_ip_that_leads_elsewhere(site: Site) -> None:
    site.cloud.guest.policy("apply")
    swapped(site)
    status, rows = site.rows()
    assert status == 1
    assert rows["p0", "ssh"] == rows["p1", "ssh"] == ("FAILED", "wrong-server")


def test_without_a_login_only_probes_from_outside_are_made(site: Site, tmp_path: Path) -> None:
    site.cloud.guest.policy("apply")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    status, rows = site.rows(IDENTITY=str(tmp_path / "other"))
    assert status == 1
    assert {rows[port, "ssh"] for port in ("p0", "p1")} == {("FAILED", "login-refused")}
    assert {rows[port, probe] for port in ("p0", "p1") for probe in ("gateway", "curl", "tcpdump")} == {("not run", "no-login")}
    assert {rows[port, "ping"] for port in ("p0", "p1")} == {("ok", "")}


def test_python_replaces_missing_curl_and_tcpdump(site: Site) -> None:
    site.cloud.guest.policy("apply")
    # The PATH of logins lacks both programs, as on some cloud images.
    programs = "sh bash ip ping cat id ls grep head mktemp timeout rm"
    site.cloud.guest.sh(f"mkdir /run/bin; for program in {programs}; do ln -s $(command -v $program) /run/bin/$program; done")
    site.cloud.guest.sh(f"ln -s {Path(sys.executable).resolve()} /run/bin/python3")
    site.cloud.guest.sh("sed -i 's|^SetEnv.*|SetEnv PATH=/run/bin|' /etc/ssh/sshd_config; kill -HUP $(pidof sshd)")
    status, rows = site.rows()
    assert (status, rows) == (0, RIGHT)


def test_a_server_without_floating_ip_is_reached_through_another_server(site: Site, tmp_path: Path) -> None:
    """Two servers have a network without a gateway in common, as in the guide's second topology."""
    site.cloud.guest.policy("apply")
    with Guest() as inner:
        site.cloud.guest.veth("eth2", inner, "eth0", "fa:16:3e:00:09:02")
        site.cloud.guest.ip("addr add 10.9.0.1/24 dev eth2\nlink set eth2 up\n")
        inner.ip("addr add 10.9.0.2/24 dev eth0\nlink set eth0 up\n")
        log_in(inner, tmp_path)
        outputs = site.outputs()
        net = {"fixed_ips": {"v4": "10.9.0.2"}, "floating_ips": {}, "mac_address": "fa:16:3e:00:09:02", "table": 21001.0}
        outputs["servers"]["inner"] = {"ports": {"net": net}, "commands": {}}
        status, text = site.verify(outputs)
    assert status == 0
    assert "inner   net   gateway  -                          ok      no gateway on eth0, none needed" in text
    assert text.splitlines()[-1] == "11 ok, 0 failed, 0 not run; 6 s sampled"


def test_a_server_without_floating_ip_is_reached_by_its_virtual_ip(site: Site) -> None:
    site.cloud.guest.policy("apply")
    outputs = site.outputs()
    for port in outputs["servers"]["web"]["ports"].values():
        port["floating_ips"] = {}
    outputs["virtual_ips"] = {"shared": {"ip_address": SECOND.address(4), "floating_ip": SECOND.floating_ip}}
    status, text = site.verify(outputs)
    assert status == 0
    assert "first after 0 s, held by web on eth1" in text
    assert text.splitlines()[-1] == "5 ok, 0 failed, 0 not run; 6 s sampled"
