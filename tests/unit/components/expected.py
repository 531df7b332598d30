"""What a program is expected to ask for, written short."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tests.unit.components.deployment import Deployment, Registration

TYPES = {
    "AddressPairs": "multiport:index:AddressPairs",
    "FloatingIp": "openstack:networking/floatingIp:FloatingIp",
    "FloatingIpAssociate": "openstack:networking/floatingIpAssociate:FloatingIpAssociate",
    "FloatingIps": "multiport:index:FloatingIps",
    "Instance": "openstack:compute/instance:Instance",
    "InterfaceAttach": "openstack:compute/interfaceAttach:InterfaceAttach",
    "MultiPortInstance": "multiport:index:MultiPortInstance",
    "Network": "openstack:networking/network:Network",
    "Port": "openstack:networking/port:Port",
    "PrivateNetwork": "multiport:index:PrivateNetwork",
    "Router": "openstack:networking/router:Router",
    "RouterInterface": "openstack:networking/routerInterface:RouterInterface",
    "SecGroup": "openstack:networking/secGroup:SecGroup",
    "SecGroupRule": "openstack:networking/secGroupRule:SecGroupRule",
    "SecurityGroup": "multiport:index:SecurityGroup",
    "ServerGroup": "openstack:compute/serverGroup:ServerGroup",
    "Subnet": "openstack:networking/subnet:Subnet",
    "SubnetRoute": "openstack:networking/subnetRoute:SubnetRoute",
}


def asked(
    called: str,
    inputs: Mapping[str, Any],
    *,
    parent: str = "",
    depends: Mapping[str, Collection[str]] | None = None,
    **options: Any,
) -> Registration:
    """A registration, by short type and name. It depends on what its properties depend on, and on nothing else."""
    kind, name = called.split(" ", 1)
    by_property = {key: frozenset(names) for key, names in (depends or {}).items()}
    return Registration(TYPES[kind], name, inputs, parent, frozenset().union(*by_property.values()), by_property, "", options)


def by_name(registrations: Iterable[Registration]) -> dict[str, Registration]:
    """Registrations as a deployment has them."""
    return {f"{each.type.rsplit(':', 1)[-1]} {each.name}": each for each in registrations}


def tags(owner: str, key: str | None = None) -> list[str]:
    """The tags of something of the test's stack."""
    marks = ["multiport", "multiport.stack=multiport.test", f"multiport.owner={owner}"]
    return marks if key is None else [*marks, f"multiport.key={key}"]


def changed(before: Deployment, after: Deployment) -> dict[str, set[str]]:
    """Resources that both runs have and that differ, each with the names of what differs: inputs, else parts of the request."""
    found: dict[str, set[str]] = {}
    for called in before.resources.keys() & after.resources.keys():
        old, new = before[called], after[called]
        names = {key for key in old.inputs.keys() | new.inputs.keys() if repr(old.inputs.get(key)) != repr(new.inputs.get(key))}
        if names or old != new:
            found[called] = names or {"request"}
    return found


def added(before: Deployment, after: Deployment) -> set[str]:
    """Resources that only the second run has."""
    return after.resources.keys() - before.resources.keys()
