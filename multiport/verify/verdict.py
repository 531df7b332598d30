"""Judges the readings: a row for each probe, with the cause if it failed. Pure functions: nothing is run here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from multiport.verify.plan import Address, Plan, Port, Server, VirtualIp
from multiport.verify.readings import Echoes, Login, Look, Pings

OK, FAILED, NOT_RUN = "ok", "FAILED", "not run"

REFUSED = "Permission denied"
"""ssh's message if the server does not accept the key; tcp/22 answers in this case."""

NO_WAY_OUT = ("no-policy-routing", "wrong-nic", "not-wired", "rp-filter", "nic-missing")
"""Causes for which packets do not get out by the port either."""

FEWEST_REQUESTS = 3
"""Number of echo requests that a capture must contain to count."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Results of the probes of one address from outside."""

    pings: Pings
    first_after: float | None
    """Seconds until the first answer; None if there was none within the wait."""
    logins: tuple[Login, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """Results of the probes inside one guest."""

    look: Look
    captured: Mapping[str, Echoes] = field(default_factory=dict)
    """Captured echo requests and replies by NIC."""
    gateways: Mapping[str, tuple[str, Pings]] = field(default_factory=dict)
    """The gateway and its answers, by the key of the port."""
    curls: Mapping[str, str] = field(default_factory=dict)
    """The answer of the echo service, or else curl's last line, by fixed IP."""


@dataclass(frozen=True, slots=True)
class Row:
    """One probe and its result."""

    server: str
    port: str
    probe: str
    target: str
    result: str
    evidence: str
    cause: str = ""
    """A key of `causes.CAUSES`."""


def rows(plan: Plan, outside: Mapping[str, Outside], inside: Mapping[str, Inside | None]) -> list[Row]:
    """Return a row for every probe of the plan."""
    found: list[Row] = []
    for server in plan.servers:
        guest = inside.get(server.name)
        for port in server.ports:
            found.append(_gateway(server, port, guest))
            for address in port.addresses:
                if address.outside is not None:
                    found += _address(server, port, address, outside[address.outside], guest)
    for virtual_ip in plan.virtual_ips:
        found += _virtual(virtual_ip, plan, outside[virtual_ip.floating_ip], inside)
    return found


def _gateway(server: Server, port: Port, guest: Inside | None) -> Row:
    def row(target: str, result: str, evidence: str, cause: str = "") -> Row:
        return Row(server.name, port.key, "gateway", target, result, evidence, cause)

    if guest is None:
        return row("-", NOT_RUN, "", "no-login")
    nic = guest.look.nics.get(port.mac)
    if nic is None:
        return row("-", FAILED, f"no NIC {port.mac}", "nic-missing")
    gateway = guest.gateways.get(port.key)
    if gateway is None:
        wanted = any(address.outside for address in port.addresses)
        return row(
            "-", FAILED if wanted else OK, f"no gateway on {nic}{'' if wanted else ', none needed'}", "no-gateway" * wanted
        )
    target, pings = gateway
    evidence = f"ping -I {nic}: {_counted(pings)}"
    if pings.all_answered:
        return row(target, OK, evidence)
    strict = any(guest.look.drops_strictly(nic, address.fixed_ip) for address in port.addresses)
    return row(target, FAILED, evidence, "rp-filter" if strict else "gateway-silent")


def _address(server: Server, port: Port, address: Address, seen: Outside, guest: Inside | None) -> Iterator[Row]:
    target = address.outside or ""
    cause = _cause(port, address, seen, guest)

    def row(probe: str, where: str, result: str, evidence: str, why: str = cause) -> Row:
        return Row(server.name, port.key, probe, where, result, evidence, "" if result == OK else why)

    yield row("ping", target, OK if seen.pings.all_answered else FAILED, _answered(seen))
    why = _login_fault(seen, (address.fixed_ip,), port.mac)
    yield row("ssh", target, FAILED if why else OK, _logins(seen), cause if why == "no-answer" else why)
    if guest is None:
        yield row("curl", server.echo_url, NOT_RUN, "", "no-login")
        yield row("tcpdump", address.fixed_ip, NOT_RUN, "", "no-login")
        return
    if address.fixed_ip in guest.curls:
        said = guest.curls[address.fixed_ip]
        shows = _is_address(said)
        why = "wrong-way-out" if shows else cause if cause in NO_WAY_OUT else "no-echo"
        evidence = f"from {address.fixed_ip}: shows {said}" if shows else f"from {address.fixed_ip}: {said or 'no answer'}"
        yield row("curl", server.echo_url, OK if said == target else FAILED, evidence, why)
    else:
        yield row("curl", server.echo_url, NOT_RUN, "", "address-missing")
    yield _capture((server.name, port.key), address.fixed_ip, guest, guest.look.nics.get(port.mac, ""), cause)


def _virtual(virtual_ip: VirtualIp, plan: Plan, seen: Outside, inside: Mapping[str, Inside | None]) -> Iterator[Row]:
    at = ("virtual", virtual_ip.key)
    held = [
        (server, guest, nic)
        for server in plan.servers
        if (guest := inside.get(server.name)) is not None
        for nic, addresses in guest.look.addresses.items()
        if virtual_ip.ip_address in (str(interface.ip) for interface in addresses)
    ]
    if not held:
        yield Row(*at, "ping", virtual_ip.floating_ip, NOT_RUN, _answered(seen), "no-holder")
        return
    server, guest, nic = held[0]
    mac = next(mac for mac, name in guest.look.nics.items() if name == nic)
    port = Port(virtual_ip.key, mac, 0, ())
    cause = _cause(port, Address("", virtual_ip.ip_address, virtual_ip.floating_ip), seen, guest)
    answered = seen.pings.all_answered
    holds = f", held by {server.name} on {nic}"
    yield Row(*at, "ping", virtual_ip.floating_ip, OK if answered else FAILED, _answered(seen) + holds, "" if answered else cause)
    why = _login_fault(seen, (virtual_ip.ip_address,), mac)
    why = cause if why == "no-answer" else why
    yield Row(*at, "ssh", virtual_ip.floating_ip, FAILED if why else OK, _logins(seen), why)
    yield _capture(at, virtual_ip.ip_address, guest, nic, cause)


def _capture(at: tuple[str, str], fixed_ip: str, guest: Inside, nic: str, cause: str) -> Row:
    here = guest.captured.get(nic)
    if here is None or here.says:
        return Row(*at, "tcpdump", nic or "-", NOT_RUN, here.says if here else "", "no-capture" if nic else "nic-missing")
    requests, replies = here.requests.get(fixed_ip, 0), here.replies.get(fixed_ip, 0)
    elsewhere = {
        name: echoes.replies[fixed_ip] for name, echoes in guest.captured.items() if name != nic and fixed_ip in echoes.replies
    }
    evidence = f"{requests} requests to {fixed_ip}, {replies} replies from it"
    if elsewhere:
        evidence += "; replies by " + ", ".join(f"{name}: {count}" for name, count in sorted(elsewhere.items()))
    # The reply to the last request may come after the end of the capture.
    right = requests >= FEWEST_REQUESTS and replies >= requests - 1 and not elsewhere
    return Row(*at, "tcpdump", nic, OK if right else FAILED, evidence, "" if right else cause or "guest-silent")


def _cause(port: Port, address: Address, seen: Outside, guest: Inside | None) -> str:
    """Return why the address does not answer correctly. The result is used only for rows that failed."""
    logged_in = any(login.done for login in seen.logins)
    if seen.pings.received == 0 and logged_in:
        return "no-icmp-rule"
    if guest is None:
        return "no-login"
    look = guest.look
    nic = look.nics.get(port.mac)
    if nic is None:
        return "nic-missing"
    if address.fixed_ip not in (str(interface.ip) for interface in look.addresses.get(nic, ())):
        return "address-missing"
    here = guest.captured.get(nic)
    routed = look.has_rules_for(address.fixed_ip)
    if here is None or here.says:
        return "no-capture" if routed or not look.has_other_default(nic) else "no-policy-routing"
    elsewhere = sum(echoes.replies.get(address.fixed_ip, 0) for name, echoes in guest.captured.items() if name != nic)
    if look.drops_strictly(nic, address.fixed_ip) and here.replies.get(address.fixed_ip, 0) + elsewhere == 0:
        return "rp-filter"  # the filter drops the gateway's ARP requests too, so possibly no packet arrives at all
    if here.requests.get(address.fixed_ip, 0) == 0:
        return "nothing-arrives" if guest.curls.get(address.fixed_ip) == address.outside else "not-wired"
    if elsewhere:
        return "wrong-nic" if routed else "no-policy-routing"
    if here.replies.get(address.fixed_ip, 0) == 0:
        return "guest-silent"
    if seen.pings.received == 0:
        return "port-security-drop"
    return "two-default-routes" if look.has_other_default(nic) and not routed else "intermittent"


def _login_fault(seen: Outside, fixed_ips: tuple[str, ...], mac: str) -> str:
    """Return why the login by the address failed; empty if it did not; `no-answer` if the cause is that of the failed pings."""
    done = [login for login in seen.logins if login.done]
    if any(login.asked_on not in fixed_ips or mac not in login.macs for login in done):
        return "wrong-server"
    if len(done) == len(seen.logins):
        return ""
    if any(REFUSED in login.says for login in seen.logins):
        return "login-refused"
    return "no-tcp-22" if seen.pings.all_answered else "no-answer"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _counted(pings: Pings) -> str:
    time = "" if pings.average_ms is None else f", {pings.average_ms:.1f} ms"
    return pings.says or f"{pings.received}/{pings.sent}{time}"


def _answered(seen: Outside) -> str:
    wait = "no answer while waiting" if seen.first_after is None else f"first after {seen.first_after:.0f} s"
    return f"{_counted(seen.pings)}, {wait}"


def _logins(seen: Outside) -> str:
    done = [login for login in seen.logins if login.done]
    asked = sorted({login.asked_on for login in done})
    words = next((login.says for login in seen.logins if login.says), "")
    at = f", asked on {' and '.join(asked)}" if asked else ""
    return f"{len(done)}/{len(seen.logins)} logins{at}{': ' if words else ''}{words}"
