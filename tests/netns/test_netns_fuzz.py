"""Random faults in random order: once all is quiet, check passes, every address answers, and nothing ever left wrongly.

``MULTIPORT_FUZZ_STEPS`` says how many steps there are at least.
"""

import math
import os
import re
import signal
import tempfile
import time
from functools import partial
from typing import IO, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.netns.namespace import Program, wait_until
from tests.netns.test_netns_foreign import add_foreign, foreign_state
from tests.netns.topology import CLIENT, Cloud, Port
from tests.netns.traffic import Sender

STEPS: Final = int(os.environ.get("MULTIPORT_FUZZ_STEPS", "500"))
STEPS_PER_RUN: Final = 50

PORTS: Final = [
    Port(0, 1, extra=("10.0.1.60/24", "2001:db8:1::60/64")),
    Port(1, 1, extra=("10.0.1.61/24", "10.0.1.71/32", "2001:db8:1::61/64")),
    Port(2, 2, extra=("10.0.2.62/24", "2001:db8:2::62/64")),
]
PORT = st.sampled_from(PORTS)
FAMILY = st.sampled_from([4, 6])
TOTAL = {"steps": 0}


class Faults(RuleBasedStateMachine):
    """A guest with a watch, three NICs, senders on every address, and other people's rules."""

    @initialize()
    def build(self) -> None:
        self.cloud = Cloud(PORTS)
        self.guest = self.cloud.guest
        self.names = {port.number: port.device for port in PORTS}
        self.senders: dict[int, Sender] = {}
        add_foreign(self.cloud)
        self.foreign = self.lasting()
        self.said: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in teardown
        self.watch = self.start()
        wait_until(self.guest.converged)
        for port in PORTS:
            self.send(port)

    def lasting(self) -> list[str]:
        """Other people's rules, and their routes but for those on the NICs, which go with the links."""
        ours = re.compile(r" dev (eth|nic|lo table 255)|^1 fe80::/64 ")
        return sorted(line for line in foreign_state(self.cloud).splitlines() if not ours.search(line))

    def start(self) -> Program:
        return self.guest.start("/usr/local/sbin/policy-routing", "watch", output=self.said)

    def send(self, port: Port) -> None:
        addresses = [port.address(4), port.address(6), *(extra.partition("/")[0] for extra in port.extra)]
        self.senders[port.number] = self.guest.call(partial(Sender, addresses, CLIENT, 0.003, stale=False))

    def plugged(self, port: Port) -> bool:
        return port.number in self.senders

    def device(self, port: Port) -> str:
        return self.names[port.number]

    def attempt(self, lines: str, version: int = 4) -> None:
        """Do what may be impossible in the state that the faults before have left."""
        self.guest.run("ip", f"-{version}", "-force", "-batch", "-", text=lines + "\n", check=False)

    def step(self) -> None:
        TOTAL["steps"] += 1

    # --- links

    @rule(port=PORT, configured=st.booleans())
    def admin_flap(self, port: Port, configured: bool) -> None:
        self.step()
        if self.plugged(port):
            self.attempt(f"link set {self.device(port)} down\nlink set {self.device(port)} up")
            if configured:
                self.cloud.configure(port, self.device(port))

    @rule(port=PORT)
    def carrier_flap(self, port: Port) -> None:
        self.step()
        if self.plugged(port):
            self.cloud.router.ip(f"link set {port.tap} down\nlink set {port.tap} up\n")

    @rule(port=PORT, number=st.integers(0, 9))
    def rename(self, port: Port, number: int) -> None:
        self.step()
        if self.plugged(port) and (name := f"nic{port.number}x{number}") != self.device(port):
            self.attempt(f"link set {self.device(port)} down\nlink set {self.device(port)} name {name}\nlink set {name} up")
            self.names[port.number] = name
            self.cloud.configure(port, name)

    @rule(port=PORT, mtu=st.sampled_from([1280, 1400, 1500]), group=st.sampled_from([0, 7, 21000]))
    def link_attributes(self, port: Port, mtu: int, group: int) -> None:
        self.step()
        self.attempt(f"link set {self.device(port)} mtu {mtu} group {group}")

    @rule(port=st.sampled_from(PORTS[1:]))
    def unplug(self, port: Port) -> None:
        self.step()
        if self.plugged(port):
            self.senders.pop(port.number).stop()
            self.settled_spoofs()
            self.cloud.unplug(port)

    @rule(port=PORT)
    def plug(self, port: Port) -> None:
        self.step()
        if not self.plugged(port):
            self.cloud.plug(port)
            self.names[port.number] = port.device
            # Until it is taken in, within a blink of its link event, nobody can know its subnet and fence it.
            wait_until(lambda: f"from {port.address(4)} unreachable" in self.guest.sh("ip rule"))
            wait_until(lambda: f"from {port.address(6)} unreachable" in self.guest.sh("ip -6 rule"))
            self.send(port)

    # --- addresses

    @rule(port=PORT, data=st.data())
    def add_address(self, port: Port, data: st.DataObject) -> None:
        self.step()
        cidr = data.draw(st.sampled_from(port.extra))
        version = 6 if ":" in cidr else 4
        self.attempt(f"addr add {cidr} dev {self.device(port)}{' nodad' if version == 6 else ''}", version)

    @rule(port=PORT, data=st.data())
    def delete_address(self, port: Port, data: st.DataObject) -> None:
        self.step()
        cidr = data.draw(st.sampled_from((*port.extra, port.cidr(4), port.cidr(6))))
        self.attempt(f"addr del {cidr} dev {self.device(port)}", 6 if ":" in cidr else 4)

    @rule(port=PORT, version=FAMILY)
    def lose_lease_and_get_it_back(self, port: Port, version: int) -> None:
        self.step()
        if self.plugged(port):
            self.attempt(f"addr flush dev {self.device(port)} scope global", version)
            self.cloud.configure(port, self.device(port))

    @rule(ports=st.sets(st.sampled_from([0, 1, 2])))
    def metadata(self, ports: set[int]) -> None:
        """The ports in the set are to have their further addresses, the others not."""
        self.step()
        records = {}
        for port in PORTS:
            extra = port.extra if port.number in ports else ()
            v4 = [port.cidr(4), *(cidr for cidr in extra if ":" not in cidr)]
            v6 = [port.cidr(6), *(cidr for cidr in extra if ":" in cidr)]
            records[f"multiport.port.p{port.number}"] = port.metadata(v4=v4, v6=v6)
        self.cloud.metadata(records)
        self.guest.sh("echo told 1<>/run/policy-routing/events")

    # --- routes and rules

    @rule(port=PORT, version=FAMILY)
    def flush_table(self, port: Port, version: int) -> None:
        self.step()
        self.attempt(f"route flush table {port.table}", version)

    @rule(port=PORT, version=FAMILY, metric=st.sampled_from([1, 40, 60, 100, 5000]))
    def main_default(self, port: Port, version: int, metric: int) -> None:
        self.step()
        self.attempt(f"route add default via {port.gateway(version)} dev {self.device(port)} metric {metric}", version)

    @rule(port=PORT, version=FAMILY)
    def delete_main_default(self, port: Port, version: int) -> None:
        self.step()
        self.attempt(f"route del default dev {self.device(port)}", version)

    @rule(port=PORT, version=FAMILY, offset=st.integers(0, 5))
    def delete_rule(self, port: Port, version: int, offset: int) -> None:
        self.step()
        self.attempt(f"rule del pref {21000 + 16 * port.slot + offset}", version)

    @rule(version=FAMILY, offset=st.integers(0, 2))
    def delete_rule_behind(self, version: int, offset: int) -> None:
        self.step()
        # The net below all others: an address that has no rules of its own yet while it is away is two faults at once.
        self.settle()
        self.attempt(f"rule del pref {29192 + offset}", version)
        self.settle()

    @rule(port=PORT, version=FAMILY, kind=st.sampled_from(["blackhole", "unreachable", "prohibit"]))
    def stray_route(self, port: Port, version: int, kind: str) -> None:
        self.step()
        self.attempt(
            f"route add {kind} {'198.51.100.0/24' if version == 4 else '2001:db8:ffff::/48'} table {port.table}", version
        )

    @rule(port=PORT, version=FAMILY, priority=st.integers(21016, 29200))
    def stray_rule(self, port: Port, version: int, priority: int) -> None:
        self.step()
        source = "192.0.2.77" if version == 4 else "2001:db8:77::77"
        self.attempt(f"rule add from {source} lookup {port.table} pref {priority}", version)

    @rule(port=PORT, knob=st.sampled_from(["arp_ignore", "arp_announce", "rp_filter"]), value=st.integers(0, 1))
    def sysctl(self, port: Port, knob: str, value: int) -> None:
        self.step()
        # The watch hears of it with the next event, or from the check timer.
        self.guest.sh(
            f"echo {value} >/proc/sys/net/ipv4/conf/{self.device(port)}/{knob} || :; echo told 1<>/run/policy-routing/events"
        )

    # --- the watch

    @rule(how=st.sampled_from([signal.SIGTERM, signal.SIGKILL]))
    def restart_watch(self, how: signal.Signals) -> None:
        self.step()
        self.watch.stop(how)
        self.watch = self.start()

    @rule()
    def apply_beside_the_watch(self) -> None:
        self.step()
        self.guest.start("/usr/local/sbin/policy-routing", "apply")

    # --- quiet

    def settle(self) -> None:
        start = time.monotonic()
        while (checked := self.guest.policy("check", check=False)).returncode:
            assert time.monotonic() - start < 30, checked.stdout + checked.stderr
            time.sleep(0.05)

    def everything(self) -> str:
        """What one wants to see of guest and router when an address does not answer."""
        look = "ip addr; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; ip neigh; ip -6 neigh"
        return self.guest.sh(look) + self.cloud.router.sh("ip -br link; ip neigh; ip -6 neigh; bridge link 2>/dev/null || :")

    def settled_spoofs(self) -> None:
        assert not any(self.cloud.spoofed().values()), f"{self.cloud.dropped()}\n{self.everything()}"

    @rule()
    def quiet(self) -> None:
        self.step()
        here = [port for port in PORTS if self.plugged(port)]
        for port in here:
            self.cloud.configure(port, self.device(port))
        assert self.watch.status() is None
        self.settle()
        addresses = [address for port in here for address in (port.floating_ip, port.address(6))]
        every = dict.fromkeys(addresses, 2)
        start = time.monotonic()
        while (answered := self.cloud.pings(2, addresses)) != every:
            assert time.monotonic() - start < 30, f"{answered}\n{self.everything()}"
        self.settle()
        self.settled_spoofs()
        assert self.lasting() == self.foreign
        listed = self.guest.sh("ip rule; ip -6 rule").splitlines()
        assert "detached" not in "".join(line for line in listed if line.startswith("2"))

    def teardown(self) -> None:
        if not hasattr(self, "cloud"):
            return
        try:
            self.quiet()
            self.guest.policy("down")
            left = self.guest.sh("ip rule; ip -6 rule; ip route show table all").splitlines()
            ours = [line for line in left if re.search(r"proto 77|^2\d{4}:.* unreachable", line)]
            assert ours == ["30000:\tfrom 192.0.2.9 lookup 53 proto 77"]
        finally:
            for sender in self.senders.values():
                sender.stop()
            self.cloud.__exit__()
            self.said.seek(0)
            print(self.said.read())
            self.said.close()


def test_faults_in_random_order() -> None:
    while (left := STEPS - TOTAL["steps"]) > 0:  # runs may be shorter than they are allowed to be
        run_state_machine_as_test(
            Faults,
            settings=settings(
                max_examples=math.ceil(left / STEPS_PER_RUN),
                stateful_step_count=STEPS_PER_RUN,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                # The kernel's time is not ours to replay: a failure is told as it was, not looked for again.
                phases=[Phase.generate],
                report_multiple_bugs=False,
                database=None,
            ),
        )
    print(f"{TOTAL['steps']} steps")
