"""Reads the servers, ports and networks of a preview, before and after the change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from multiport.guest.plan import priorities, table
from multiport.guest.slots import derived_slot
from multiport.review.preview import NOTHING, UNKNOWN, Preview, State, Step
from multiport.review.redaction import SECRET

PORT: Final = "networking:Port"
SERVER: Final = "compute:Instance"
ATTACHMENT: Final = "compute:InterfaceAttach"
FLOATING_IP: Final = "networking:FloatingIp"
ASSOCIATION: Final = "networking:FloatingIpAssociate"
UNKNOWN_TEXT: Final = "(known after the update)"
CHOSEN: Final = "chosen by Neutron"


@dataclass(frozen=True, slots=True)
class Cell:
    """One property of a port before and after the change; empty if it has no value."""

    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class PortRow:
    """A port of a server, or an unbound one that holds a virtual address (`server` is then empty).

    Attributes:
        server: The server's key.
        key: The port's key.
        marks: `primary`, `hot`, `virtual address`.
        op: What becomes of it: same, create, update, replace or delete.
        notes: What happens around it: the server is replaced, it is attached anew, its floating IP moves.
        network: Key or name of its network.
        fixed_ips: Addresses, or where Neutron will choose one.
        pairs: Allowed address pairs.
        table: Routing table in the guest.
        priorities: Rule priorities in the guest.
        floating_ips: Floating IPs.
        urn: URN of the port.
    """

    server: str
    key: str
    marks: tuple[str, ...]
    op: str
    notes: tuple[str, ...]
    network: Cell
    fixed_ips: Cell
    pairs: Cell
    table: Cell
    priorities: Cell
    floating_ips: Cell
    urn: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The properties that may differ before and after."""
        return self.network, self.fixed_ips, self.pairs, self.table, self.priorities, self.floating_ips

    @property
    def changed(self) -> bool:
        """Whether it must be shown to the reader."""
        return self.becomes != "keep" or bool(self.notes)

    @property
    def becomes(self) -> str:
        """The operation in one word; it may be a change even if only the port's floating IP moves."""
        if self.op != "same":
            return self.op
        return "update" if any(cell.changed for cell in self.cells) else "keep"


@dataclass(frozen=True, slots=True)
class UserData:
    """A server's user data: the text it was created with, the text that the program renders now, and what the guest gets.

    Attributes:
        server: The server's key.
        old: Before; None when there is no server, no user data, or it is secret.
        new: Rendered now; None likewise.
        fate: `delivered` with a new server, `held back` until the next one, or `same`.
        secret: Whether either is secret, so that nothing can be said of the files.
    """

    server: str
    old: str | None
    new: str | None
    fate: str
    secret: bool


class Topology:
    """The servers and their ports in a preview.

    Args:
        preview: The preview.
        rendered: User data that the engine does not know yet, by server.
    """

    def __init__(self, preview: Preview, rendered: Mapping[str, str]) -> None:
        self.preview = preview
        self._rendered = rendered
        self._by_id = {
            each.id: step
            for step in preview.steps.values()
            if not step.kind.startswith("multiport:")
            for each in (step.old, step.new)
            if each.id
        }
        self._attachments = {(step.parent, step.name): step for step in preview.of(ATTACHMENT)}
        self._associations = list(preview.of(ASSOCIATION))
        self._networks = dict(self._network_names())
        self.servers = {self._server_key(step): step for step in preview.of(SERVER)}
        self._primary = {each.server: _primary_slot(each.new or each.old or "") for each in self.user_data()}
        self.ports = tuple(
            sorted((self._row(step) for step in preview.of(PORT)), key=lambda row: (not row.server, row.server, row.key, row.urn))
        )

    def component(self, step: Step) -> Step | None:
        """Return the component that a resource is part of."""
        return self.preview.steps.get(step.parent)

    def server_of(self, port: Step) -> str:
        """Return the key of the server that a port belongs to; empty for a port without a server."""
        component = self.component(port)
        return component.name if component is not None and component.kind.endswith(":MultiPortInstance") else ""

    def port_key(self, port: Step) -> str:
        """Return the port's key; in a component with one virtual address only, as in a stack file, the key of the component."""
        component = self.component(port)
        if component is None:
            return port.name
        if component.kind.endswith(":AddressPairs") and len(_declared(component.state)) == 1:
            return component.name
        return port.name.removeprefix(f"{component.name}-")

    def by_id(self, value: object) -> Step | None:
        """Return the resource that has this id."""
        return self._by_id.get(value) if isinstance(value, str) else None

    def attachment(self, port: Step) -> Step | None:
        """Return the attachment that makes a port a hot port."""
        return self._attachments.get((port.parent, port.name))

    def port_of(self, association: Step, side: str) -> Step | None:
        """Return the port of a floating IP, before (`old`) or after (`new`)."""
        return self._reference(association, side, "portId", PORT)

    def network_of(self, port: Step, side: str) -> str:
        """Key of the port's network, before or after."""
        state: State = getattr(port, side)
        network_id = state.inputs.get("networkId")
        if isinstance(network_id, str) and network_id in self._networks:
            return self._networks[network_id]
        for urn in (port.depends or {}).get("networkId", ()) if side == "new" else ():
            step = self.preview.steps.get(urn)
            if step is not None and step.kind.endswith("networking:Network"):
                return self._network_key(step)
        named = self._network_in_config(port) or self._network_by_range(port, side)
        return named or (network_id if isinstance(network_id, str) else UNKNOWN_TEXT)

    def user_data(self) -> Iterator[UserData]:
        """User data of every server, in the order of their keys."""
        for key, step in sorted(self.servers.items()):
            component = self.component(step)
            old, new = step.old.inputs.get("userData"), step.new.inputs.get("userData")
            exported = component.new.outputs.get("userData") if component is not None else None
            if isinstance(exported, str):
                new = exported or None
            if new is UNKNOWN:
                new = self._rendered.get(key, UNKNOWN)
            if step.op == "delete" or new is UNKNOWN:
                continue
            secret = SECRET in (old, new)
            if step.op in ("create", "replace"):
                fate = "delivered"
            elif secret:
                # the texts cannot be compared; the component did
                pending = component is not None and component.new.outputs.get("guestUpdatePending") is True
                fate = "held back" if pending and step.op == "same" else "same"
            else:
                fate = "same" if old == new else "held back"
            yield UserData(key, None if secret else old, None if secret else new, fate, secret)

    def floating_address(self, association: Step, side: str) -> str:
        """Return the floating IP of an association, or where it will come from."""
        state: State = getattr(association, side)
        address = state.inputs.get("floatingIp")
        if isinstance(address, str):
            return address
        source = self._reference(association, side, "floatingIp", FLOATING_IP)
        if source is not None and source.op in ("same", "update"):
            return _text(source.old.outputs.get("address"))
        pool = "" if source is None else source.new.inputs.get("pool", "")
        return f"new from {pool}" if isinstance(pool, str) and pool else UNKNOWN_TEXT

    def leads_to(self, address: str) -> str:
        """Return the server and port of a floating IP after the update, joined by a dot; empty if they are not known."""
        for each in self._associations:
            if each.new is not NOTHING and self.floating_address(each, "new") == address:
                port = self.port_of(each, "new")
                return each.name if port is None else ".".join(filter(None, (self.server_of(port), self.port_key(port))))
        return ""

    def _reference(self, step: Step, side: str, key: str, kind: str) -> Step | None:
        state: State = getattr(step, side)
        target = self._by_id.get(state.inputs.get(key, ""))
        if target is not None:
            return target
        for urn in (step.depends or {}).get(key, ()) if side == "new" else ():
            target = self.preview.steps.get(urn)
            if target is not None and target.kind.endswith(kind):
                return target
        return None

    def _server_key(self, server: Step) -> str:
        return self.server_of(server) or server.name

    def _network_key(self, network: Step) -> str:
        component = self.component(network)
        return component.name if component is not None and component.kind.endswith(":PrivateNetwork") else network.name

    def _network_names(self) -> Iterator[tuple[str, str]]:
        for step in self.preview.steps.values():
            if step.kind.endswith(":PrivateNetwork"):
                for state in (step.old, step.new):
                    if isinstance(network_id := state.outputs.get("networkId"), str):
                        yield network_id, step.name
            elif step.kind.endswith("networking:Network"):
                for state in (step.old, step.new):
                    if state.id:
                        yield state.id, self._network_key(step)

    def _network_in_config(self, port: Step) -> str | None:
        """Return the name of a network that is not in the stack, from the configuration."""
        servers = self.preview.config.get("servers")
        server = servers.get(self.server_of(port)) if isinstance(servers, dict) else None
        entry = server.get("ports", {}).get(self.port_key(port)) if isinstance(server, dict) else None
        if not isinstance(entry, dict):
            return None
        name = entry.get("external_network", entry.get("network"))
        return name if isinstance(name, str) else None

    def _network_by_range(self, port: Step, side: str) -> str | None:
        """Return an adopted network of a program without configuration, by the CIDRs of the subnets in its component."""
        component = self.component(port)
        fixed_ips = _declared(getattr(component, side)).get(self.port_key(port), {}).get("fixed_ips") if component else None
        ranges = {fixed_ip.get("cidr") for fixed_ip in fixed_ips.values()} if isinstance(fixed_ips, dict) else set()
        found = [
            step.name
            for step in self.preview.steps.values()
            if step.kind.endswith(":PrivateNetwork") and ranges and ranges <= _ranges(getattr(step, side))
        ]
        return found[0] if len(found) == 1 else None

    def _row(self, step: Step) -> PortRow:
        server, key = self.server_of(step), self.port_key(step)
        component = self.component(step)
        instance = self.servers.get(server)
        attachment = self.attachment(step)
        slots = (self._slot(component, key, "old"), self._slot(component, key, "new"))
        routed = tuple(instance is not None and _routed(getattr(instance, side)) for side in ("old", "new"))
        old_table = slots[0] if step.old is not NOTHING and routed[0] else None
        new_table = slots[1] if step.new is not NOTHING and routed[1] else None
        return PortRow(
            server=server,
            key=key,
            marks=self._marks(server, slots, attachment, bound=instance is not None),
            op=step.op,
            notes=tuple(self._notes(step, instance, attachment)),
            network=self._cell(step, lambda side: (self.network_of(step, side),)),
            fixed_ips=self._cell(step, lambda side: self._fixed_ips(step, component, key, side)),
            pairs=self._cell(step, lambda side: _pairs(getattr(step, side))),
            table=Cell(_number(old_table, lambda slot: str(table(slot))), _number(new_table, lambda slot: str(table(slot)))),
            priorities=Cell(_number(old_table, _priorities), _number(new_table, _priorities)),
            floating_ips=Cell(self._floating_ips(step, "old"), self._floating_ips(step, "new")),
            urn=step.urn,
        )

    def _cell(self, step: Step, value: Any) -> Cell:
        return Cell(() if step.old is NOTHING else value("old"), () if step.new is NOTHING else value("new"))

    def _marks(
        self, server: str, slots: tuple[int | None, int | None], attachment: Step | None, *, bound: bool
    ) -> tuple[str, ...]:
        if not bound:
            return ("virtual address",) if not server else ()
        if attachment is not None and attachment.op != "delete":
            return ("hot",)
        slot = slots[1] or slots[0]
        return ("primary",) if slot is not None and self._primary.get(server) == slot else ()

    def _notes(self, step: Step, instance: Step | None, attachment: Step | None) -> Iterator[str]:
        component = self.component(step)
        former = _declared(component.new).get(self.port_key(step), {}).get("formerly", []) if component is not None else []
        yield from (f"renamed from {name}" for name in former if component is not None and name in _declared(component.old))
        if step.op in ("create", "delete"):
            return
        if attachment is not None and attachment.op in ("create", "delete"):
            yield {"create": "becomes hot", "delete": "becomes a boot port"}[attachment.op]
        if instance is not None and instance.op == "replace":
            yield "on a new server"
        elif attachment is not None and attachment.op == "replace":
            yield "attached anew"
        elif instance is not None and instance.op == "delete":
            yield "its server goes"

    @staticmethod
    def _slot(component: Step | None, key: str, side: str) -> int | None:
        if component is None or not component.kind.endswith(":MultiPortInstance"):
            return None
        new = _declared(component.new).get(key, {})
        declared = _declared(getattr(component, side))
        names = [key, *reversed(new.get("formerly", []))]
        entry = next((declared[name] for name in names if name in declared), None)
        if entry is None:
            return None
        slot = entry.get("slot")
        born = (entry.get("formerly") or [next(name for name in names if name in declared)])[0]
        return int(slot) if isinstance(slot, int | float) else derived_slot(born)

    def _fixed_ips(self, step: Step, component: Step | None, key: str, side: str) -> tuple[str, ...]:
        held = step.old.outputs.get("allFixedIps")
        addresses = _sorted(held) if isinstance(held, list) else ()
        if side == "old":
            return addresses
        if step.op in ("same", "update") and step.old.inputs.get("fixedIps") == step.new.inputs.get("fixedIps"):
            return addresses
        entry = _declared(component.new).get(key, {}) if component is not None else {}
        declared = entry.get("fixed_ips")
        if not isinstance(declared, dict):
            # a port of no server of ours: the one of a virtual address, or one that a program makes by itself
            listed = step.new.inputs.get("fixedIps")
            known = [entry.get("ipAddress") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
            return _sorted([entry if isinstance(entry, str) else CHOSEN for entry in known]) or (CHOSEN,)
        before = self._held(component, key, entry) if step.op == "update" else {}
        wanted = [
            each.get("ip_address") or before.get(name) or f"one of {each['cidr']}" for name, each in sorted(declared.items())
        ]
        return _sorted(wanted) or (CHOSEN,)

    @staticmethod
    def _held(component: Step | None, key: str, entry: Mapping[str, Any]) -> Mapping[str, str]:
        ports = component.old.outputs.get("ports") if component is not None else None
        if not isinstance(ports, dict):
            return {}
        port: Mapping[str, Any] = next(
            (ports[name] for name in (key, *entry.get("formerly", [])) if isinstance(ports.get(name), dict)), {}
        )
        fixed_ips = port.get("fixed_ips")
        return fixed_ips if isinstance(fixed_ips, dict) else {}

    def _floating_ips(self, port: Step, side: str) -> tuple[str, ...]:
        pointing = [
            each for each in self._associations if getattr(each, side) is not NOTHING and self.port_of(each, side) is port
        ]
        return tuple(sorted(self.floating_address(each, side) for each in pointing))


def _declared(state: State) -> dict[str, dict[str, Any]]:
    declared = state.inputs.get("declared")
    return {key: each for key, each in declared.items() if isinstance(each, dict)} if isinstance(declared, dict) else {}


def _ranges(network: State) -> set[str]:
    """Return the CIDRs of the subnets that a network component declares."""
    subnets = _declared(network).get("subnets", {})
    return {subnet["cidr"] for subnet in subnets.values() if isinstance(subnet, dict) and isinstance(subnet.get("cidr"), str)}


def _primary_slot(user_data: str) -> int | None:
    """Return the slot of the port that is primary in the guest's plan."""
    for line in user_data.splitlines():
        words = line.split()
        if words[:1] == ["port"] and words[-1] == "primary" and words[1].isdecimal():
            return int(words[1])
    return None


def _routed(server: State) -> bool:
    """Return whether the guest uses policy routing: if so, its metadata describes its ports or is not known yet."""
    metadata = server.inputs.get("metadata")
    return metadata is UNKNOWN or metadata == SECRET or any(key.startswith("multiport.port.") for key in metadata or ())


def _pairs(port: State) -> tuple[str, ...]:
    pairs = port.inputs.get("allowedAddressPairs") or ()
    if pairs is UNKNOWN:
        return (UNKNOWN_TEXT,)
    return _sorted([_text(pair.get("ipAddress")) for pair in pairs if isinstance(pair, dict)])


def _number(slot: int | None, show: Any) -> tuple[str, ...]:
    return () if slot is None else (show(slot),)


def _priorities(slot: int) -> str:
    numbers = priorities(slot)
    return f"{numbers[0]}-{numbers[-1]}"


def _text(value: Any) -> str:
    return UNKNOWN_TEXT if value is UNKNOWN or value is None else str(value)


def _sorted(addresses: Iterable[Any]) -> tuple[str, ...]:
    """Sort addresses in numeric order, IPv4 first; words come last."""

    def place(text: str) -> tuple[int, int, str]:
        try:
            address = ip_address(text.partition("/")[0])
        except ValueError:
            return 9, 0, text
        return address.version, int(address), text

    return tuple(sorted((_text(address) for address in addresses), key=place))
