"""Lists what is replaced, rebuilt or deleted, with the reasons, the consequences and how to avoid it.

The engine names the property that forces a replacement only if the provider has decided on it. For replacements that follow from
another one, and for replacement triggers, the reason is derived from the steps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from multiport.guest.files import PLAN_PATH
from multiport.review import user_data
from multiport.review.preview import NOTHING, UNKNOWN, Preview, Step
from multiport.review.redaction import SECRET
from multiport.review.topology import FLOATING_IP, SERVER, PortRow, Topology
from multiport.review.wording import code, codes

# How a reader would call the resource, most fatal first.
_WORDS: Final = {
    "compute:Instance": "server",
    "networking:Network": "network",
    "networking:Subnet": "subnet",
    "networking:FloatingIp": "floating IP",
    "networking:Port": "port",
    "networking:Router": "router",
    "networking:RouterInterface": "router interface",
    "networking:FloatingIpAssociate": "floating IP association",
    "compute:InterfaceAttach": "attachment",
    "networking:SubnetRoute": "host route",
    "networking:SecGroup": "security group",
    "networking:SecGroupRule": "security group rule",
    "compute:ServerGroup": "server group",
    "compute:Keypair": "key pair",
}

# Guest files named in a reason; their diffs name all.
_NAMED: Final = 3

_AVOID: Final = {
    "imageName": "keep the image until the server is replaced for another reason",
    "imageId": "keep the image until the server is replaced for another reason",
    "flavorName": "keep the flavor",
    "flavorId": "keep the flavor",
    "keyPair": "keep the key pair's name; put further keys into the cloud-config",
    "availabilityZone": "keep the availability zone",
    "blockDevices": "keep `boot_volume` as it is",
    "configDrive": "keep `config_drive` as it is",
    "networkId": "keep the port on its network; add a port on the other one with `hot: true`",
    "macAddress": "keep the MAC address",
    "cidr": "keep the subnet's CIDR; add a second subnet instead",
    "pool": "keep the pool; add a floating IP under another key",
    "schedulerHints": "keep the server group",
}

# Properties that hold an id, and what it is the id of.
_IDS: Final = {
    "networkId": "networking:Network",
    "subnetId": "networking:Subnet",
    "portId": "networking:Port",
    "routerId": "networking:Router",
    "instanceId": "compute:Instance",
}

# The provider updates these in place (its documentation: "Changing this rebuilds", "resizes the existing server").
_IN_PLACE: Final = {"rebuild": ("imageName", "imageId"), "resize": ("flavorName", "flavorId")}


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is replaced or deleted, or a server that is rebuilt or resized in place.

    Attributes:
        op: replace, delete, rebuild or resize.
        what: `server`, `port`, ... or the resource type.
        name: Its key if it has one, otherwise its resource name.
        because: One line per reason.
        means: One line per consequence.
        avoid: One line per way to avoid it; none if the change asks for it.
        urn: Its URN.
        follows: Whether it is only a consequence of another loss.
    """

    op: str
    what: str
    name: str
    because: tuple[str, ...]
    means: tuple[str, ...]
    avoid: tuple[str, ...]
    urn: str
    follows: bool


def losses(topology: Topology) -> tuple[Loss, ...]:
    """Return every loss, the most serious first."""
    found = [
        _loss(topology, step, op)
        for step in topology.preview.changed()
        if step.deployed
        if (op := operation(step)) not in ("create", "update")
    ]
    return tuple(sorted(found, key=lambda each: (rank(each.what), each.op == "replace", each.name, each.urn)))


def rank(what: str) -> tuple[int, str]:
    """Return the rank of a kind; the most important kind is the first."""
    words = list(_WORDS.values())
    return (words.index(what), "") if what in words else (len(words), what)


def operation(step: Step) -> str:
    """Return the step's operation; for an updated server, what Nova does with it: rebuild or resize."""
    if step.op == "update" and step.kind.endswith(SERVER):
        for op, keys in _IN_PLACE.items():
            if any(step.old.inputs.get(key) != step.new.inputs.get(key) for key in keys):
                return op
    return step.op


def word(step: Step) -> str:
    """Return the usual name of this kind of resource."""
    return _WORDS.get(step.kind.partition(":")[2], step.kind)


def _loss(topology: Topology, step: Step, op: str) -> Loss:
    because, avoid, follows = _reasons(topology, step) if op == step.op else _in_place(topology, step, op)
    return Loss(op, word(step), _name(topology, step), because, tuple(_means(topology, step)), avoid, step.urn, follows)


def _name(topology: Topology, step: Step) -> str:
    if step.kind.endswith(SERVER):
        return topology.server_of(step) or step.name
    if step.kind.endswith("networking:Port") and (server := topology.server_of(step)):
        return f"{server}.{topology.port_key(step)}"
    return step.name


def _reasons(topology: Topology, step: Step) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    if step.op == "delete":
        return _deleted(topology, step)
    because: list[str] = []
    avoid: list[str] = []
    causes = _replaced_dependencies(topology.preview, step)
    if step.trigger is not None:
        before, after = (_shown(each) for each in step.trigger)
        because.append(f"`guest_generation`: {before} → {after}")
        avoid.append(f"leave `guest_generation` at {before}")
    own = 0
    for key in step.forced_by:
        text, remedy, is_own = _EXPLAINED.get(key, _property)(topology, step, key)
        own += is_own
        because.append(text)
        avoid += remedy
    if not because and causes:
        because.append(f"it stands on {_list(topology, causes)}, which {'is' if len(causes) == 1 else 'are'} replaced")
    if not because:
        because.append("the engine names no property; its replacement trigger changed, or it was asked for on the command line")
    follows = bool(causes) and not own and step.trigger is None
    return tuple(because), tuple(dict.fromkeys(avoid)), follows


def _in_place(topology: Topology, step: Step, op: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    keys = [key for key in _IN_PLACE[op] if step.old.inputs.get(key) != step.new.inputs.get(key)]
    told = [_property(topology, step, key) for key in keys]
    return tuple(text for text, _, _ in told), tuple(dict.fromkeys(remedy for _, each, _ in told for remedy in each)), False


def _replaced_dependencies(preview: Preview, step: Step) -> list[Step]:
    urns = {urn for urns in (step.depends or {}).values() for urn in urns}
    return [each for urn in sorted(urns) if (each := preview.steps.get(urn)) is not None and each.op == "replace"]


def _list(topology: Topology, steps: list[Step]) -> str:
    return ", ".join(f"{word(step)} {code(_name(topology, step))}" for step in steps)


def _deleted(topology: Topology, step: Step) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    parent = topology.component(step)
    if parent is not None and parent.op == "delete":
        owner = _lives_on(topology, parent)
        if owner is not None:
            return (f"no floating IP of {code(owner.name)} is declared any more",), (), False
        return (f"{code(parent.name)} is no longer declared",), (), True
    born_again = [
        each
        for each in topology.preview.changed()
        if each.op == "create" and each.kind == step.kind and each.parent == step.parent
    ]
    if step.kind.endswith("networking:Port") and len(born_again) == 1 and parent is not None:
        old, new = topology.port_key(step), topology.port_key(born_again[0])
        return (
            ("it is no longer declared",),
            (f"if {code(new)} is {code(old)} renamed, give it {code(f'formerly: [{old}]')}: port, address and server then stay",),
            False,
        )
    return ("it is no longer declared",), (), False


def _lives_on(topology: Topology, component: Step) -> Step | None:
    """Return what has lost all of its floating IPs, if that is why this component goes; they are a component of their own."""
    if not component.kind.endswith(":FloatingIps"):
        return None
    parent = topology.component(component)
    if parent is not None and parent.kind != "pulumi:pulumi:Stack":
        return parent if parent.op != "delete" else None
    return next(
        (
            item
            for item in topology.preview.steps.values()
            if item.name == component.name and item.kind.startswith("multiport:") and item.op != "delete"
        ),
        None,
    )


def _property(topology: Topology, step: Step, key: str) -> tuple[str, list[str], bool]:
    causes = [
        each
        for urn in (step.depends or {}).get(key, ())
        if (each := topology.preview.steps.get(urn)) is not None and each.op == "replace"
    ]
    if causes:
        return f"{code(key)} changes, because {_list(topology, causes)} {'is' if len(causes) == 1 else 'are'} replaced", [], False
    old, new = step.old.inputs.get(key), step.new.inputs.get(key)
    remedy = [_AVOID[key]] if key in _AVOID else [f"leave {code(key)} as it is"]
    return f"{code(key)}: {_named(topology, old)} → {_planned(topology, step, key, new)}", remedy, True


def _networks(topology: Topology, step: Step, key: str) -> tuple[str, list[str], bool]:
    component = topology.component(step)
    if component is None:
        return _property(topology, step, key)
    ports = [each for each in topology.ports if each.server == component.name]
    boot = [port for port in ports if "hot" not in port.marks or "becomes hot" in port.notes]
    came = [port.key for port in boot if port.op == "create" or "becomes a boot port" in port.notes]
    went = [port.key for port in ports if port.op == "delete" and not _was_hot(topology, port)]
    went += [port.key for port in ports if "becomes hot" in port.notes]
    replaced = [port.key for port in boot if port.op == "replace"]
    told: list[str] = []
    remedy: list[str] = []
    if came:
        told.append(f"{codes(came)} {'joins' if len(came) == 1 else 'join'} the boot ports")
        remedy.append(f"declare {codes(came)} with `hot: true`: a hot port never costs the server")
    if went:
        told.append(f"{codes(went)} {'leaves' if len(went) == 1 else 'leave'} the boot ports")
        remedy.append("keep the port, without a floating IP, until the server is replaced anyway")
    if replaced:
        told.append(f"{codes(replaced)} {'is' if len(replaced) == 1 else 'are'} replaced")
    if not told:
        told.append("the order of the boot ports changes")
        remedy.append("keep `primary_port` as it is")
    return f"{code(key)}: {', '.join(told)}", remedy, not replaced or bool(came or went)


def _was_hot(topology: Topology, row: PortRow) -> bool:
    attachment = topology.attachment(topology.preview.steps[row.urn])
    return attachment is not None and attachment.old is not NOTHING


def _user_data(topology: Topology, step: Step, key: str) -> tuple[str, list[str], bool]:
    server = topology.server_of(step) or step.name
    told = next((each for each in topology.user_data() if each.server == server), None)
    if told is None:
        # neither the engine nor our own code knows the new text; it holds the ports' MAC addresses
        return f"{code(key)} changes with the boot ports", [], False
    if told.secret:
        return f"{code(key)} changes; it is secret", ["keep the cloud-config, or set `guest_update: keep`"], True
    paths = [each.path for each in user_data.diffs(told.old, told.new)]
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    names = ", ".join(user_data.kind_of(path) for path in paths[:_NAMED]) + more or "what is in it"
    beyond_plan = [path for path in paths if path != PLAN_PATH]
    remedy = (
        ["`guest_update: keep` lets the living server stay; the new text waits for its next replacement"] if beyond_plan else []
    )
    return f"{code(key)}: {names}", remedy, bool(beyond_plan)


_EXPLAINED: Final[dict[str, Callable[[Topology, Step, str], tuple[str, list[str], bool]]]] = {
    "networks": _networks,
    "userData": _user_data,
}


def _means(topology: Topology, step: Step) -> Iterator[str]:
    kind = step.kind.split(":", 1)[1]
    if kind == "compute:Instance":
        yield from _server_means(topology, step)
    elif kind == "networking:Port":
        yield from _port_means(topology, step)
    elif kind == "networking:FloatingIp":
        yield f"{_address(step)} goes back to its pool; nothing promises that it comes back"
        if step.op == "replace":
            yield "another address takes its place: DNS and allow-lists must follow"
    elif kind == "networking:FloatingIpAssociate":
        yield from _association_means(topology, step)
    elif kind == "networking:SecGroupRule" and step.op == "delete":
        yield from _rule_means(topology, step)
    elif kind == "networking:SecGroup" and step.op == "delete":
        yield from _group_means(topology, step)
    elif kind == "compute:InterfaceAttach":
        again = (
            ""
            if step.op == "delete"
            else ", and that of the new port takes its place"
            if "portId" in step.forced_by
            else " and put back"
        )
        yield f"the NIC is taken off the server{again}"
    elif kind in ("networking:Network", "networking:Subnet") and step.op == "replace":
        yield "everything on it follows: ports, their servers, router interfaces"
    elif kind == "networking:RouterInterface":
        yield "floating IPs and everything routed stop answering" + (" until it is back" if step.op == "replace" else "")
    elif step.op == "replace":
        yield "it is made anew"
    else:
        yield "it is gone"


def _server_means(topology: Topology, step: Step) -> Iterator[str]:
    ports = [each for each in topology.ports if each.server == (topology.server_of(step) or step.name)]
    volume = step.old.inputs.get("blockDevices")
    disk = "its boot volume" if volume else "its disk"
    if step.op == "delete":
        yield f"the server is deleted, and {disk} with it"
        return
    if (op := operation(step)) == "resize":
        yield "down while Nova moves it to the new flavor; disk, ports and addresses stay"
        return
    if op == "rebuild":
        yield f"down while Nova writes the new image over {disk}, and everything on it is lost"
        yield "server id, ports and addresses stay; user data is the one that it was born with"
        return
    yield f"down while it is deleted and built anew from its image; everything on {disk} is lost"
    kept = [port for port in ports if port.op in ("same", "update")]
    if kept:
        yield f"keeps {codes(each.key for each in kept)}: MAC, fixed and floating IPs stay"
    lost = [port for port in ports if port.op in ("replace", "delete")]
    if lost:
        yield f"loses the present {codes(each.key for each in lost)}"


def _port_means(topology: Topology, step: Step) -> Iterator[str]:
    row = next(each for each in topology.ports if each.urn == step.urn)
    old = codes(row.fixed_ips.old) or "its address"
    if step.op == "delete":
        yield f"{old} is free for others"
        if row.floating_ips.old:
            yield f"{codes(row.floating_ips.old)} no longer leads here"
        return
    if row.fixed_ips.changed:
        yield f"{old} is lost: {codes(row.fixed_ips.new)} takes its place, with another MAC address"
    else:
        yield f"{old} is kept, with another MAC address"
    if row.floating_ips.old:
        stays = set(row.floating_ips.old) & set(row.floating_ips.new)
        yield f"{codes(row.floating_ips.old)} {'answers again once it is there' if stays else 'no longer leads here'}"


def _association_means(topology: Topology, step: Step) -> Iterator[str]:
    address = topology.floating_address(step, "old")
    released = any(
        each.kind.endswith(FLOATING_IP) and each.old.outputs.get("address") == address and each.op in ("delete", "replace")
        for each in topology.preview.changed()
    )
    if released:
        yield f"{code(address)} no longer leads here and is released"
    elif target := topology.leads_to(address):
        yield f"{code(address)} stops answering for a moment, then leads to {code(target)}; the address is kept"
    else:
        yield f"{code(address)} no longer leads here; the project keeps it"
    if step.op == "replace" and (follows := topology.floating_address(step, "new")) != address:
        yield f"{code(follows)} leads here instead"


def _rule_means(topology: Topology, step: Step) -> Iterator[str]:
    group = step.old.inputs.get("securityGroupId")
    way = "out" if step.old.inputs.get("direction") == "egress" else "in"
    holders = _holders(topology, group)
    yield (
        f"{codes(holders)} no longer {'let' if len(holders) > 1 else 'lets'} {way} what it allowed"
        if holders
        else ("no port of this stack has its group")
    )


def _group_means(topology: Topology, step: Step) -> Iterator[str]:
    holders = _holders(topology, step.old.id)
    yield f"{codes(holders)} had its rules" if holders else "no port of this stack had it"


def _holders(topology: Topology, group: object) -> list[str]:
    """Return the keys of the servers with a port in a group, before or after; a virtual address's port has a key of its own."""
    ports = (
        each
        for each in topology.preview.of("networking:Port")
        if group in _listed(each.old.inputs.get("securityGroupIds"))
        or group in _listed(each.old.outputs.get("allSecurityGroupIds"))
    )
    return sorted({topology.server_of(port) or port.name for port in ports})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _address(step: Step) -> str:
    address = step.old.outputs.get("address")
    return code(address) if isinstance(address, str) else "the address"


def _named(topology: Topology, value: Any) -> str:
    """Return a value as text; an id is replaced by the name of its object."""
    step = topology.by_id(value)
    return _shown(value) if step is None else f"{word(step)} {code(_name(topology, step))}"


def _planned(topology: Topology, step: Step, key: str, value: Any) -> str:
    """Return a new value as text; an id that the update will create is replaced by the name of its object."""
    if value is UNKNOWN and key in _IDS:
        for urn in (step.depends or {}).get(key, ()):
            target = topology.preview.steps.get(urn)
            if target is not None and target.op == "create" and target.kind.endswith(_IDS[key]):
                return f"the new {word(target)} {code(_name(topology, target))}"
    return _named(topology, value)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if value is UNKNOWN:
        return str(UNKNOWN)
    return SECRET if value == SECRET else code(value)
