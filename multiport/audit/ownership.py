"""Which of the cloud's objects are the stack's: what carries our tags, and why it may be a stranger's all the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from multiport.audit.cloud import Cloud, Found
from multiport.audit.state import HIDDEN, Resource, State
from multiport.components import marks


@dataclass(frozen=True, slots=True)
class Tagged:
    """A kind of object that carries our tags.

    Attributes:
        what: What people call it.
        type: Its Pulumi type.
        part: The list of `Cloud` that holds it.
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
    """An object with our tags that is in no state.

    Attributes:
        kind: What kind of object it is.
        found: The object.
        twin: The resource of the state that has the same tags: the stray is a double of it.
        doubt: Why it may be somebody else's, so that it must be left alone; empty where nothing says so.
        tagged: Whether it carries our tags. The provider sets them after it has created the object, so that one whose creation
            was not seen to end has none.
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
        (kind, each)
        for kind in TAGGED
        for each in getattr(cloud, kind.part).values()
        if tag in (each.get("tags") or []) and each["id"] not in known
    ]
    ours = known | {each["id"] for _, each in found}
    twins = {(each.type, _marks(each.inputs.get("tags") or [])): each for each in state.resources if not each.delete}
    begun = {(each.resource.type, _marks(each.resource.inputs.get("tags") or [])): each.resource for each in state.pending}
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
    own_networks = {each.id for each in state.of("openstack:networking:Network")}
    for kind, names in _wanted(state).items():
        have = _display_names(kind, state)
        for each in getattr(cloud, kind.part).values():
            if each.get("tags") or each["id"] in known or each.get("device_id") or each.get("port_id"):
                continue
            name = _shown_name(kind, each)
            on_own = kind.what in ("port", "subnet") and each["network_id"] in own_networks
            if name in names and (on_own or (name not in have and kind.what != "subnet")):
                yield Stray(kind, each, None, "", tagged=False)


def _wanted(state: State) -> Mapping[Tagged, set[str]]:
    """What the components of the state call their children, as far as they declare them."""
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
    """What the stack's objects of a kind are called."""
    key = "description" if kind.what == "floating IP" else "name"
    return frozenset(each.inputs.get(key, "") for each in state.of(kind.type))


def _shown_name(kind: Tagged, found: Found) -> str:
    """An object's name; a floating IP has none, and its description stands for it."""
    return str(found.get("description" if kind.what == "floating IP" else "name") or "")


def _marks(tags: list[str]) -> frozenset[str]:
    """The tags by which an object is told from others of its stack, without tags that users add."""
    return frozenset(each for each in tags if isinstance(each, str) and each.startswith(("multiport.owner=", "multiport.key=")))


def _doubt(kind: Tagged, found: Found, like: Resource | None, state: State, ours: frozenset[str]) -> str:
    """Why the object may be a stranger's although it carries our tags."""
    if found.get("project_id", found.get("tenant_id")) is None:
        return "the API does not say whose it is"
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
    """What the stack calls such an object: as the state says, or by default."""
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
    return dict(each.split("=", 1) for each in tags if "=" in each)


def _used_networks(state: State) -> frozenset[str]:
    ports = state.of("openstack:networking:Port")
    return frozenset(each.inputs["networkId"] for each in ports if isinstance(each.inputs.get("networkId"), str))
