"""One stack's life under faults: created, updated, replaced and destroyed again and again, something going wrong each time.

After each fault one of two treatments follows: `recover` (ours, then one update), or `plain` (`pulumi up` twice, which is what
people do). Then the stack is judged by what the cloud has.
"""

import copy
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from multiport.audit.audit import audit
from multiport.audit.state import State, read
from multiport.components import marks
from multiport.recover.actions import Action
from multiport.recover.pulumi_stack import PulumiStack
from multiport.recover.recovery import recover
from tests.engine.stack import Stack, UpdateError
from tests.faults import configurations
from tests.faults.proxy import Fault, Proxy, Request

OPERATIONS: Final = ("create", "update", "replace", "destroy")
STATUSES: Final = (409, 429, 500, 503)
PLANNED: Final = 6
"""Faults that wait for one operation; it meets those whose request it makes before it ends."""

KINDS: Final = {
    "create": (
        "POST neutron/v2.0/networks",
        "POST neutron/v2.0/subnets",
        "POST neutron/v2.0/routers",
        "PUT neutron/v2.0/routers/*/add_router_interface",
        "POST neutron/v2.0/security-groups",
        "POST neutron/v2.0/security-group-rules",
        "POST neutron/v2.0/ports",
        "PUT neutron/v2.0/ports/*/tags",
        "POST neutron/v2.0/floatingips",
        "PUT neutron/v2.0/floatingips/*",
        "POST nova/v2.1/servers",
        "POST nova/v2.1/servers/*/os-interface",
        "GET neutron/v2.0/ports/*",
        "GET neutron/v2.0/floatingips/*",
    ),
    "update": (
        "PUT neutron/v2.0/networks/*",
        "PUT neutron/v2.0/ports/*",
        "POST neutron/v2.0/ports",
        "POST neutron/v2.0/security-group-rules",
        "DELETE neutron/v2.0/security-group-rules/*",
        "POST neutron/v2.0/floatingips",
        "PUT neutron/v2.0/floatingips/*",
        "DELETE neutron/v2.0/floatingips/*",
        "POST nova/v2.1/servers/*/os-interface",
        "DELETE nova/v2.1/servers/*/os-interface/*",
        "POST nova/v2.1/servers/*/metadata",
        "GET neutron/v2.0/ports/*",
    ),
    "replace": (
        "DELETE nova/v2.1/servers/*",
        "POST nova/v2.1/servers",
        "POST nova/v2.1/servers/*/os-interface",
        "DELETE nova/v2.1/servers/*/os-interface/*",
        "GET nova/v2.1/servers/*",
    ),
    "destroy": (
        "DELETE nova/v2.1/servers/*",
        "DELETE neutron/v2.0/ports/*",
        "DELETE neutron/v2.0/floatingips/*",
        "PUT neutron/v2.0/floatingips/*",
        "PUT neutron/v2.0/routers/*/remove_router_interface",
        "DELETE neutron/v2.0/subnets/*",
        "DELETE neutron/v2.0/networks/*",
        "DELETE nova/v2.1/servers/*/os-interface/*",
    ),
}
"""Requests that meet faults, by operation."""


@dataclass
class Trial:
    """One operation with its faults, and how it ended.

    Attributes:
        operation: create, update, replace or destroy.
        treatment: recover or plain.
        faults: What was done to it, one text each.
        seconds: How long it took in all.
        wrong: What is wrong at the end; empty if nothing is.
        silent: Whether the last update said that all is well although something is wrong.
    """

    operation: str
    treatment: str
    faults: list[str] = field(default_factory=list)
    seconds: float = 0
    wrong: list[str] = field(default_factory=list)
    silent: bool = False

    def json(self) -> str:
        """As a line of the record."""
        return json.dumps(asdict(self))


class Loop:
    """A stack that goes through trials.

    Args:
        stack: The stack, whose environment leads through the proxy.
        proxy: The proxy.
        api: The cloud, without the proxy.
        choice: Where the random choices come from.
    """

    def __init__(self, stack: Stack, proxy: Proxy, api: Any, choice: random.Random) -> None:
        self.stack, self.proxy, self.api, self.choice = stack, proxy, api, choice
        self.config: dict[str, Any] | None = None
        stack.environment.update(proxy.environment)

    def next_operation(self) -> str:
        """What can be done to the stack as it is."""
        return "create" if self.config is None else self.choice.choice(("update", "update", "replace", "replace", "destroy"))

    def trial(self, operation: str, treatment: str, *, kill: bool) -> Trial:
        """Carry out one operation with faults, treat it, and judge it."""
        made = Trial(operation, treatment)
        started = time.monotonic()
        before = self._addresses()
        wanted = self._wanted(operation)
        process = self._start(operation)
        try:
            if kill:
                self._kill(process, operation, made)
            else:
                self._fail(process, made)
            said_well = self._recover(operation, made) if treatment == "recover" else self._plain(operation)
        finally:
            self.proxy.choose = lambda _: None
            _end_session(process.pid)
        self._judge(operation, before, said_well=said_well, made=made)
        self.config = wanted
        made.seconds = round(time.monotonic() - started, 1)
        if made.wrong:
            self._repair(operation)
        return made

    def _wanted(self, operation: str) -> dict[str, Any] | None:
        if operation == "destroy":
            return None
        config = configurations.base() if self.config is None else copy.deepcopy(self.config)
        if operation == "update":
            config = configurations.updated(config, self.choice)
        if operation == "replace":
            config = configurations.replaced(config, self.choice)
        self.stack.configure(config)
        return config

    def _command(self, operation: str) -> list[str]:
        verb = "destroy" if operation == "destroy" else "up"
        options = ["--yes", "--skip-preview", "--non-interactive", "--color", "never"]
        return [str(self.stack.pulumi), verb, "--stack", self.stack.name, *options]

    def _start(self, operation: str) -> subprocess.Popen[bytes]:
        """Begin the operation, in a session of its own, whose processes outlive a killed CLI."""
        self._plan(operation)
        log = (self.stack.folder / "up.log").open("wb")
        return subprocess.Popen(
            self._command(operation),
            cwd=self.stack.folder,
            env=self.stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _plan(self, operation: str) -> None:
        self._met: list[str] = []
        self._counts: dict[str, int] = {}
        self._planned: dict[tuple[str, int], Fault] = {}
        for _ in range(PLANNED):
            kind, number = self.choice.choice(KINDS[operation]), self.choice.randrange(1, 3)
            self._planned[kind, number] = self._fault(kind)

    def _fault(self, kind: str) -> Fault:
        after = self.choice.random() < 0.4 and not kind.startswith("GET")
        drawn = self.choice.random()
        if drawn < 0.2:
            return Fault(drop=True, after=after)
        if drawn < 0.3:
            return Fault(seconds=self.choice.uniform(2, 8))
        return Fault(status=self.choice.choice(STATUSES), after=after)

    def _choose(self, request: Request) -> Fault | None:
        kind = request.kind
        self._counts[kind] = self._counts.get(kind, 0) + 1
        fault = self._planned.pop((kind, self._counts[kind]), None)
        if fault is not None:
            did = f"{fault.status}" if fault.status else "connection dropped" if fault.drop else f"{fault.seconds:.0f} s late"
            self._met.append(f"{did}{' after the work was done' if fault.after else ''}: {kind} no. {self._counts[kind]}")
        return fault

    def _kill(self, process: subprocess.Popen[bytes], operation: str, made: Trial) -> None:
        """Kill the CLI, and nothing but it, after some number of requests that change something."""
        seen = len(self.proxy.changes())
        wanted = seen + self.choice.randrange(1, {"create": 26, "update": 12, "replace": 5, "destroy": 20}[operation])
        self.proxy.choose = self._choose
        deadline = time.monotonic() + 120
        while process.poll() is None and len(self.proxy.changes()) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(self.choice.uniform(0, 1.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            made.faults.append(f"CLI killed after {len(self.proxy.changes()) - seen} changing requests")
        process.wait()
        self.proxy.choose = lambda _: None
        made.faults += self._met

    def _fail(self, process: subprocess.Popen[bytes], made: Trial) -> None:
        self.proxy.choose = self._choose
        try:
            process.wait(timeout=240)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it waits for something that cannot come
            process.wait(timeout=120)
        self.proxy.choose = lambda _: None
        made.faults += self._met

    def _recover(self, operation: str, made: Trial) -> bool:
        """Ours: recover, then the operation once more."""

        def approve(_action: Action) -> bool:
            return True

        try:
            recovered = recover(self._pulumi(), approve, lambda _: None, self.api)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure of the recovery
            made.wrong.append(f"recover: {type(error).__name__}: {error}")
            return False
        made.wrong += [f"recover: {each}" for each in recovered.left]
        made.wrong += [
            f"after recover: {each.kind} {each.what} {each.name}: {each.problem}" for each in recovered.audited.findings
        ]
        return self._run(operation)

    def _plain(self, operation: str) -> bool:
        """What people do: the same again, twice; a lock is taken off, or nothing could go on at all."""
        subprocess.run(
            [str(self.stack.pulumi), "cancel", "--yes", "--stack", self.stack.name],
            cwd=self.stack.folder,
            env=self.stack.environment,
            capture_output=True,
            check=False,
        )
        self._run(operation)
        return self._run(operation)

    def _run(self, operation: str) -> bool:
        with (self.stack.folder / "again.log").open("ab") as log:
            try:
                answer = subprocess.run(
                    self._command(operation),
                    cwd=self.stack.folder,
                    env=self.stack.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                    timeout=300,
                )
            except subprocess.TimeoutExpired:
                return False
        return answer.returncode == 0

    def _judge(self, operation: str, before: Mapping[str, str], *, said_well: bool, made: Trial) -> None:
        wrong = list(made.wrong)
        if not said_well:
            wrong.append("the last command failed")
        findings = audit(self.state(), self.stack.environment, lambda _: None, self.api).findings
        wrong += [f"{each.kind} {each.what} {each.name}: {each.problem}" for each in findings]
        wrong += [f"left over: {each}" for each in self._left_over()]
        if operation != "destroy":
            after = self._addresses()
            wrong += [
                f"lost {each}: {address}, now {after[each]}"
                for each, address in before.items()
                if each in after and after[each] != address and not each.startswith("web/b/fixed")
            ]
            if said_well and not wrong:
                with suppress(UpdateError):
                    left = self.stack.preview()
                    wrong += [f"a second update would {step.op} {step.name}" for step in left]
        made.wrong = wrong
        made.silent = bool(wrong) and said_well

    def _addresses(self) -> dict[str, str]:
        """MACs, fixed and floating IPs of the stack's ports by key, those that the state knows."""
        found = {}
        known = self.state().ids
        ports = {each.id: each for each in self.api.network.ports(tags=[self._mark]) if each.id in known}
        for port in ports.values():
            tags = dict(tag.split("=", 1) for tag in port.tags if "=" in tag)
            key = f"{tags['multiport.owner']}/{tags.get('multiport.key')}"
            found[f"{key}/mac"] = port.mac_address
            found[f"{key}/fixed"] = ", ".join(sorted(each["ip_address"] for each in port.fixed_ips))
        for address in self.api.network.ips(tags=[self._mark]):
            if address.id in known:
                tags = dict(tag.split("=", 1) for tag in address.tags if "=" in tag)
                found[f"{tags['multiport.owner']}/{tags.get('multiport.key')}/floating"] = address.floating_ip_address
        return found

    def _left_over(self) -> list[str]:
        """Objects that are called as the stack calls its own and that its state does not know: the audit is not asked."""
        network, known, prefix = self.api.network, self.state().ids, f"{self.stack.name}-"
        lists = (network.ports, network.networks, network.subnets, network.routers, network.security_groups)
        found = [each for listed in lists for each in listed() if (each.name or "").startswith(prefix)]
        found += [each for each in network.ips() if (each.description or "").startswith(prefix)]
        found += [each for each in self.api.compute.servers() if each.name.startswith(prefix)]
        return [f"{type(each).__name__} {each.name} {each.id}" for each in found if each.id not in known]

    @property
    def _mark(self) -> str:
        return marks.stack_mark("multiport", self.stack.name)

    def state(self) -> State:
        """The stack's state now."""
        return read(self.stack._call("stack", "export").stdout, project="multiport", stack=self.stack.name)

    def _pulumi(self) -> PulumiStack:
        return PulumiStack(str(self.stack.pulumi), self.stack.folder, self.stack.name, self.stack.environment)

    def _repair(self, operation: str) -> None:
        """Bring the stack to where the next trial can begin, whatever it takes."""
        with suppress(Exception):
            recover(self._pulumi(), lambda _: True, lambda _: None, self.api)
        self._run(operation)
        if audit(self.state(), self.stack.environment, lambda _: None, self.api).findings:
            self.reset()

    def reset(self) -> None:
        """Delete everything of the stack by hand and forget its state."""
        network, compute = self.api.network, self.api.compute
        prefix = f"{self.stack.name}-"
        for server in compute.servers():
            if server.name.startswith(prefix):
                compute.delete_server(server)
                compute.wait_for_delete(server, wait=120)
        for address in network.ips():
            if (address.description or "").startswith(prefix):
                network.delete_ip(address)
        for router in network.routers():
            if router.name.startswith(prefix):
                for port in network.ports(device_id=router.id):
                    if "interface" in port.device_owner:
                        network.put(f"/routers/{router.id}/remove_router_interface", json={"port_id": port.id})
                network.delete_router(router)
        for listed, delete in (
            (network.ports, network.delete_port),
            (network.networks, network.delete_network),
            (network.security_groups, network.delete_security_group),
        ):
            for each in listed():
                if (each.name or "").startswith(prefix):
                    delete(each)
        empty = self.stack.folder / "empty.json"
        empty.write_text(json.dumps({"version": 3, "deployment": {"resources": []}}))
        self.stack._call("cancel", "--yes")
        self.stack._call("stack", "import", "--force", "--file", str(empty))
        self.config = None


def _end_session(leader: int) -> None:
    """End what a killed CLI has left behind, of the session that was made for it."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(process.name), signal.SIGKILL)
