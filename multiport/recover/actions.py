"""What recovery would do about an audit's findings, in the order in which it can be done; nothing is done here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from multiport.audit import remedies
from multiport.audit.audit import Audited
from multiport.audit.finding import Finding, Kind
from multiport.audit.ownership import TAGGED
from multiport.audit.state import Resource


class Do(StrEnum):
    """The kinds of action, in the order in which they are carried out."""

    UNLOCK = "unlock"
    """Take off a lock whose process is no more."""
    SEND = "send"
    """Send a declared property to the API."""
    ATTACH = "attach"
    """Attach a boot port again."""
    DELETE = "delete"
    """Delete an object with our tags that is in no state."""
    REFRESH = "refresh"
    """Have Pulumi read what there is, forget what is gone and drop pending entries."""
    IMPORT = "import"
    """Have the state know an object that carries no tags, by what it connects."""


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a recovery.

    Attributes:
        do: What is done.
        what: The kind of object, as people call it.
        name: The object's name.
        id: Its id in the cloud.
        text: The step in a sentence.
        body: SEND: what is sent. ATTACH: the port. IMPORT: the resource's type, name and parent.
        tagged: Whether it carries the stack's tags.
    """

    do: Do
    what: str
    name: str
    id: str
    text: str
    body: Mapping[str, Any] = field(default_factory=dict)
    tagged: bool = True

    @property
    def deletes(self) -> bool:
        """Whether a person is asked for it alone."""
        return self.do is Do.DELETE

    @property
    def consents(self) -> frozenset[str]:
        """What has to be said in words of its own before a deletion where there is no terminal."""
        if self.do is not Do.DELETE:
            return frozenset()
        return frozenset(({self.what} & PRECIOUS) | (set() if self.tagged else {UNTAGGED}))


UNTAGGED: Final = "untagged"
"""Consent to delete what has the stack's names and none of its tags."""

PRECIOUS: Final = frozenset({"server", "floating IP"})
"""Never deleted without a person's yes or a word of its own: a server may hold data, an address is never got again."""

_DELETE_ORDER: Final = {kind.what: place for place, kind in enumerate(TAGGED)}


def actions(made: Audited) -> list[Action]:
    """What recovery would do, in order."""
    order = {do: place for place, do in enumerate(Do)}
    found = list(_actions(made))
    return sorted(found, key=lambda each: (order[each.do], _DELETE_ORDER.get(each.what, 0) if each.do is Do.DELETE else 0))


def _actions(made: Audited) -> Iterator[Action]:
    refresh: list[Finding] = []
    for each in made.findings:
        if each.kind is Kind.LOCKED and each.remedy == remedies.LOCKED:
            yield Action(Do.UNLOCK, each.what, each.name, "", f"take the lock off: {each.problem}")
        elif each.kind in (Kind.GONE, Kind.PENDING):
            refresh.append(each)
        elif each.kind is Kind.DIFFERS and "attach" in each.repair:
            text = f"attach port {each.repair['attach']} to server {each.name} again"
            yield Action(Do.ATTACH, each.what, each.name, each.id, text, each.repair)
        elif each.kind is Kind.DIFFERS and each.repair:
            text = f"send {each.attribute} of {each.what} {each.name}: {each.problem}"
            yield Action(Do.SEND, each.what, each.name, each.id, text, each.repair)
        elif each.kind in (Kind.ORPHAN, Kind.DOUBLE, Kind.UNTAGGED):
            yield _of_stray(each, made)
    if refresh:
        yield Action(Do.REFRESH, "state", made.state.stack, "", _refreshed(refresh))


def _of_stray(each: Finding, made: Audited) -> Action:
    if each.what == "router interface":
        port = made.cloud.ports[each.id]
        subnets = {fixed["subnet_id"] for fixed in port["fixed_ips"]}
        subnet = next(known for known in made.state.of("openstack:networking:Subnet") if known.id in subnets)
        return _import("openstack:networking/routerInterface:RouterInterface", subnet, each)
    if each.what == "attached port":
        port_id = each.id.split("/")[1]
        port_resource = next(known for known in made.state.of("openstack:networking:Port") if known.id == port_id)
        return _import("openstack:compute/interfaceAttach:InterfaceAttach", port_resource, each)
    text = f"delete {each.what} {each.name} ({each.id}): {each.problem}"
    return Action(Do.DELETE, each.what, each.name, each.id, text, tagged=each.kind is not Kind.UNTAGGED)


def _import(token: str, like: Resource, each: Finding) -> Action:
    """Import under the name and the parent of the resource that it belongs to, as the components name it."""
    body = {"type": token, "name": like.name, "parent": like.parent}
    return Action(Do.IMPORT, each.what, like.name, each.id, f"import {each.what} {like.name} ({each.id}) into the state", body)


def _refreshed(findings: Sequence[Finding]) -> str:
    gone = [each.name for each in findings if each.kind is Kind.GONE]
    pending = [each.name for each in findings if each.kind is Kind.PENDING]
    parts = [f"forget what is gone ({', '.join(gone)})"] if gone else []
    parts += [f"drop the pending entries of {', '.join(pending)}"] if pending else []
    return f"pulumi refresh: {' and '.join(parts)}"
