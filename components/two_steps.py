"""Changes that Neutron takes only in two updates, refused before the first call with the way to do it.

Pulumi creates and updates first and deletes last, which is the wrong order for what Neutron counts as in use: an address
that still carries a floating IP, a gateway that still carries a router interface. Each component registers what it declares
as plain data; the engine hands old and new to a hook before anything of the component is touched, in the preview already.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import pulumi

from multiport.components import addressing
from multiport.components.config_error import ConfigError, Fault

Declared = Mapping[str, Any]
Compare = Callable[[str, Declared, Declared, Declared], Iterator[Fault]]

ONCE_MORE = "then run `pulumi up`, and make the other change in a second update"
RELEASED = "An allocated floating IP that is taken out goes back to its pool; one named by `address` stays the project's"

_IN_STACK_FILE: Final[ContextVar[bool]] = ContextVar("in_stack_file", default=False)


@contextmanager
def in_stack_file() -> Iterator[None]:
    """Say that the components made meanwhile are declared in a stack file: what is wrong with them is told by its keys."""
    token = _IN_STACK_FILE.set(True)
    try:
        yield
    finally:
        _IN_STACK_FILE.reset(token)


def guarded(name: str, opts: pulumi.ResourceOptions | None, compare: Compare) -> pulumi.ResourceOptions:
    """The component's options with a hook that refuses an update in which `compare` finds a fault."""
    parent = None if opts is None else opts.parent
    place = declared_at(name, compare, parent)

    def refuse(args: pulumi.ResourceHookArgs) -> None:
        old, new = (args.old_inputs or {}).get("declared"), (args.new_inputs or {}).get("declared")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            faults = list(compare(place, old, new, args.old_outputs or {}))
            if faults:
                raise ConfigError(faults)

    # a component's name is its own only below one parent, and the engine refuses a second hook of a name
    owner = (
        f"{parent.pulumi_resource_type}-{parent.pulumi_resource_name}-" if isinstance(parent, pulumi.ComponentResource) else ""
    )
    hook = pulumi.ResourceHook(f"two-steps-{compare.__name__}-{owner}{name}", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook])))


def declared_at(name: str, compare: Compare, parent: pulumi.Resource | None = None) -> str:
    """Where the component that a rule is about is declared: its path in the stack file, or its type and name in a program."""
    if compare is floating_ip_faults and isinstance(parent, pulumi.ComponentResource) and _kind(parent) == "MultiPortInstance":
        name, compare = parent.pulumi_resource_name, port_faults
    kind, section = _DECLARED_IN[compare]
    return f"{section}.{name}" if _IN_STACK_FILE.get() else f"{kind} {name}"


def _kind(component: pulumi.ComponentResource) -> str:
    return component.pulumi_resource_type.rpartition(":")[2]


def network_faults(place: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """A gateway cannot go while a router interface uses it: 409 GatewayIpInUse (measured)."""
    if "router" not in old or "existing" in old:
        return
    for key, before in old["subnets"].items():
        now = new["subnets"].get(key)
        if now is None or now["cidr"] != before["cidr"] or before.get("no_gateway"):
            continue
        if addressing.gateway_ip(now) != addressing.gateway_ip(before):
            first = "Take `router` out first" if "router" in new else "Leave the gateway as it is while `router` goes"
            yield Fault(
                f"{place}.subnets.{key}.gateway_ip",
                "the router's interface still uses this gateway, and Neutron answers 409 GatewayIpInUse",
                f"{first}, {ONCE_MORE}",
            )


def floating_ip_faults(place: str, old: Declared, new: Declared, old_outputs: Declared) -> Iterator[Fault]:
    """An address takes one floating IP at a time, and a dropped association takes its floating IP off wherever it points.

    A floating IP that the stack allocated is released with its key: adopting it by its address would lose it (measured).
    """
    by_target = {entry["target"]: key for key, entry in old.items() if "target" in entry}
    by_address = {entry["address"]: key for key, entry in old.items() if "address" in entry}
    held = old_outputs.get("addresses") or {}
    allocated = {held[key]: key for key, entry in old.items() if "address" not in entry and key in held}
    for key, entry in new.items():
        where = _floating_ip_path(place, key, entry)
        if owner := allocated.get(entry.get("address", "")):
            yield Fault(
                where,
                f"the stack itself allocated {entry['address']}, under the key '{owner}'; named by `address`, it would be "
                "released in the same update",
                f"Say `key: {owner}` instead of `address`"
                if owner != key
                else "Leave out `address`: the key keeps the floating IP",
            )
            continue
        holder = by_target.get(entry.get("target", ""))
        if holder is not None and holder != key:
            yield Fault(
                where,
                f"{entry['target']} still carries '{holder}': Neutron answers 409 FloatingIPPortAlreadyAssociated",
                f"Take '{holder}' off {entry['target']} and leave '{key}' where it is first, {ONCE_MORE}. {RELEASED}",
            )
        former = by_address.get(entry.get("address", ""))
        if former is not None and former != key:
            yield Fault(
                where,
                f"{entry['address']} is still associated under the key '{former}'",
                f"Take '{former}' out first, {ONCE_MORE}; or keep the key '{former}' and only point it elsewhere",
            )


def _floating_ip_path(place: str, key: str, entry: Declared) -> str:
    """Where the user declared a floating IP."""
    if place.startswith("FloatingIps "):
        return f"{place}.addresses.{key}"
    port, dot, fixed_ip = entry.get("target", "").partition(".")
    return f"{place}.ports.{port}.fixed_ips.{fixed_ip}.floating_ip" if dot else f"{place}.floating_ip"


def virtual_ip_faults(place: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """An address leaves its port only without its floating IP, be it to come back on the new address or not."""
    for key, before in old.items():
        now = new.get(key, before)
        if before.get("floating_ip") and now["cidr"] == before["cidr"] and now["ip_address"] != before["ip_address"]:
            where = f"{place}.virtual_ips.{key}" if place.startswith("AddressPairs ") else place
            yield Fault(
                f"{where}.ip_address",
                f"{before['ip_address']} still carries a floating IP, and Neutron refuses to take it off the port (400)",
                f"Take `floating_ip` out first, {ONCE_MORE}. {RELEASED}",
            )


def security_group_faults(place: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """A group's ports cannot change its kind: 409 SecurityGroupInUse (measured). A group of another key can take its place."""
    if old.get("stateful", True) != new.get("stateful", True):
        yield Fault(
            f"{place}.stateful",
            "the group's ports still use it, and Neutron answers 409 SecurityGroupInUse",
            "Leave this group out and declare it under another key: its ports take the new one, then the old one goes",
        )


def port_faults(place: str, old: Declared, new: Declared, old_outputs: Declared) -> Iterator[Fault]:
    """What happens to addresses that living ports hold: Neutron chooses anew, or refuses, where the config is not exact."""
    renamed = {former: key for key, port in new.items() for former in port.get("formerly", [])}
    states = {key: old_outputs.get("ports", {}).get(key, {}) for key in old}
    held = {key: _held(port, states[key]) for key, port in old.items()}
    for key, before in old.items():
        port = new.get(renamed.get(key, key))
        if port is not None and _asked(port) != _asked(before):
            yield from _changed_addresses(f"{place}.ports.{key}", before, port, states[key])
    holders = {address: renamed.get(key, key) for key, addresses in held.items() for address in addresses.values()}
    for key, port in new.items():
        for fixed_key, each in port["fixed_ips"].items():
            holder = holders.get((each["cidr"], each.get("ip_address", "")), key)
            if holder != key:
                yield Fault(
                    f"{place}.ports.{key}.fixed_ips.{fixed_key}.ip_address",
                    f"{each['ip_address']} is still held by the port '{holder}', and Neutron gives it to one port only",
                    f"If this is '{holder}' renamed, say `formerly: [{holder}]`; else take it off there first, {ONCE_MORE}",
                )


def _changed_addresses(path: str, before: Declared, port: Declared, state: Declared) -> Iterator[Fault]:
    """Addresses that leave a living port although Neutron would choose anew, or refuses.

    Args:
        path: Where the port is declared.
        before: What was declared of the port.
        port: What is declared now.
        state: What became of the port: its outputs.
    """
    asked = _asked(port)
    cidrs = {cidr for cidr, _ in asked}
    if not cidrs & {cidr for cidr, _ in _asked(before)}:
        return  # another network: the port is replaced, and its floating IP follows
    held = _held(before, state)
    for fixed_key, each in before["fixed_ips"].items():
        cidr, address = held.get(fixed_key, (each["cidr"], ""))
        where = f"{path}.fixed_ips.{fixed_key}"
        if (cidr, address) in asked:
            continue
        if (cidr, "") in asked:
            # measured: a PUT of fixed_ips that names only the subnet gives the port another address there
            yield Fault(
                where,
                "Neutron would choose another address here, for it keeps only those that the update names",
                f"Pin the present one: `ip_address: {address or '...'}`",
            )
        elif each.get("floating_ip"):
            public = state.get("floating_ips", {}).get(fixed_key)
            born = (before.get("formerly") or [path.rpartition(".")[2]])[0]
            yield Fault(
                where,
                f"{address or 'the address'} still carries {public or 'a floating IP'}, and Neutron refuses to take it off the "
                "port (400)",
                f"To keep the floating IP, pin this entry by `ip_address: {address or '...'}`, declare the other address beside "
                f"it, and move `floating_ip` there with `key: {born}.{fixed_key}` or the key that it has; run `pulumi up`; then "
                "take this entry out in a second update. To give it up, take `floating_ip` out first, and change the address in "
                f"a second update. {RELEASED}",
            )


def _asked(port: Declared) -> set[tuple[str, str]]:
    """The addresses that a port asks for: subnet and address, empty where Neutron chooses."""
    return {(each["cidr"], each.get("ip_address", "")) for each in port["fixed_ips"].values()}


def _held(port: Declared, state: Declared) -> dict[str, tuple[str, str]]:
    """The addresses that a port holds, by key: as pinned, else as Neutron chose."""
    chosen = state.get("fixed_ips", {})
    found = {key: (each["cidr"], each.get("ip_address") or chosen.get(key, "")) for key, each in port["fixed_ips"].items()}
    return {key: each for key, each in found.items() if each[1]}


_DECLARED_IN: Final[Mapping[Compare, tuple[str, str]]] = {
    network_faults: ("PrivateNetwork", "networks"),
    floating_ip_faults: ("FloatingIps", "virtual_ips"),
    virtual_ip_faults: ("AddressPairs", "virtual_ips"),
    security_group_faults: ("SecurityGroup", "security_groups"),
    port_faults: ("MultiPortInstance", "servers"),
}
"""Each rule's component, and the section of the stack file that declares it; floating IPs of their own are virtual addresses'."""
