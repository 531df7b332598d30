"""Changes that Neutron takes only in two updates, refused before the first call with the way to do it.

Pulumi creates and updates first and deletes last, which is the wrong order for what Neutron counts as in use: an address
that still carries a floating IP, a gateway that still carries a router interface. Each component registers what it declares
as plain data; the engine hands old and new to a hook before anything of the component is touched, in the preview already.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi

from multiport.components import addressing
from multiport.components.config_error import ConfigError, Fault

Declared = Mapping[str, Any]
Compare = Callable[[str, Declared, Declared, Declared], Iterator[Fault]]

ONCE_MORE = "then run `pulumi up`, and make the other change in a second update"


def guarded(name: str, opts: pulumi.ResourceOptions | None, compare: Compare) -> pulumi.ResourceOptions:
    """The component's options with a hook that refuses an update in which `compare` finds a fault."""

    def refuse(args: pulumi.ResourceHookArgs) -> None:
        old, new = (args.old_inputs or {}).get("declared"), (args.new_inputs or {}).get("declared")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            faults = list(compare(name, old, new, args.old_outputs or {}))
            if faults:
                raise ConfigError(faults)

    parent = None if opts is None else opts.parent
    # a component's name is its own only below one parent, and the engine refuses a second hook of a name
    owner = (
        f"{parent.pulumi_resource_type}-{parent.pulumi_resource_name}-" if isinstance(parent, pulumi.ComponentResource) else ""
    )
    hook = pulumi.ResourceHook(f"two-steps-{compare.__name__}-{owner}{name}", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook])))


def network_faults(name: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
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
                f"{name}.subnets.{key}.gateway_ip",
                "the router's interface still uses this gateway, and Neutron answers 409 GatewayIpInUse",
                f"{first}, {ONCE_MORE}",
            )


def floating_ip_faults(name: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """An address takes one floating IP at a time, and a dropped association takes its floating IP off wherever it points."""
    by_target = {entry["target"]: key for key, entry in old.items() if "target" in entry}
    by_address = {entry["address"]: key for key, entry in old.items() if "address" in entry}
    for key, entry in new.items():
        holder = by_target.get(entry.get("target", ""))
        if holder is not None and holder != key:
            yield Fault(
                f"{name}.{key}",
                f"{entry['target']} still carries '{holder}': Neutron answers 409 FloatingIPPortAlreadyAssociated",
                f"Take '{holder}' off {entry['target']} and leave '{key}' where it is first, {ONCE_MORE}",
            )
        former = by_address.get(entry.get("address", ""))
        if former is not None and former != key:
            yield Fault(
                f"{name}.{key}",
                f"{entry['address']} is still associated under the key '{former}'",
                f"Take '{former}' out first, {ONCE_MORE}; or keep the key '{former}' and only point it elsewhere",
            )


def virtual_ip_faults(name: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """An address leaves its port only without its floating IP, be it to come back on the new address or not."""
    for key, before in old.items():
        now = new.get(key, before)
        if before.get("floating_ip") and now["cidr"] == before["cidr"] and now["ip_address"] != before["ip_address"]:
            yield Fault(
                f"{name}.{key}.ip_address",
                f"{before['ip_address']} still carries a floating IP, and Neutron refuses to take it off the port (400)",
                f"Take `floating_ip` out first, {ONCE_MORE}",
            )


def security_group_faults(name: str, old: Declared, new: Declared, _: Declared) -> Iterator[Fault]:
    """A group's ports cannot change its kind: 409 SecurityGroupInUse (measured). A group of another key can take its place."""
    if old.get("stateful", True) != new.get("stateful", True):
        yield Fault(
            f"{name}.stateful",
            "the group's ports still use it, and Neutron answers 409 SecurityGroupInUse",
            f"Leave '{name}' out and declare this group under another key: its ports take the new one, then the old one goes",
        )


def port_faults(name: str, old: Declared, new: Declared, old_outputs: Declared) -> Iterator[Fault]:
    """What happens to addresses that living ports hold: Neutron chooses anew, or refuses, where the config is not exact."""
    renamed = {former: key for key, port in new.items() for former in port.get("formerly", [])}
    held = {key: _held(port, old_outputs.get("ports", {}).get(key, {})) for key, port in old.items()}
    for key, before in old.items():
        port = new.get(renamed.get(key, key))
        if port is not None and _asked(port) != _asked(before):
            yield from _changed_addresses(f"{name}.ports.{key}", before, port, held[key])
    holders = {address: renamed.get(key, key) for key, addresses in held.items() for address in addresses.values()}
    for key, port in new.items():
        for fixed_key, each in port["fixed_ips"].items():
            holder = holders.get((each["cidr"], each.get("ip_address", "")), key)
            if holder != key:
                yield Fault(
                    f"{name}.ports.{key}.fixed_ips.{fixed_key}.ip_address",
                    f"{each['ip_address']} is still held by the port '{holder}', and Neutron gives it to one port only",
                    f"If this is '{holder}' renamed, say `formerly: [{holder}]`; else take it off there first, {ONCE_MORE}",
                )


def _changed_addresses(path: str, before: Declared, port: Declared, held: Mapping[str, tuple[str, str]]) -> Iterator[Fault]:
    asked = _asked(port)
    cidrs = {cidr for cidr, _ in asked}
    if not cidrs & {cidr for cidr, _ in _asked(before)}:
        return  # another network: the port is replaced, and its floating IP follows
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
            yield Fault(
                where,
                "the address still carries a floating IP, and Neutron refuses to take it off the port (400)",
                f"Take `floating_ip` out first, {ONCE_MORE}",
            )


def _asked(port: Declared) -> set[tuple[str, str]]:
    """The addresses that a port asks for: subnet and address, empty where Neutron chooses."""
    return {(each["cidr"], each.get("ip_address", "")) for each in port["fixed_ips"].values()}


def _held(port: Declared, state: Declared) -> dict[str, tuple[str, str]]:
    """The addresses that a port holds, by key: as pinned, else as Neutron chose."""
    chosen = state.get("fixed_ips", {})
    found = {key: (each["cidr"], each.get("ip_address") or chosen.get(key, "")) for key, each in port["fixed_ips"].items()}
    return {key: each for key, each in found.items() if each[1]}
