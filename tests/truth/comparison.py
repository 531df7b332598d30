"""A report beside what the cloud held before and holds after the update: every loss is in it, and nothing that did not happen."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from multiport.review.report import Report
from tests.truth.cloud import Holdings

_ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")


def untruths(report: Report, before: Holdings, after: Holdings) -> list[str]:
    """What the report misses or invents; empty if it told the truth."""
    return [
        *_servers(report, before, after),
        *_ports(report, before, after),
        *_floating_ips(report, before, after),
        *_others(report, before, after),
    ]


def _differences(what: str, told: object, true: object) -> Iterator[str]:
    if told != true:
        yield f"{what}: the report says {told}, the cloud says {true}"


def _servers(report: Report, before: Holdings, after: Holdings) -> Iterator[str]:
    told = {loss.name: loss.op for loss in report.losses if loss.what == "server"}
    true = {}
    for key, old in before.servers.items():
        new = after.servers.get(key)
        if new is None:
            true[key] = "delete"
        elif new.id != old.id:
            true[key] = "replace"
        elif new.image != old.image:
            true[key] = "rebuild"
        elif new.flavor != old.flavor:
            true[key] = "resize"
    yield from _differences("servers", told, true)
    named = set(re.findall(r"`([^`]*)`", report.verdict))
    if not set(true) <= named:
        yield f"the verdict names {sorted(named)} of {sorted(true)}: {report.verdict}"


def _ports(report: Report, before: Holdings, after: Holdings) -> Iterator[str]:
    lives = {port.id for port in after.ports.values()}
    true = {".".join(filter(None, place)) for place, port in before.ports.items() if port.id not in lives}
    told = {loss.name.removesuffix("-address") for loss in report.losses if loss.what == "port"}
    yield from _differences("ports that go", sorted(told), sorted(true))
    rows = {(row.server or row.key, row.key if row.server else ""): row for row in report.ports}
    held = {port.id: port for port in before.ports.values()}
    for place, port in after.ports.items():
        row = rows.get(place)
        if row is None or row.becomes == "keep":
            if port.id not in held:
                yield f"port {place}: it is new, and the report has no row that says so"
            elif held[port.id].fixed_ips != port.fixed_ips:
                yield f"port {place}: {set(held[port.id].fixed_ips)} became {set(port.fixed_ips)} without a word"
        else:
            promised = {each for each in row.fixed_ips.new if _is_address(each)}
            if not promised <= port.fixed_ips or len(row.fixed_ips.new) != len(port.fixed_ips):
                yield f"port {place}: {row.fixed_ips.new} were promised, it has {set(port.fixed_ips)}"


def _floating_ips(report: Report, before: Holdings, after: Holdings) -> Iterator[str]:
    true = before.leads_to.keys() - after.leads_to.keys()
    told = {
        address
        for loss in report.losses
        if loss.what == "floating IP"
        for text in loss.means[:1]
        for address in _ADDRESS.findall(text)
    }
    yield from _differences("floating IPs that are released", sorted(told), sorted(true))
    rows = {f"{row.server}.{row.key}" if row.server else row.key: row for row in report.ports}
    for address, target in after.leads_to.items():
        old = before.leads_to.get(address)
        where = None if target is None else target[0]
        row = None if where is None else rows.get(where)
        if row is None and address in before.leads_to and (old is None) != (target is None):
            yield f"{address}: it led to {old}, and leads to {target} without a word"
        if row is not None and address in before.leads_to and address not in row.floating_ips.new:
            yield f"{address}: it leads to {where}, of which the report says {row.floating_ips.new}"
    for where, row in rows.items():
        for address in row.floating_ips.new:
            leads = after.leads_to.get(address) if _is_address(address) else None
            if _is_address(address) and (leads is None or leads[0] != where):
                yield f"{address}: the report lets it lead to {where}, it leads to {leads}"
    moved = {
        address
        for address, old in before.leads_to.items()
        if old is not None
        and (new := after.leads_to.get(address)) is not None
        and _live(before, after, old[0])
        and new[0] != old[0]
    }
    for address in moved:
        if not any(address in text for loss in report.losses for text in loss.means) and not any(
            address in row.floating_ips.new for row in report.ports
        ):
            yield f"{address}: it moved from {before.leads_to[address]} to {after.leads_to[address]} without a word"


def _live(before: Holdings, after: Holdings, where: str) -> bool:
    """Whether the port that a floating IP led to is still called so."""
    ids = {".".join(filter(None, place)): port.id for place, port in before.ports.items()}
    return any(port.id == ids.get(where) and ".".join(filter(None, place)) == where for place, port in after.ports.items())


def _others(report: Report, before: Holdings, after: Holdings) -> Iterator[str]:
    for what, ids in before.others.items():
        told = sum(loss.what == what for loss in report.losses)
        yield from _differences(f"{what}s that go", told, len(ids - after.others[what]))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
