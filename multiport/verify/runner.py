"""Runs the probes: ping and ssh from outside, and through ssh the scripts inside the guests."""

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
"""Number of logins by each address, spread over the sample."""
CAPTURE_SECONDS = 12
SSH_FAILED = 255
"""Exit status of ssh if the connection failed. No script in `guest` has this status."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to probe.

    Attributes:
        outside: Command that runs its arguments in the outside network; if empty, they run on this machine.
        identity: File of the private key; if empty, ssh chooses.
        seconds: Seconds during which each address is sampled.
        wait: Seconds until an address must answer. The timeouts of logins grow with it, because it is long for slow guests.
    """

    outside: tuple[str, ...] = ()
    identity: str = ""
    seconds: int = 60
    wait: int = 120


@dataclass(frozen=True, slots=True)
class Way:
    """A way to log in to a guest."""

    login: str
    address: str
    through: "Way | None" = None
    """The way to another guest, on a common network, that is used as a jump host."""


class Runner:
    """Runs one verification."""

    def __init__(self, plan: Plan, options: Options, say: Say, known_hosts: Path) -> None:
        """Prepare the verification.

        Args:
            plan: What to verify.
            options: How to probe.
            say: Receives messages about the progress.
            known_hosts: File for the host keys that are seen in this run.
        """
        self._plan, self._options, self._say, self._known_hosts = plan, options, say, known_hosts
        self._until = time.monotonic() + options.wait
        self._ways: dict[str, list[Way]] = {server.name: self._direct(server) for server in plan.servers}

    def run(self) -> tuple[dict[str, Outside], dict[str, Inside | None]]:
        """Wait until the addresses answer, read the guests' configuration, then run all probes at the same time."""
        addresses = self._plan.outside
        with ThreadPoolExecutor(max_workers=3 * len(addresses) + 4 * len(self._plan.servers) + 1) as pool:
            self._say(f"waiting up to {self._options.wait} s for {len(addresses)} addresses to answer")
            first = dict(zip(addresses, pool.map(self._first_answer, addresses), strict=True))
            self._say("reading the network configuration of the guests")
            looks = dict(zip(self._ways, pool.map(self._look, self._plan.servers), strict=True))
            for server in self._plan.servers:
                if looks[server.name] is None and not server.outside:
                    looks[server.name] = self._look_through(server, looks)
            self._say(f"probing for {self._options.seconds} s")
            pings = [pool.submit(self._pings, address) for address in addresses]
            logins = [pool.submit(self._logins, address, self._user(address, looks)) for address in addresses]
            guests = {server.name: pool.submit(self._inside, server, looks[server.name]) for server in self._plan.servers}
            outside = {
                address: Outside(ping.result(), first[address], login.result())
                for address, ping, login in zip(addresses, pings, logins, strict=True)
            }
            return outside, {name: inside.result() for name, inside in guests.items()}

    def _first_answer(self, address: str) -> float | None:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < self._options.wait:
            if readings.pings(self._outside(["ping", "-n", "-c", "1", "-W", "1", address], 10)).received:
                return passed
            time.sleep(1)
        return None

    def _pings(self, address: str) -> readings.Pings:
        seconds = self._options.seconds
        # Without -w, which would end the sample at the first "destination unreachable".
        command = ["ping", "-n", "-i", "1", "-c", str(seconds), "-W", "2", address]
        return readings.pings(self._outside(command, seconds + 10))

    def _user(self, address: str, looks: Mapping[str, Look | None]) -> str:
        """Return the login for an address: that of the server to which it belongs, or that holds the virtual IP."""
        virtual = {virtual_ip.floating_ip: virtual_ip.ip_address for virtual_ip in self._plan.virtual_ips}.get(address)
        for server in self._plan.servers:
            look = looks[server.name]
            held = [str(interface.ip) for interfaces in look.addresses.values() for interface in interfaces] if look else []
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
        """Read the configuration of a guest by the first way that works.

        The ways are tried repeatedly, because a booting guest answers pings long before it accepts logins.
        """
        for attempt in count():
            refused = True
            for way in self._ways[server.name]:
                status, output = self._ssh(way, guest.LOOK)
                found = readings.look(output) if status == 0 else None
                # The address may belong to another server: outputs may be outdated, and virtual IPs move.
                if found is not None and any(port.mac in found.nics for port in server.ports):
                    others = [other for other in self._ways[server.name] if other.login == way.login and other != way]
                    self._ways[server.name] = [way, *others]  # from now on this way is tried first
                    return found
                refused = refused and REFUSED in output
            if attempt and (refused or time.monotonic() > self._until):
                return None
            time.sleep(1)
        return None

    def _look_through(self, server: Server, looks: Mapping[str, Look | None]) -> Look | None:
        """Read the configuration of a server without an outside address: through another server, or by a virtual IP."""
        own = [IPv4Address(address.fixed_ip) for port in server.ports for address in port.addresses]
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
            Way(login, str(address), Way(login, virtual_ip.floating_ip))
            for virtual_ip in self._plan.virtual_ips
            for login in server.logins
            for address in own
        ]
        return self._look(server)

    def _inside(self, server: Server, look: Look | None) -> Inside | None:
        if look is None:
            return None
        nics = [look.nics[port.mac] for port in server.ports if port.mac in look.nics]
        time.sleep(min(2, self._options.seconds / 10))  # so that the pings have started
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
            held = [] if nic is None else [str(interface.ip) for interface in look.addresses.get(nic, ())]
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
        # A booting guest is slow to open a session and sends nothing meanwhile, so the interval grows with the wait.
        command = [*self._client(), "-o", f"ServerAliveInterval={max(5, self._options.wait // 24)}"]
        if way.through is not None:
            proxy = [*self._client(), "-W", "%h:%p", "-l", way.through.login, "--", way.through.address]
            # Behind another jump host, the same private address may belong to another server.
            alias = f"{way.address}.behind.{way.through.address}"
            command += ["-o", f"ProxyCommand={join(proxy)}", "-o", f"HostKeyAlias={alias}"]
        command += ["-l", way.login, "--", way.address, "sh -s"]
        return self._call(command, timeout or max(30, self._options.wait // 4), script)

    def _client(self) -> list[str]:
        # A new server often has the address of a former one, so host keys from earlier runs prove nothing; a host key that was
        # seen in this run is kept for it. What the user's own configuration forwards to known hosts is not forwarded to these.
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
        """Run a command in the outside network. Return its exit status (`SSH_FAILED` after a timeout) and its output."""
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
