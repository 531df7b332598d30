"""Parsers for the output of ping, ssh, tcpdump and ip. Pure functions: nothing is run here."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface

from multiport.verify.guest import SECTION


@dataclass(frozen=True, slots=True)
class Pings:
    """Echo requests to one address."""

    sent: int
    received: int
    average_ms: float | None = None
    says: str = ""
    """The message of ping if it could not send at all."""

    @property
    def all_answered(self) -> bool:
        """Whether the requests were answered; one in fifty, but at least one, may be lost."""
        return self.received > 0 and self.received >= self.sent - max(1, self.sent // 50)


@dataclass(frozen=True, slots=True)
class Echoes:
    """The echo requests and replies that were captured on one NIC."""

    requests: Mapping[str, int]
    """Number of echo requests by destination address."""
    replies: Mapping[str, int]
    """Number of echo replies by source address."""
    says: str = ""
    """The message of tcpdump if it could not capture."""


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt to log in from outside."""

    done: bool
    asked_on: str = ""
    """The address of the guest to which the connection was made, according to sshd."""
    macs: tuple[str, ...] = ()
    """MAC addresses of the guest."""
    says: str = ""
    """The last line of ssh if it failed."""


@dataclass(frozen=True, slots=True)
class Look:
    """The network configuration of a guest."""

    nics: Mapping[str, str]
    """NICs by MAC address."""
    addresses: Mapping[str, tuple[IPv4Interface, ...]]
    """Addresses by NIC."""
    gateways: Mapping[str, Mapping[str, str]]
    """Gateways of the default routes, by NIC and routing table."""
    rules: tuple[str, ...]
    rp_filter: Mapping[str, int]
    """The effective rp_filter by NIC: the greater of its own value and that of `all`."""
    planned: Mapping[str, str]
    """Gateways in the server's metadata, by MAC address."""
    root: bool = False
    """Whether the login may capture packets."""
    policy_routing: bool = False
    """Whether the policy-routing script is installed."""

    def gateway(self, nic: str, mac: str, table: int) -> str | None:
        """Return the gateway of a port: from its own table, else from any table, else from the metadata. It is never guessed."""
        by_table = self.gateways.get(nic, {})
        return by_table.get(str(table)) or next(iter(by_table.values()), None) or self.planned.get(mac)

    def has_other_default(self, nic: str) -> bool:
        """Tell whether the main table has a default route by another NIC."""
        return any("main" in by_table for name, by_table in self.gateways.items() if name != nic)

    def drops_strictly(self, nic: str, address: str) -> bool:
        """Tell whether the strict reverse path filter drops packets to the address: no rule routes replies back by this NIC."""
        return self.rp_filter.get(nic) == 1 and self.has_other_default(nic) and not self.has_rules_for(address)

    def has_rules_for(self, address: str) -> bool:
        """Tell whether there is a policy routing rule for the address."""
        return any(f"from {address} " in f"{rule} " for rule in self.rules)


_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
_AVERAGE = re.compile(r"= [\d.]+/([\d.]+)/")
_ECHO = re.compile(r"\bIP (\S+) > (\S+): ICMP echo (request|reply),")


def pings(output: str) -> Pings:
    """Parse the summary of ping."""
    counts, average = _COUNTS.search(output), _AVERAGE.search(output)
    if counts is None:
        return Pings(0, 0, says=last_line(output))
    return Pings(int(counts[1]), int(counts[2]), None if average is None else float(average[1]))


def echoes(output: str) -> dict[str, Echoes]:
    """Parse the output of `guest.capture`; return the result by NIC."""
    found = {}
    for nic, lines in sections(output).items():
        if nic == "end":
            continue
        requests: Counter[str] = Counter()
        replies: Counter[str] = Counter()
        for line in lines:
            echo = _ECHO.search(line)
            if echo and echo[3] == "request":
                requests[echo[2]] += 1
            elif echo:
                replies[echo[1]] += 1
        says = "" if any("listening on" in line for line in lines) or requests or replies else last_line("\n".join(lines))
        found[nic] = Echoes(requests, replies, says)
    return found


def login(output: str) -> Login:
    """Parse the output of `guest.LOGIN`. Text that the guest prints at a login is skipped."""
    parts = sections(output)
    connection = parts.get("connection", [""])[0].split()
    if "end" not in parts or len(connection) != 4:  # noqa: PLR2004 - the client and its port, the server and its port
        return Login(done=False, says=last_line(output))
    return Login(done=True, asked_on=connection[2], macs=tuple(mac.lower() for mac in parts["macs"]))


def look(output: str) -> Look | None:
    """Parse the output of `guest.LOOK`; return None if it is incomplete."""
    parts = sections(output)
    if "end" not in parts:
        return None
    gateways: dict[str, dict[str, str]] = {}
    for line in parts["routes"]:
        words = line.split()
        if words[:2] == ["default", "via"] and "dev" in words:
            table = words[words.index("table") + 1] if "table" in words else "main"
            gateways.setdefault(words[words.index("dev") + 1], {}).setdefault(table, words[2])
    addresses: dict[str, tuple[IPv4Interface, ...]] = {}
    for line in parts["addresses"]:
        _, nic, _, address = line.split()[:4]
        addresses[nic] = (*addresses.get(nic, ()), IPv4Interface(address))
    filters = {line.split("/")[1]: int(line.rpartition(":")[2]) for line in parts["rp_filter"] if ":" in line}
    return Look(
        nics={words[1].lower(): words[0] for line in parts["nics"] if len(words := line.split()) == 2},  # noqa: PLR2004
        addresses=addresses,
        gateways=gateways,
        rules=tuple(parts["rules"]),
        rp_filter={nic: max(value, filters.get("all", 0)) for nic, value in filters.items()},
        planned=dict(gateway for line in parts["plan"] if (gateway := _planned(line)) is not None),
        root=parts["root"] == ["0"],
        policy_routing=bool(parts["policy-routing"]),
    )


def sections(output: str) -> dict[str, list[str]]:
    """Return the lines of an output by section."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output.splitlines():
        if line.startswith(SECTION):
            current = found.setdefault(line.removeprefix(SECTION), [])
        elif line.strip():
            current.append(line)
    return found


def _planned(line: str) -> tuple[str, str] | None:
    tokens = [token.partition("=") for token in line.split()]
    mac = next((value for name, _, value in tokens if name == "mac"), None)
    gateway = next((value for name, _, value in tokens if name == "gw4"), None)
    return None if mac is None or gateway is None else (mac.lower(), gateway)


def last_line(text: str) -> str:
    """Return the last line that is not empty; programs print their errors there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
