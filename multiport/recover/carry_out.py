"""Carries out the actions of a recovery. Each may need consent, may fail, and can safely be repeated."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import NotFoundException, SDKException

from multiport.recover.actions import Action, Do
from multiport.recover.pulumi_stack import PulumiError, PulumiStack

_GONE_SECONDS: Final = 120
"""The time that Nova may take to delete a server, in seconds."""

_PARTS: Final = {
    "network": ("networks", "network"),
    "subnet": ("subnets", "subnet"),
    "router": ("routers", "router"),
    "port": ("ports", "port"),
    "security group": ("security-groups", "security_group"),
    "floating IP": ("floatingips", "floatingip"),
    "floating IP association": ("floatingips", "floatingip"),
}
"""Neutron's path and its name in request bodies, for each kind of object that Neutron updates."""

Approve = Callable[[Action], bool]


def carry_out(
    actions: Sequence[Action], stack: PulumiStack, connection: Connection, approve: Approve, say: Callable[[str], None]
) -> list[str]:
    """Carry out the approved actions; one that fails does not stop the others.

    Returns:
        A line for each action that failed or was not approved.
    """
    left: list[str] = []
    imports = [action for action in actions if action.do is Do.IMPORT]
    for action in [*(action for action in actions if action.do is not Do.IMPORT), *imports[:1]]:
        if not approve(action):
            left.append(f"not done: {action.text}")
            continue
        say(action.text)
        try:
            _carry_out(action, imports, stack, connection)
        except (SDKException, ClientException, PulumiError) as error:
            left.append(f"failed: {action.text}: {error}")
    return left


def _carry_out(action: Action, imports: Sequence[Action], stack: PulumiStack, connection: Connection) -> None:
    if action.do is Do.UNLOCK:
        stack.cancel()
    elif action.do is Do.SEND:
        _send(action, connection)
    elif action.do is Do.ATTACH:
        connection.compute.create_server_interface(action.id, port_id=action.body["attach"])
    elif action.do is Do.DELETE:
        _delete(action, connection)
    elif action.do is Do.REFRESH:
        stack.refresh()
    else:
        _import(imports, stack)


def _send(action: Action, connection: Connection) -> None:
    """Update one object."""
    body: Mapping[str, Any] = action.body
    if action.what == "server":
        _send_to_nova(action.id, body, connection)
        return
    path, key = _PARTS[action.what]
    if "tags" in body:
        answer = connection.network.put(f"/{path}/{action.id}/tags", json={"tags": body["tags"]})
    else:
        answer = connection.network.put(f"/{path}/{action.id}", json={key: dict(body)})
    _checked(answer)


def _send_to_nova(server: str, body: Mapping[str, Any], connection: Connection) -> None:
    if "metadata" in body:
        _checked(connection.compute.put(f"/servers/{server}/metadata", json={"metadata": body["metadata"]}))
    if "tags" in body:
        # the oldest microversion in which Nova has tags
        _checked(connection.compute.put(f"/servers/{server}/tags", json={"tags": body["tags"]}, microversion="2.26"))
    if "name" in body:
        _checked(connection.compute.put(f"/servers/{server}", json={"server": {"name": body["name"]}}))


def _checked(answer: Any) -> None:
    if not answer.ok:
        raise SDKException(f"{answer.status_code}: {answer.text}")


def _delete(action: Action, connection: Connection) -> None:
    """Delete an orphaned object, after detaching what would prevent its deletion."""
    network, compute = connection.network, connection.compute
    if action.what == "server":
        compute.delete_server(action.id, ignore_missing=True)
        deadline = time.monotonic() + _GONE_SECONDS
        while time.monotonic() < deadline:
            try:
                compute.get_server(action.id)
            except NotFoundException:
                return
            time.sleep(1)
        raise SDKException(f"server {action.id} still exists after {_GONE_SECONDS} s")
    if action.what == "floating IP":
        network.delete_ip(action.id, ignore_missing=True)
    elif action.what == "port":
        for address in network.ips(port_id=action.id):
            network.update_ip(address, port_id=None)
        network.delete_port(action.id, ignore_missing=True)
    elif action.what == "router":
        for port in network.ports(device_id=action.id):
            if "router_interface" in port.device_owner:
                _checked(network.put(f"/routers/{action.id}/remove_router_interface", json={"port_id": port.id}))
        network.delete_router(action.id, ignore_missing=True)
    elif action.what == "subnet":
        network.delete_subnet(action.id, ignore_missing=True)
    elif action.what == "network":
        network.delete_network(action.id, ignore_missing=True)
    elif action.what == "security group":
        network.delete_security_group(action.id, ignore_missing=True)


def _import(imports: Sequence[Action], stack: PulumiStack) -> None:
    parents = {each.body["parent"]: f"parent{place}" for place, each in enumerate(imports)}
    stack.adopt(
        [
            {
                "type": action.body["type"],
                "name": action.body["name"],
                "id": action.id,
                "parent": parents[action.body["parent"]],
            }
            for action in imports
        ],
        {name: urn for urn, name in parents.items()},
    )
