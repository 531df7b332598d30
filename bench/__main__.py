"""Runs ``make bench``: compares policy-routing with the guide's script and with the minimum of work, and measures its times.

All ratios come from one run on one machine. Each round runs every variant once, and the best time of each variant is compared,
because other load on the machine can only add time. It needs root, ip and nft, like tests/netns.
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.netns.namespace import Program, wait_until
from tests.netns.topology import Cloud, Port

FIRST_TO_GUIDE: Final = {2: 0.8, 4: 0.8, 8: 0.2, 16: 0.2}
FIRST_TO_LIMIT: Final = 1.2
LIMIT_NICS: Final = 8
NOOP_TO_INTERPRETER: Final = 1.5
REPAIR_SECONDS: Final = 0.3
FOREIGN_ROUTES: Final = 60_000
FOREIGN_ADDRESSES: Final = 2_000
RULE_MEDIAN_MS: Final = 5
RULE_WORST_MS: Final = 50
IDLE_WAKEUPS: Final = 0
STORM_CPU: Final = 0.01
MEMORY_MB: Final = 12
STORM_EVENTS_PER_MINUTE: Final = 10_000
QUIET_PROCESSES: Final = 1
"""The watch alone; while it asks for metadata there are more."""

SCRIPT: Final = "/usr/local/sbin/policy-routing"
DUMPS: Final = "ip addr show; ip rule show; ip route show table all"
INTERPRETER: Final = "/usr/bin/python3 -IS -c pass"


@dataclass(frozen=True)
class Target:
    """A measured value with its limit."""

    name: str
    value: float
    at_most: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the value is within its limit."""
        return self.value <= self.at_most

    def __str__(self) -> str:
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict}  {self.name}: {self.value:.2f}{self.unit} (at most {self.at_most:g}{self.unit})"


def guides_script(cloud: Cloud) -> str:
    """Return the guide's script for every NIC but the first, including the metadata route that it copies."""
    lines = []
    for number, port in enumerate(cloud.ports[1:], start=1):
        tail = f"dev {port.device} proto dhcp src {port.address(4)} metric {100 + port.number}"
        link = f"{port.subnet_cidr(4)} dev {port.device} proto kernel scope link src {port.address(4)}"
        lines += [
            f"ip route add default via {port.gateway(4)} {tail} table {number}",
            f"ip route add 169.254.169.254 via {port.gateway(4)} {tail} table {number}",
            f"ip route add {link} metric {100 + port.number} table {number}",
            f"ip route del default via {port.gateway(4)} dev {port.device}",
            f"ip route del 169.254.169.254 via {port.gateway(4)} dev {port.device}",
            f"ip route del {link}",
            f"ip rule add from {port.address(4)}/32 lookup {number}",
            f"ip rule add oif {port.device} table {number}",
            f"ip rule add iif {port.device} table {number}",
        ]
    return "#!/bin/bash\n" + "\n".join(lines) + "\n"


def guides_undo(cloud: Cloud) -> str:
    """Return commands that undo the guide's script. The guide itself has none."""
    lines = []
    for number, port in enumerate(cloud.ports[1:], start=1):
        lines += [f"ip rule del lookup {number}" for _ in range(3)]
        lines += [
            f"ip route flush table {number}",
            f"ip route add {port.subnet_cidr(4)} dev {port.device} proto kernel scope link src {port.address(4)}",
            f"ip route add default via {port.gateway(4)} dev {port.device} proto 16 metric {100 + port.number}",
            metadata_route(port),
        ]
    return "\n".join(lines)


def metadata_route(port: Port) -> str:
    """Return the route to the metadata service that Neutron's DHCP gives each port."""
    return f"ip route add 169.254.169.254 via {port.gateway(4)} dev {port.device} proto 16 metric {100 + port.number}"


def least(cloud: Cloud) -> str:
    """Return a script with the minimum of work of an apply: start bash, make three dumps, run the same operations in batches."""
    told = cloud.guest.policy("apply", "--dry-run").stdout
    lines = ["#!/bin/bash", f"{{ {DUMPS}; }} >/dev/null"]
    for family in ("4", "6"):
        batch = re.findall(rf"^ip (?:-{family} )?((?!-).*)$", told, re.MULTILINE)
        if batch:
            lines += [f"ip -{family} -batch - <<'END'", *batch, "END"]
    lines += [f"echo {value} >/proc/sys/{path}" for path, value in re.findall(r"^sysctl -w (\S+)=(\d+)$", told, re.MULTILINE)]
    return "\n".join(lines) + "\n"


def milliseconds(cloud: Cloud, command: str) -> float:
    """Return the time of one run of a command inside the guest, without the time to enter the guest."""
    timed = f"s=${{EPOCHREALTIME/./}}; {{ {command}; }} >/dev/null; e=${{EPOCHREALTIME/./}}; echo $((e - s))"
    return int(cloud.guest.run("bash", "-c", timed).stdout) / 1000


def applies(nics: int, families: tuple[int, ...], rounds: int) -> list[Target]:
    """Compare the first apply and an apply that has nothing to do with their alternatives."""
    with Cloud([Port(number, 1 + number) for number in range(nics)], families=families) as cloud:
        guest = cloud.guest
        for port in cloud.ports:
            guest.sh(metadata_route(port))
        guest.write("/usr/local/sbin/guide", guides_script(cloud), mode="755")
        guest.write("/usr/local/sbin/guide-undo", "#!/bin/bash\n" + guides_undo(cloud), mode="755")
        guest.write("/usr/local/sbin/least", least(cloud), mode="755")
        took: dict[str, list[float]] = {name: [] for name in ("first", "guide", "least", "no-op", "python")}
        for _ in range(rounds):
            took["first"].append(milliseconds(cloud, f"{SCRIPT} apply"))
            guest.policy("apply")
            took["no-op"].append(milliseconds(cloud, f"{SCRIPT} apply"))
            took["python"].append(milliseconds(cloud, INTERPRETER))
            guest.policy("down")
            took["least"].append(milliseconds(cloud, "/usr/local/sbin/least"))
            guest.policy("apply")
            guest.policy("down")
            if families == (4,):
                took["guide"].append(milliseconds(cloud, "/usr/local/sbin/guide"))
                guest.sh("/usr/local/sbin/guide-undo")
    best = {name: min(times, default=float("nan")) for name, times in took.items()}
    print(
        f"  {nics:>3} {'IPv4' if families == (4,) else 'both':>5}"
        + "".join(f"{best[name]:>9.1f}" for name in ("first", "guide", "least", "no-op", "python"))
        + f"{best['first'] / best['guide']:>9.2f}{best['first'] / best['least']:>9.2f}{best['no-op'] / best['python']:>9.2f}"
    )
    targets = [
        Target(f"no-op apply to an empty interpreter, {nics} NICs", best["no-op"] / best["python"], NOOP_TO_INTERPRETER, " times")
    ]
    if families == (4,):
        targets.append(
            Target(
                f"first apply to the guide's script, {nics} NICs", best["first"] / best["guide"], FIRST_TO_GUIDE[nics], " times"
            )
        )
    if nics == LIMIT_NICS:
        targets.append(
            Target(
                f"first apply to the least, {nics} NICs, IPv{'+'.join(map(str, families))}",
                best["first"] / best["least"],
                FIRST_TO_LIMIT,
                " times",
            )
        )
    return targets


FAULTS: Final = {
    "rule deleted": ("ip rule del pref 21594", "ip rule | grep -q ^21594:"),
    "table flushed": ("ip route flush table 21053", "ip route show table 21053 | grep -q default"),
    "IPv6 table flushed": ("ip -6 route flush table 21053", "ip -6 route show table 21053 | grep -q default"),
    "pinned default deleted": ("ip route del default metric 50", "ip route show default | grep -q 'metric 50'"),
    "link down and up": (
        "ip link set eth1 down; ip link set eth1 up; ip route add default via 10.0.1.1 dev eth1 metric 101",
        "ip route show table 21053 | grep -q default",
    ),
    "address added": ("ip addr add 10.0.1.99/24 dev eth1", "ip rule | grep -q 'from 10.0.1.99 unreachable'"),
}


def repairs(rounds: int) -> list[Target]:
    """Measure the time from a fault to its repair, both in the same shell."""
    worst = 0.0
    print("\nRepair, milliseconds      median   worst")
    with Cloud([Port(0, 1), Port(1, 1), Port(2, 2)]) as cloud, cloud.guest.watching():
        for name, (fault, mended) in FAULTS.items():
            took = []
            for _ in range(rounds):
                time.sleep(0.7)
                took.append(milliseconds(cloud, f"{fault}; until {mended}; do :; done"))
                cloud.guest.sh("ip addr del 10.0.1.99/24 dev eth1 2>/dev/null || :")
            print(f"  {name:<22}{statistics.median(took):>9.0f}{max(took):>8.0f}")
            worst = max(worst, *took)
    return [Target("slowest repair", worst / 1000, REPAIR_SECONDS, " s")]


def repairs_beside_others(rounds: int) -> list[Target]:
    """Time until a deleted rule is back beside a routing daemon's routes and a load balancer's addresses."""
    with Cloud([Port(0, 1), Port(1, 1), Port(2, 2)]) as cloud:
        cloud.guest.ip("link add foreign0 type bridge\nlink set foreign0 up\n")
        routes = (f"100.{64 + number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(FOREIGN_ROUTES))
        cloud.guest.ip("".join(f"route add {address}/32 dev foreign0\n" for address in routes))
        addresses = (f"10.77.{number // 256}.{number % 256}" for number in range(FOREIGN_ADDRESSES))
        cloud.guest.ip("".join(f"addr add {address}/32 dev foreign0\n" for address in addresses))
        with cloud.guest.watching() as watch:
            took = []
            before = cloud.spoofed()
            for _ in range(rounds):
                time.sleep(0.7)
                took.append(milliseconds(cloud, "ip rule del pref 21594; until ip rule show pref 21594 | grep -q .; do :; done"))
            least_time = milliseconds(cloud, "ip rule show pref 21594 | grep -q .")
            # the shell's own time to ask is not the repair's
            net = [max(0.0, each - 2 * least_time) for each in took]
            memory = sum(
                map(int, re.findall(r"^Pss:\s+(\d+)", Path(f"/proc/{watch.pid}/smaps_rollup").read_text(), re.MULTILINE))
            )
            leaked = sum(cloud.spoofed().values()) - sum(before.values())
    print(
        f"\nBeside {FOREIGN_ROUTES:,} routes and {FOREIGN_ADDRESSES:,} addresses: rule back after {statistics.median(net):.1f} ms"
    )
    return [
        Target("deleted rule back, median", statistics.median(net), RULE_MEDIAN_MS, " ms"),
        Target("deleted rule back, worst", max(net), RULE_WORST_MS, " ms"),
        Target("leaked packets", leaked, 0),
        Target("memory of the watch (PSS)", memory / 1024, MEMORY_MB, " MB"),
    ]


def family_tree(watch: Program) -> list[int]:
    """Return the pids of the watch and of its descendants."""
    tree = [watch.pid]
    for pid in tree:
        # A process that has just ended has no children.
        with suppress(FileNotFoundError):
            tree += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
    return tree


def used(watch: Program) -> tuple[float, int]:
    """Return the seconds of CPU, including those of finished children, and the number of voluntary context switches."""
    seconds, switches = 0.0, 0
    for pid in family_tree(watch):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        switches += int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[0])
    return seconds, switches


@contextmanager
def quiet_watch() -> Iterator[tuple[Cloud, Program]]:
    """Yield a watch that is idle: its requests to the metadata service have had no answer, and it has stopped repeating them."""
    with Cloud([Port(0, 1), Port(1, 1), Port(2, 2)]) as cloud:
        cloud.guest.ip("link add docker0 type bridge\nlink set docker0 up\naddr add 172.17.0.1/16 dev docker0\n")
        with cloud.guest.watching() as watch:
            wait_until(lambda: cloud.guest.sh("pgrep --full 'policy-routing watch$' | wc -l").strip() == str(QUIET_PROCESSES), 60)
            time.sleep(2)
            yield cloud, watch


def storm(cloud: Cloud, seconds: float) -> int:
    """Add and delete routes of other programs at the rate of the target, in the main table and in a foreign table."""
    events, per_batch = 0, 20
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        verb = "add" if events // per_batch % 2 == 0 else "del"
        where = [f"10.{200 + number}.0.0/16 dev docker0{' table 4242' if number % 2 else ''}" for number in range(per_batch)]
        cloud.guest.ip("".join(f"route {verb} {route}\n" for route in where))
        events += per_batch
        time.sleep(max(0.0, events / (STORM_EVENTS_PER_MINUTE / 60) - now))
    return events


def watching(seconds: float) -> list[Target]:
    """Measure the watch while it is idle and while other programs change many routes."""
    with quiet_watch() as (cloud, watch):
        before = used(watch)
        time.sleep(seconds)
        idle = used(watch)
        events = storm(cloud, seconds)
        stormy = used(watch)
        cloud.guest.policy("check")
    wakeups, cpu = idle[1] - before[1], (stormy[0] - idle[0]) / seconds
    print(f"\nWatch, {seconds:g} s each: idle {wakeups} wakeups and {idle[0] - before[0]:.2f} s of CPU;")
    print(f"  under {events / seconds * 60:.0f} foreign route events a minute {cpu:.1%} of a core")
    return [Target("wakeups while idle", wakeups, IDLE_WAKEUPS), Target("CPU in the storm", 100 * cpu, 100 * STORM_CPU, " %")]


def main() -> int:
    """Run all benchmarks and print the targets. Return 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--nics", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path, help="also write the targets to this file")
    options = parser.parse_args()
    if os.geteuid():
        print("nothing was measured: namespaces need root")
        return 1
    print("Apply, milliseconds (best of the rounds)                              first to  first to  no-op to")
    print(" NICs  IP    first    guide    least    no-op   python    guide    least   python")
    targets: list[Target] = []
    for nics in options.nics:
        for families in ((4,), (4, 6)):
            targets += applies(nics, families, options.rounds)
    targets += repairs(options.rounds)
    targets += repairs_beside_others(options.rounds)
    targets += watching(options.seconds)
    print("\n" + "\n".join(map(str, targets)))
    if options.json:
        options.json.write_text(
            json.dumps([{"name": t.name, "value": t.value, "at_most": t.at_most, "met": t.met} for t in targets], indent=1)
        )
    return 0 if all(target.met for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
