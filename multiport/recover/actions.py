"""Plans the actions that repair the findings of an audit, in the order in which they must be carried out."""

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
    """Remove a lock whose process has ended."""
    SEND = "send"
    """Send a declared property to the API."""
    ATTACH = "attach"
    """Attach a boot port again."""
    DELETE = "delete"
    """Delete an object of the stack that is not in the state."""
    REFRESH = "refresh"
    """Let Pulumi read every object, remove missing ones from the state and drop pending operations."""
    IMPORT = "import"
    """Import a router interface or a server's port, which have no tags, into the state."""


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a recovery.

    Attributes:
        do: The kind of action.
        what: The kind of object.
        name: The object's name.
        id: Its id in the cloud.
        text: The action in words.
        body: SEND: the properties to send. ATTACH: the port. IMPORT: the resource's type, name and parent.
        tagged: Whether the object has the stack's tags.
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
        """Whether it deletes an object, so that a person must confirm it."""
        return self.do is Do.DELETE

    @property
    def consents(self) -> frozenset[str]:
        """The explicit consents that a deletion needs if there is no terminal."""
        if self.do is not Do.DELETE:
            return frozenset()
        return frozenset(({self.what} & PRECIOUS) | (set() if self.tagged else {UNTAGGED}))


UNTAGGED: Final = "untagged"
"""Consent to delete objects that have a name of the stack and no tags."""

PRECIOUS: Final = frozenset({"server", "floating IP"})
"""Kinds that are deleted only with a person's or an explicit consent: a server may have data, an address cannot be regained."""

_DELETE_ORDER: Final = {kind.what: place for place, kind in enumerate(TAGGED)}


def actions(made: Audited) -> list[Action]:
    """Return the actions that repair an audit's findings, in order."""
    order = {do: place for place, do in enumerate(Do)}

    def rank(action: Action) -> tuple[int, int]:
        return order[action.do], _DELETE_ORDER.get(action.what, 0) if action.do is Do.DELETE else 0

    return sorted(_actions(made), key=rank)


def _actions(made: Audited) -> Iterator[Action]:
    refresh: list[Finding] = []
    for finding in made.findings:
        if finding.kind is Kind.LOCKED and finding.remedy == remedies.LOCKED:
            yield Action(Do.UNLOCK, finding.what, finding.name, "", f"remove the lock: {finding.problem}")
        elif finding.kind in (Kind.GONE, Kind.PENDING):
            refresh.append(finding)
        elif finding.kind is Kind.DIFFERS and "attach" in finding.repair:
            text = f"attach port {finding.repair['attach']} to server {finding.name} again"
            yield Action(Do.ATTACH, finding.what, finding.name, finding.id, text, finding.repair)
        elif finding.kind is Kind.DIFFERS and finding.repair:
            text = f"send {finding.attribute} of {finding.what} {finding.name}: {finding.problem}"
            yield Action(Do.SEND, finding.what, finding.name, finding.id, text, finding.repair)
        elif finding.kind in (Kind.ORPHAN, Kind.DOUBLE, Kind.UNTAGGED):
            yield _of_stray(finding, made)
    if refresh:
        yield Action(Do.REFRESH, "state", made.state.stack, "", _refreshed(refresh))


def _of_stray(finding: Finding, made: Audited) -> Action:
    if finding.what == "router interface":
        port = made.cloud.ports[finding.id]
        subnets = {fixed["subnet_id"] for fixed in port["fixed_ips"]}
        subnet = next(known for known in made.state.of("openstack:networking:Subnet") if known.id in subnets)
        return _import("openstack:networking/routerInterface:RouterInterface", subnet, finding)
    if finding.what == "attached port":
        port_id = finding.id.split("/")[1]
        port_resource = next(known for known in made.state.of("openstack:networking:Port") if known.id == port_id)
        return _import("openstack:compute/interfaceAttach:InterfaceAttach", port_resource, finding)
    text = f"delete {finding.what} {finding.name} ({finding.id}): {finding.problem}"
    return Action(Do.DELETE, finding.what, finding.name, finding.id, text, tagged=finding.kind is not Kind.UNTAGGED)


def _import(token: str, like: Resource, finding: Finding) -> Action:
    """Return the import of an object under the name and the parent of `like`, as the components would name it."""
    body = {"type": token, "name": like.name, "parent": like.parent}
    text = f"import {finding.what} {like.name} ({finding.id}) into the state"
    return Action(Do.IMPORT, finding.what, like.name, finding.id, text, body)


def _refreshed(findings: Sequence[Finding]) -> str:
    gone = [finding.name for finding in findings if finding.kind is Kind.GONE]
    pending = [finding.name for finding in findings if finding.kind is Kind.PENDING]
    parts = [f"remove what is gone from the state ({', '.join(gone)})"] if gone else []
    parts += [f"drop the pending operations on {', '.join(pending)}"] if pending else []
    return f"pulumi refresh: {' and '.join(parts)}"
