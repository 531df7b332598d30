"""Reads the output of `pulumi stack export` into plain data, without the CLI and without the program."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key by which Pulumi marks special values, a constant
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class StateError(Exception):
    """The text is not an exported state; the message says why."""


class _Hidden:
    """A value that is encrypted in the state or unknown; it is false, as an empty value is."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "(hidden)"


HIDDEN: Final = _Hidden()
"""The placeholder for a value that cannot be compared."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the state.

    Attributes:
        urn: Its URN.
        type: Its Pulumi type, without the module's file name: `openstack:networking:Port`.
        id: The object's id in the cloud; empty for components and for objects that are not created yet.
        inputs: The declared properties.
        outputs: The properties that the provider has read back.
        parent: URN of the component that it belongs to; empty without one.
        delete: Whether it is already replaced and only waits to be deleted.
        external: Whether Pulumi only reads it and never changes it.
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
        """The resource's name, which is formed from the user's keys."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation that was not finished when the CLI ended: `creating`, `updating`, `deleting` and so on, and its resource."""

    operation: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class State:
    """Pulumi's state of a stack.

    Attributes:
        project: The project's name.
        stack: The stack's name.
        resources: All resources in the state's order: each comes after those that it depends on.
        pending: Operations that were begun and not finished.
        providers: Inputs of the openstack providers, which may name another cloud than the environment does.
    """

    project: str
    stack: str
    resources: tuple[Resource, ...]
    pending: tuple[Pending, ...] = ()
    providers: tuple[Mapping[str, Any], ...] = field(default=())

    def of(self, *types: str) -> Iterator[Resource]:
        """Return the resources of these types that should exist and be as declared."""
        return (
            resource for resource in self.resources if resource.type in types and not resource.delete and not resource.external
        )

    @property
    def ids(self) -> frozenset[str]:
        """Ids of all objects in the state, including those that wait to be deleted."""
        return frozenset(resource.id for resource in self.resources if resource.id)


def read(text: str, *, project: str = "", stack: str = "") -> State:
    """Read an exported state.

    Args:
        text: The output of `pulumi stack export`.
        project: The project's name, for a state without resources, which does not contain it.
        stack: The stack's name, likewise.

    Raises:
        StateError: The text is not the output of that command.
    """
    try:
        deployment = json.loads(text)["deployment"] or {}
        entries = deployment.get("resources") or []
        resources = tuple(_resource(entry) for entry in entries if not entry["type"].startswith("pulumi:"))
        pending = tuple(Pending(each["type"], _resource(each["resource"])) for each in deployment.get("pending_operations") or [])
        urns = [entry["urn"] for entry in entries] + [each.resource.urn for each in pending]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"this is not what `pulumi stack export` prints ({error!r})") from error
    if urns:
        # urn:pulumi:<stack>::<project>::<type>::<name>
        stack, project = urns[0].removeprefix("urn:pulumi:").split("::")[:2]
    providers = tuple(
        _plain(entry.get("inputs") or {})
        for entry in entries
        if entry["type"] == "pulumi:providers:openstack" and entry.get("custom")
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
    """Return a type token without its module's file name: `openstack:networking:Port` for `openstack:networking/port:Port`."""
    package, module, name = token.split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def _plain(value: Any) -> Any:
    """Return a value without the keys that Pulumi's provider bridge adds; encrypted and unknown values become HIDDEN."""
    if isinstance(value, dict):
        if _SECRET in value:
            return HIDDEN
        return {key: _plain(each) for key, each in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return HIDDEN if value == _UNKNOWN else value
