"""What a changed script costs, under each `guest_update`."""

import hashlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.house import Config, changes, house, replaced
from tests.engine.stack import ROOT, Stack


@pytest.fixture
def stack(make_stack: Callable[..., Stack], request: pytest.FixtureRequest) -> Stack:
    """A stack with a package of its own, so that a test can change the script."""
    stack = make_stack(request.node.originalname.replace("_", "-")[5:30].strip("-"))
    shutil.copytree(ROOT / "multiport", stack.folder / "multiport", ignore=shutil.ignore_patterns("__pycache__"))
    return stack


def change_the_script(stack: Stack) -> None:
    script = stack.folder / "multiport" / "guest" / "templates" / "policy-routing"
    script.write_text(script.read_text() + ": changed\n")  # a comment would not be rendered


def config(guest_update: str) -> Config:
    made = house()
    made["servers"]["web"]["guest_update"] = guest_update
    return made


def identity(stack: Stack) -> dict[str, Any]:
    """What must outlive a server: port ids, MACs, fixed and floating IPs, slots."""
    found: dict[str, Any] = stack.outputs()["servers"]["web"]["ports"]
    return found


def born_with(stack: Stack) -> str:
    """SHA-1 of the user data that the living server was created with, as the provider keeps it."""
    found: str = stack.resource("openstack:compute:Instance", "web-server")["outputs"]["userData"]
    return found


def test_replace_makes_a_new_server_and_keeps_its_ports(stack: Stack, api: Any) -> None:
    stack.configure(config("replace"))
    stack.up()
    before, server = identity(stack), stack.outputs()["servers"]["web"]["id"]
    ours = {port["port_id"] for port in before.values()}  # other tests use the same cloud at the same time
    associations = {each.id: each.port_id for each in api.network.ips() if each.port_id in ours}
    assert associations
    change_the_script(stack)
    steps = stack.up()
    assert changes(steps) == {("replace", "Instance", "web-server")}
    [step] = [each for each in steps if each.name == "web-server"]
    assert step.replace_reasons == ("userData",)
    assert identity(stack) == before
    assert stack.outputs()["servers"]["web"]["id"] != server
    assert {each.id: each.port_id for each in api.network.ips() if each.port_id in ours} == associations


def test_keep_waits_and_says_so(stack: Stack) -> None:
    kept = config("keep")
    stack.configure(kept)
    stack.up()
    before, server, birth = identity(stack), stack.outputs()["servers"]["web"]["id"], born_with(stack)
    assert stack.outputs()["servers"]["web"]["guest_update_pending"] is False
    change_the_script(stack)
    steps = stack.up()
    assert replaced(steps) == set()
    assert changes(steps) == set()
    outputs = stack.outputs()["servers"]["web"]
    assert outputs["guest_update_pending"] is True
    assert (outputs["id"], born_with(stack)) == (server, birth)

    kept["servers"]["web"]["guest_generation"] = 1
    stack.configure(kept)
    assert changes(stack.up()) == {("replace", "Instance", "web-server")}
    outputs = stack.outputs()["servers"]["web"]
    assert outputs["guest_update_pending"] is False
    assert outputs["id"] != server
    assert identity(stack) == before
    component = stack.resource("multiport:index:MultiPortInstance", "web")["outputs"]
    assert hashlib.sha1(component["userData"].encode(), usedforsecurity=False).hexdigest() == born_with(stack) != birth


def test_the_users_own_cloud_config_counts_as_user_data(stack: Stack) -> None:
    changed = config("replace")
    stack.configure(changed)
    stack.up()
    changed["servers"]["web"]["cloud_config"] = "#cloud-config\npackages: [tcpdump]\n"
    stack.configure(changed)
    assert changes(stack.preview()) == {("replace", "Instance", "web-server")}
