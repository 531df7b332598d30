"""Decides which objects of the cloud belong to the stack: those with its tags, unless something speaks against it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from multiport.audit.cloud import Cloud, Found
from multiport.audit.state import HIDDEN, Resource, State
from multiport.components import marks


@dataclass(frozen=True, slots=True)
class Tagged:
    """A kind of object that gets the stack's tags.

    Attributes:
        what: Its usual name.
        type: Its Pulumi type.
        part: The field of `Cloud` that contains such objects.
    """

    what: str
    type: str
    part: str


TAGGED: Final = (
    Tagged("server", "openstack:compute:Instance", "servers"),
    Tagged("floating IP", "openstack:networking:FloatingIp", "floating_ips"),
    Tagged("port", "openstack:networking:Port", "ports"),
    Tagged("router", "openstack:networking:Router", "routers"),
    Tagged("subnet", "openstack:networking:Subnet", "subnets"),
    Tagged("network", "openstack:networking:Network", "networks"),
    Tagged("security group", "openstack:networking:SecGroup", "security_groups"),
)
"""In the order in which they can be deleted."""


@dataclass(frozen=True, slots=True)
class Stray:
    """An object that belongs to the stack and is not in its state.

    Attributes:
        kind: The kind of object.
        found: The object.
        twin: The resource of the state that has the same tags, so that the stray is a duplicate of it.
        doubt: Why it may belong to somebody else, so that it must be left alone; empty without such a reason.
        tagged: Whether it has the stack's tags. The provider sets them after it has created the object, so that it has none if
            the creation was interrupted.
    """

    kind: Tagged
    found: Found
    twin: Resource | None
    doubt: str
    tagged: bool = True


def strays(state: State, cloud: Cloud) -> Iterator[Stray]:
    """Objects of the project that carry the stack's tags and that the state does not know."""
    mark = marks.stack_mark(state.project, state.stack)
    [tag] = marks.as_tags([mark])
    known = state.ids
    found = [
        (kind, item)
        for kind in TAGGED
        for item in getattr(cloud, kind.part).values()
        if tag in (item.get("tags") or []) and item["id"] not in known
    ]
    ours = known | {each["id"] for _, each in found}
    twins = {
        (resource.type, _marks(resource.inputs.get("tags") or [])): resource
        for resource in state.resources
        if not resource.delete
    }
    begun = {
        (operation.resource.type, _marks(operation.resource.inputs.get("tags") or [])): operation.resource
        for operation in state.pending
    }
    for kind, each in found:
        key = (kind.type, _marks(each["tags"]))
        like = twins.get(key) or begun.get(key)
        doubt = (
            "its stack tag is cut off after 60 characters, so that other stacks may have the same"
            if tag != mark
            else _doubt(kind, each, like, state, ours)
        )
        yield Stray(kind, each, twins.get(key), doubt)
    yield from _untagged(state, cloud)


def _untagged(state: State, cloud: Cloud) -> Iterator[Stray]:
    """Objects that the stack began to create and did not come to tag: known by their name and by where they are.

    Only what nobody else would have made counts. A port or a subnet must be on a network of the stack's own, and a port must
    belong to no device. A network, a router, a group or a floating IP must have the name that a component of the state wants for
    a child that it has not got; beside one that the state has, another of the same name may be anybody's.
    """
    known = state.ids
    own_networks = {resource.id for resource in state.of("openstack:networking:Network")}
    for kind, names in _wanted(state).items():
        have = _display_names(kind, state)
        for item in getattr(cloud, kind.part).values():
            if item.get("tags") or item["id"] in known or item.get("device_id") or item.get("port_id"):
                continue
            name = _shown_name(kind, item)
            on_own = kind.what in ("port", "subnet") and item["network_id"] in own_networks
            if name in names and (on_own or (name not in have and kind.what != "subnet")):
                yield Stray(kind, item, None, "", tagged=False)


def _wanted(state: State) -> Mapping[Tagged, set[str]]:
    """Return the names that the components in the state give to their children, as far as they declare them."""
    kinds = {kind.what: kind for kind in TAGGED}
    wanted: dict[Tagged, set[str]] = {}

    def want(what: str, name: str) -> None:
        wanted.setdefault(kinds[what], set()).add(name)

    for component in state.resources:
        declared = component.inputs.get("declared")
        if not component.type.startswith("multiport:index:") or not isinstance(declared, Mapping) or HIDDEN in declared.values():
            continue
        called = f"{state.stack}-{component.name}"
        kind = component.type.rsplit(":", 1)[-1]
        if kind == "PrivateNetwork" and "existing" not in declared:
            want("network", declared.get("name", called))
            if "router" in declared:
                want("router", declared["router"].get("name", called))
            for key, subnet in (declared.get("subnets") or {}).items():
                want("subnet", subnet.get("name", f"{called}-{key}"))
        elif kind == "SecurityGroup":
            want("security group", declared.get("name", called))
        elif kind in ("MultiPortInstance", "AddressPairs"):
            for key, port in declared.items():
                want("port", port.get("name", f"{called}-{key}"))
        elif kind == "FloatingIps":
            for key, address in declared.items():
                if "address" not in address:
                    want("floating IP", f"{called}-{key}")
    return wanted


def _display_names(kind: Tagged, state: State) -> frozenset[str]:
    """Return the names of the stack's objects of a kind."""
    key = "description" if kind.what == "floating IP" else "name"
    return frozenset(resource.inputs.get(key, "") for resource in state.of(kind.type))


def _shown_name(kind: Tagged, found: Found) -> str:
    """Return an object's name; a floating IP has no name, so its description is used."""
    return str(found.get("description" if kind.what == "floating IP" else "name") or "")


def _marks(tags: list[str]) -> frozenset[str]:
    """Return the tags that distinguish an object from others of its stack, without tags that users have added."""
    return frozenset(tag for tag in tags if isinstance(tag, str) and tag.startswith(("multiport.owner=", "multiport.key=")))


def _doubt(kind: Tagged, found: Found, like: Resource | None, state: State, ours: frozenset[str]) -> str:
    """Return why the object may belong to somebody else although it has the stack's tags; an empty text without a reason."""
    if found.get("project_id", found.get("tenant_id")) is None:
        return "the API does not say which project it belongs to"
    name = _shown_name(kind, found)
    expected = _names(kind, found, like, state)
    if name not in expected:
        return f"it is called {name!r}, and the stack would have called it {' or '.join(sorted(expected))!r}"
    if kind.what == "port":
        device = found.get("device_id")
        if device and device not in ours:
            return f"it belongs to {found.get('device_owner') or 'a device'} {device}, which is not of this stack"
        if like is not None and like.inputs.get("networkId") not in (None, found["network_id"]):
            return f"it is on network {found['network_id']}, and the stack's port is not"
        if like is None and found["network_id"] not in ours | _used_networks(state):
            return f"it is on network {found['network_id']}, which this stack does not use"
    if kind.what == "subnet" and found["network_id"] not in ours:
        return f"it is on network {found['network_id']}, which is not of this stack"
    if kind.what == "floating IP" and found.get("port_id") and found["port_id"] not in ours:
        return f"it points at port {found['port_id']}, which is not of this stack"
    return ""


def _names(kind: Tagged, found: Found, like: Resource | None, state: State) -> set[str]:
    """Return the names that the stack gives to such an object: the declared one, or the default."""
    if like is not None:
        declared = like.inputs.get("description" if kind.what == "floating IP" else "name")
        if isinstance(declared, str):
            return {declared}
    tags = _values(found["tags"])
    parts = [state.stack, tags.get("multiport.owner", "")]
    key = tags.get("multiport.key")
    if key is not None and kind.what != "router":
        parts.append(key)
    return {"-".join(parts)}


def _values(tags: list[str]) -> Mapping[str, str]:
    return dict(tag.split("=", 1) for tag in tags if "=" in tag)


def _used_networks(state: State) -> frozenset[str]:
    ports = state.of("openstack:networking:Port")
    return frozenset(port.inputs["networkId"] for port in ports if isinstance(port.inputs.get("networkId"), str))
