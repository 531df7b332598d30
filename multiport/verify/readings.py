"""What the tools said, as plain data. Nothing here runs anything."""

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
    """ping's own words where it could not even send."""

    @property
    def all_answered(self) -> bool:
        """Whether as good as every one was answered: one in fifty may be lost on the way."""
        return self.received > 0 and self.received >= self.sent - max(1, self.sent // 50)


@dataclass(frozen=True, slots=True)
class Echoes:
    """What was captured on one NIC."""

    requests: Mapping[str, int]
    """Echo requests by their target."""
    replies: Mapping[str, int]
    """Echo replies by their source."""
    says: str = ""
    """tcpdump's own words where it captured nothing."""


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt to log in from outside."""

    done: bool
    asked_on: str = ""
    """The guest's address that was asked, by sshd."""
    macs: tuple[str, ...] = ()
    """MAC addresses of the guest."""
    says: str = ""
    """ssh's last words where it failed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a guest knows of its network."""

    nics: Mapping[str, str]
    """MAC address to NIC."""
    addresses: Mapping[str, tuple[IPv4Interface, ...]]
    """By NIC."""
    gateways: Mapping[str, Mapping[str, str]]
    """By NIC, then by routing table: where its default route leads."""
    rules: tuple[str, ...]
    rp_filter: Mapping[str, int]
    """By NIC, the greater of its own and that of all."""
    planned: Mapping[str, str]
    """MAC address to the gateway that the metadata names."""
    root: bool = False
    """Whether we may capture."""
    policy_routing: bool = False
    """Whether the script is installed."""

    def gateway(self, nic: str, mac: str, table: int) -> str | None:
        """The port's gateway: that of its own table, else of any, else what the metadata says. Never guessed."""
        by_table = self.gateways.get(nic, {})
        return by_table.get(str(table)) or next(iter(by_table.values()), None) or self.planned.get(mac)

    def others_default(self, nic: str) -> bool:
        """Whether the main table has a default route by another NIC."""
        return any("main" in by_table for name, by_table in self.gateways.items() if name != nic)

    def drops_strictly(self, nic: str, address: str) -> bool:
        """Whether the strict reverse path filter drops what arrives on the NIC: the way back leads by another, with no rule."""
        return self.rp_filter.get(nic) == 1 and self.others_default(nic) and not self.has_rules_for(address)

    def has_rules_for(self, address: str) -> bool:
        """Whether some rule of policy routing speaks of the address."""
        return any(f"from {address} " in f"{rule} " for rule in self.rules)


_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
_AVERAGE = re.compile(r"= [\d.]+/([\d.]+)/")
_ECHO = re.compile(r"\bIP (\S+) > (\S+): ICMP echo (request|reply),")


def pings(output: str) -> Pings:
    """Read ping's summary."""
    counts, average = _COUNTS.search(output), _AVERAGE.search(output)
    if counts is None:
        return Pings(0, 0, says=last_line(output))
    return Pings(int(counts[1]), int(counts[2]), None if average is None else float(average[1]))


def echoes(output: str) -> dict[str, Echoes]:
    """Read what `guest.capture` printed, by NIC."""
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
    """Read what `guest.LOGIN` printed, between whatever the guest greets its users with."""
    parts = sections(output)
    connection = parts.get("connection", [""])[0].split()
    if "end" not in parts or len(connection) != 4:  # noqa: PLR2004 - the client and its port, the server and its port
        return Login(done=False, says=last_line(output))
    return Login(done=True, asked_on=connection[2], macs=tuple(each.lower() for each in parts["macs"]))


def look(output: str) -> Look | None:
    """Read what `guest.LOOK` printed; None if it did not come to its end."""
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
        rp_filter={nic: max(each, filters.get("all", 0)) for nic, each in filters.items()},
        planned=dict(each for line in parts["plan"] if (each := _planned(line)) is not None),
        root=parts["root"] == ["0"],
        policy_routing=bool(parts["policy-routing"]),
    )


def sections(output: str) -> dict[str, list[str]]:
    """Lines by the section that they are in."""
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
    """The last line that says something: where programs put what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
