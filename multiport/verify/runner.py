"""Carries the probes out: ping and ssh from outside, and by ssh what the guests themselves are asked."""

import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from shlex import join

from multiport.verify import guest, readings
from multiport.verify.plan import Plan, Server
from multiport.verify.readings import Login, Look
from multiport.verify.verdict import REFUSED, Inside, Outside

LOGINS = 3
"""Logins by each address, spread over the sample."""
CAPTURE_SECONDS = 12
SSH_FAILED = 255
"""ssh's own status, which no script of ours has."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to probe.

    Attributes:
        outside: Command that runs another one where the outside world is; empty: right here.
        identity: File of the private key; empty: ssh's own choice.
        seconds: How long each address is sampled.
        wait: How long an address may take to answer at all. Where it is long, the guests are slow, and logins take longer too.
    """

    outside: tuple[str, ...] = ()
    identity: str = ""
    seconds: int = 60
    wait: int = 120


@dataclass(frozen=True, slots=True)
class Way:
    """A way into a guest."""

    login: str
    address: str
    through: "Way | None" = None
    """Another guest, on a network of this one's."""


class Runner:
    """One verification."""

    def __init__(self, plan: Plan, options: Options, say: Say, known_hosts: Path) -> None:
        """Get ready.

        Args:
            plan: What to verify.
            options: How.
            say: Takes progress.
            known_hosts: File for the host keys that are seen in this run.
        """
        self._plan, self._options, self._say, self._known_hosts = plan, options, say, known_hosts
        self._until = time.monotonic() + options.wait
        self._ways: dict[str, list[Way]] = {server.name: self._direct(server) for server in plan.servers}

    def run(self) -> tuple[dict[str, Outside], dict[str, Inside | None]]:
        """Wait for the addresses to answer, look into the guests, then sample everything at once."""
        addresses = self._plan.outside
        with ThreadPoolExecutor(max_workers=3 * len(addresses) + 4 * len(self._plan.servers) + 1) as pool:
            self._say(f"waiting up to {self._options.wait} s for {len(addresses)} addresses to answer")
            first = dict(zip(addresses, pool.map(self._first_answer, addresses), strict=True))
            self._say("looking into the guests")
            looks = dict(zip(self._ways, pool.map(self._look, self._plan.servers), strict=True))
            for server in self._plan.servers:
                if looks[server.name] is None and not server.outside:
                    looks[server.name] = self._look_through(server, looks)
            self._say(f"sampling for {self._options.seconds} s")
            pings = [pool.submit(self._pings, address) for address in addresses]
            logins = [pool.submit(self._logins, address, self._user(address, looks)) for address in addresses]
            guests = {server.name: pool.submit(self._inside, server, looks[server.name]) for server in self._plan.servers}
            outside = {
                address: Outside(ping.result(), first[address], login.result())
                for address, ping, login in zip(addresses, pings, logins, strict=True)
            }
            return outside, {name: each.result() for name, each in guests.items()}

    def _first_answer(self, address: str) -> float | None:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < self._options.wait:
            if readings.pings(self._outside(["ping", "-n", "-c", "1", "-W", "1", address], 10)).received:
                return passed
            time.sleep(1)
        return None

    def _pings(self, address: str) -> readings.Pings:
        seconds = self._options.seconds
        # without -w, which would end the sample at the first "unreachable" on the way
        command = ["ping", "-n", "-i", "1", "-c", str(seconds), "-W", "2", address]
        return readings.pings(self._outside(command, seconds + 10))

    def _user(self, address: str, looks: Mapping[str, Look | None]) -> str:
        """Who logs in by an address: the user of the server that it belongs to, or that holds it."""
        virtual = {each.floating_ip: each.ip_address for each in self._plan.virtual_ips}.get(address)
        for server in self._plan.servers:
            look = looks[server.name]
            held = [str(each.ip) for addresses in look.addresses.values() for each in addresses] if look else []
            if address in server.outside or virtual in held:
                return next((way.login for way in self._ways[server.name]), server.logins[0])
        return self._plan.servers[0].logins[0]

    def _logins(self, address: str, user: str) -> tuple[Login, ...]:
        found = []
        for attempt in range(LOGINS):
            if attempt:
                time.sleep(max(0, self._options.seconds / LOGINS - 1))
            status, output = self._ssh(Way(user, address), guest.LOGIN)
            found.append(readings.login(output) if status == 0 else Login(done=False, says=readings.last_line(output)))
        return tuple(found)

    def _direct(self, server: Server) -> list[Way]:
        return [Way(login, address) for login in server.logins for address in server.outside]

    def _look(self, server: Server) -> Look | None:
        """Look into a guest by the first way that leads there; one that boots may answer pings long before it lets anyone in."""
        for attempt in count():
            refused = True
            for way in self._ways[server.name]:
                status, output = self._ssh(way, guest.LOOK)
                found = readings.look(output) if status == 0 else None
                # an address may lead to another server than the outputs say, and a virtual one does
                if found is not None and any(port.mac in found.nics for port in server.ports):
                    ways = [each for each in self._ways[server.name] if each.login == way.login and each != way]
                    self._ways[server.name] = [way, *ways]  # the first to be asked from now on
                    return found
                refused = refused and REFUSED in output
            if attempt and (refused or time.monotonic() > self._until):
                return None
            time.sleep(1)
        return None

    def _look_through(self, server: Server, looks: Mapping[str, Look | None]) -> Look | None:
        """Look into a server that the world does not reach: through one on a network of its own, or by a virtual address."""
        own = [IPv4Address(each.fixed_ip) for port in server.ports for each in port.addresses]
        for name, look in looks.items():
            if look is None or not self._ways[name]:
                continue
            near = [interface.network for interfaces in look.addresses.values() for interface in interfaces]
            through = self._ways[name][0]
            self._ways[server.name] += [
                Way(login, str(address), through)
                for login in server.logins
                for address in own
                if any(address in network for network in near)
            ]
        self._ways[server.name] += [
            Way(login, str(address), Way(login, each.floating_ip))
            for each in self._plan.virtual_ips
            for login in server.logins
            for address in own
        ]
        return self._look(server)

    def _inside(self, server: Server, look: Look | None) -> Inside | None:
        if look is None:
            return None
        nics = [look.nics[port.mac] for port in server.ports if port.mac in look.nics]
        time.sleep(min(2, self._options.seconds / 10))  # the sample has begun
        seconds = min(CAPTURE_SECONDS, max(4, self._options.seconds - 4))
        captured = readings.echoes(self._ask(server, guest.capture(nics, seconds), seconds + 30))
        gateways = {}
        curls = {}
        for port in server.ports:
            nic = look.nics.get(port.mac)
            gateway = None if nic is None else look.gateway(nic, port.mac, port.table)
            if nic is not None and gateway is not None:
                answers = readings.pings(self._ask(server, guest.ping_gateway(nic, gateway), 30))
                gateways[port.key] = (gateway, answers)
            held = [] if nic is None else [str(each.ip) for each in look.addresses.get(nic, ())]
            for address in port.addresses:
                if address.outside is not None and address.fixed_ip in held:
                    curls[address.fixed_ip] = self._curl(server, address.fixed_ip)
        return Inside(look, captured, gateways, curls)

    def _curl(self, server: Server, address: str) -> str:
        said = ""
        for _ in range(2):
            lines = self._ask(server, guest.curl(address, server.echo_url), 40).strip().splitlines()
            said = lines[-1] if lines else ""
            if said and ":" not in said:
                return said
        return said

    def _ask(self, server: Server, script: str, timeout: int) -> str:
        output = ""
        for way in [*self._ways[server.name], *self._ways[server.name][:1]]:
            status, output = self._ssh(way, script, timeout)
            if status != SSH_FAILED:
                break
        return output

    def _ssh(self, way: Way, script: str, timeout: int = 0) -> tuple[int, str]:
        # a guest that boots opens a session slowly, and says nothing meanwhile; at this LogLevel ssh gives up without a word
        command = [*self._client(), "-o", f"ServerAliveInterval={max(5, self._options.wait // 24)}"]
        if way.through is not None:
            proxy = [*self._client(), "-W", "%h:%p", "-l", way.through.login, "--", way.through.address]
            # the same private address may be another server's behind another one
            alias = f"{way.address}.behind.{way.through.address}"
            command += ["-o", f"ProxyCommand={join(proxy)}", "-o", f"HostKeyAlias={alias}"]
        command += ["-l", way.login, "--", way.address, "sh -s"]
        return self._call(command, timeout or max(30, self._options.wait // 4), script)

    def _client(self) -> list[str]:
        # A verified server is often a new one on an old address, so a key from before proves nothing; one that was seen in this
        # run is kept for it. Whatever the user's own configuration forwards to hosts that it knows is not forwarded to these.
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self._known_hosts}",
            "GlobalKnownHostsFile=/dev/null",
            "HashKnownHosts=no",
            "UpdateHostKeys=no",
            "ForwardAgent=no",
            "ForwardX11=no",
            "ForwardX11Trusted=no",
            "ClearAllForwardings=yes",
            "Tunnel=no",
            "PermitLocalCommand=no",
            "GSSAPIDelegateCredentials=no",
            "ControlMaster=no",
            "ControlPath=none",
            "LogLevel=ERROR",
            f"ConnectTimeout={max(10, self._options.wait // 12)}",
        ]
        words = ["ssh", *(word for option in options for word in ("-o", option))]
        return [*words, "-o", "IdentitiesOnly=yes", "-i", self._options.identity] if self._options.identity else words

    def _outside(self, command: list[str], timeout: int) -> str:
        return self._call(command, timeout)[1]

    def _call(self, command: list[str], timeout: int, text: str = "") -> tuple[int, str]:
        """Run a command where the outside world is. Returns its status, `SSH_FAILED` if it took too long, and what it said."""
        with subprocess.Popen(
            [*self._options.outside, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                output, _ = process.communicate(text, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                return SSH_FAILED, f"{output}\nno answer within {timeout} s"
        return process.returncode, output
