"""Where the floating IPs of a server point."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import pulumi

from multiport.components.arguments import FloatingIpTargetArgs
from multiport.components.config_error import ConfigError, Fault
from multiport.components.identity import original_key
from multiport.components.instance.derived import floating_ip_key, floating_ips, ready
from multiport.components.instance.ports import CreatedPort
from multiport.components.ordering import after, unknown


def floating_ip_targets(
    ports: Iterable[CreatedPort], external_network: str, servers: Sequence[pulumi.Output[str]]
) -> dict[str, FloatingIpTargetArgs]:
    """The server's floating IPs by key, each with the address that it is on.

    Args:
        ports: The server's ports.
        external_network: Name of the external network for those that name no pool.
        servers: Ids of the server and of its attachments. On OVN a floating IP needs a port that is bound.
    """
    targets: dict[str, FloatingIpTargetArgs] = {}
    for port in ports:
        for fixed_ip_key, floating_ip in floating_ips(port.args).items():
            target: FloatingIpTargetArgs = {
                # without the router's interface Neutron answers 404
                "port_id": after(port.resource.id, ready(port.args["network"]), *servers),
                "fixed_ip": port.addresses.apply(partial(_address, fixed_ip_key)),
                "target": f"{original_key(port.key, port.args)}.{fixed_ip_key}",
            }
            if "address" in floating_ip:
                target["address"] = floating_ip["address"]
            else:
                target["pool"] = floating_ip.get("pool", external_network)
            if "protect" in floating_ip:
                target["protect"] = floating_ip["protect"]
            key = floating_ip_key(port.key, port.args, fixed_ip_key, floating_ip)
            if key in targets:
                raise ConfigError([_key_taken(f"ports.{port.key}.fixed_ips.{fixed_ip_key}", key)])
            targets[key] = target
    return targets


def _key_taken(path: str, key: str) -> Fault:
    return Fault(
        f"{path}.floating_ip.key",
        f"'{key}' is the key of another floating IP of this server; one without a key has <port>.<fixed IP>",
        "Give each floating IP its own",
    )


def _address(key: str, addresses: Mapping[str, str]) -> str | pulumi.Output[str]:
    """The address under a key; unknown while Neutron has yet to choose it."""
    return addresses[key] if key in addresses else unknown()
