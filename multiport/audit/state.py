"""A stack's state as plain data: what `pulumi stack export` prints, read without the CLI and without the program."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key by which Pulumi marks special values, a constant
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class StateError(Exception):
    """The text is no state; the message says why."""


class _Hidden:
    """A value that the state holds encrypted, or does not know; like nothing, it has no parts."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "(hidden)"


HIDDEN: Final = _Hidden()
"""Stands for a value that cannot be compared."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the state.

    Attributes:
        urn: Its URN.
        type: Its Pulumi type, without the module's file name: `openstack:networking:Port`.
        id: The object's id in the cloud; empty for components and for what is not created yet.
        inputs: What is declared.
        outputs: What the provider has read back.
        parent: URN of the component that it belongs to; empty without one.
        delete: Whether it is replaced already and only waits to be deleted.
        external: Whether it is read only and never changed.
        protect: Whether Pulumi refuses to delete it.
    """

    urn: str
    type: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    parent: str
    delete: bool = False
    external: bool = False
    protect: bool = False

    @property
    def name(self) -> str:
        """The resource's name, which the user's keys make."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Pending:
    """What the CLI was doing when it ended: `creating`, `updating`, `deleting` and so on, and the resource."""

    operation: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class State:
    """What Pulumi knows of a stack.

    Attributes:
        project: The project's name.
        stack: The stack's name.
        resources: All resources, in the state's order, in which each comes after what it depends on.
        pending: Operations that have begun and were never seen to end.
        providers: Inputs of the openstack providers, which may name another cloud than the environment does.
    """

    project: str
    stack: str
    resources: tuple[Resource, ...]
    pending: tuple[Pending, ...] = ()
    providers: tuple[Mapping[str, Any], ...] = field(default=())

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these types that are meant to exist and to be as declared."""
        return (each for each in self.resources if each.type in types and not each.delete and not each.external)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of all objects that Pulumi knows, those that wait for their deletion included."""
        return frozenset(each.id for each in self.resources if each.id)


def read(text: str, *, project: str = "", stack: str = "") -> State:
    """Read an exported state.

    Args:
        text: What `pulumi stack export` printed.
        project: The project's name, for a state without resources, which does not name it.
        stack: The stack's name, likewise.

    Raises:
        StateError: The text is something else.
    """
    try:
        deployment = json.loads(text)["deployment"] or {}
        entries = deployment.get("resources") or []
        resources = tuple(_resource(each) for each in entries if not each["type"].startswith("pulumi:"))
        pending = tuple(Pending(each["type"], _resource(each["resource"])) for each in deployment.get("pending_operations") or [])
        urns = [each["urn"] for each in entries] + [each.resource.urn for each in pending]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"this is not what `pulumi stack export` prints ({error!r})") from error
    if urns:
        # urn:pulumi:<stack>::<project>::<type>::<name>
        stack, project = urns[0].removeprefix("urn:pulumi:").split("::")[:2]
    providers = tuple(
        _plain(each.get("inputs") or {})
        for each in entries
        if each["type"] == "pulumi:providers:openstack" and each.get("custom")
    )
    return State(project, stack, resources, pending, providers)


def _resource(entry: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=entry["urn"],
        type=short_type(entry["type"]),
        id=entry.get("id") or "",
        inputs=_plain(entry.get("inputs") or {}),
        outputs=_plain(entry.get("outputs") or {}),
        parent=entry.get("parent") or "",
        delete=bool(entry.get("delete")),
        external=bool(entry.get("external")),
        protect=bool(entry.get("protect")),
    )


def short_type(token: str) -> str:
    """A type token without its module's file name: `openstack:networking/port:Port` is `openstack:networking:Port`."""
    package, module, name = token.split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def _plain(value: Any) -> Any:
    """A value without what the bridge adds to it, with HIDDEN in place of what is encrypted or unknown."""
    if isinstance(value, dict):
        if _SECRET in value:
            return HIDDEN
        return {key: _plain(each) for key, each in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return HIDDEN if value == _UNKNOWN else value
