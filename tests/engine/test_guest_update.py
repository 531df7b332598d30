"""The effect of a changed script on a server, for each value of `guest_update`."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.example_topology import Config, changes, example_topology, replaced
from tests.engine.stack import ROOT, Stack


@pytest.fixture
def stack(make_stack: Callable[..., Stack], request: pytest.FixtureRequest) -> Stack:
    """A stack with its own copy of the package, so that a test can change the script."""
    stack = make_stack(request.node.originalname.replace("_", "-")[5:30].strip("-"))
    shutil.copytree(ROOT / "multiport", stack.folder / "multiport", ignore=shutil.ignore_patterns("__pycache__"))
    return stack


def change_the_script(stack: Stack) -> None:
    module = stack.folder / "multiport" / "guest" / "program" / "verify.py"
    module.write_text(f"{module.read_text()}\n# changed\n")
    subprocess.run([sys.executable, "-m", "multiport.guest.packing"], cwd=stack.folder, check=True)


def config(guest_update: str) -> Config:
    made = example_topology()
    made["servers"]["web"]["guest_update"] = guest_update
    return made


def identity(stack: Stack) -> dict[str, Any]:
    """Return what a replacement of the server must preserve: port ids, MACs, fixed and floating IPs, slots."""
    found: dict[str, Any] = stack.outputs()["servers"]["web"]["ports"]
    return found


def original_user_data(stack: Stack) -> str:
    """Return the SHA-1 of the user data that the server was created with, as the provider stores it."""
    found: str = stack.resource("openstack:compute:Instance", "web-server")["outputs"]["userData"]
    return found


def test_replace_creates_a_new_server_and_keeps_its_ports(stack: Stack, api: Any) -> None:
    stack.configure(config("replace"))
    stack.up()
    before, server = identity(stack), stack.outputs()["servers"]["web"]["id"]
    ours = {port["port_id"] for port in before.values()}  # other tests use the same cloud at the same time
    associations = {floating_ip.id: floating_ip.port_id for floating_ip in api.network.ips() if floating_ip.port_id in ours}
    assert associations
    change_the_script(stack)
    steps = stack.up()
    assert changes(steps) == {("replace", "Instance", "web-server")}
    [server_step] = [step for step in steps if step.name == "web-server"]
    assert server_step.replace_reasons == ("userData",)
    assert identity(stack) == before
    assert stack.outputs()["servers"]["web"]["id"] != server
    after = {floating_ip.id: floating_ip.port_id for floating_ip in api.network.ips() if floating_ip.port_id in ours}
    assert after == associations


def test_keep_delays_the_update_and_reports_it(stack: Stack) -> None:
    kept = config("keep")
    stack.configure(kept)
    stack.up()
    before, server, original = identity(stack), stack.outputs()["servers"]["web"]["id"], original_user_data(stack)
    assert stack.outputs()["servers"]["web"]["guest_update_pending"] is False
    change_the_script(stack)
    steps = stack.up()
    assert replaced(steps) == set()
    assert changes(steps) == set()
    outputs = stack.outputs()["servers"]["web"]
    assert outputs["guest_update_pending"] is True
    assert (outputs["id"], original_user_data(stack)) == (server, original)

    kept["servers"]["web"]["guest_generation"] = 1
    stack.configure(kept)
    assert changes(stack.up()) == {("replace", "Instance", "web-server")}
    outputs = stack.outputs()["servers"]["web"]
    assert outputs["guest_update_pending"] is False
    assert outputs["id"] != server
    assert identity(stack) == before
    component = stack.resource("multiport:index:MultiPortInstance", "web")["outputs"]
    rendered = hashlib.sha1(component["userData"].encode(), usedforsecurity=False).hexdigest()
    assert rendered == original_user_data(stack) != original


def test_a_changed_cloud_config_replaces_the_server(stack: Stack) -> None:
    changed = config("replace")
    stack.configure(changed)
    stack.up()
    changed["servers"]["web"]["cloud_config"] = "#cloud-config\npackages: [tcpdump]\n"
    stack.configure(changed)
    assert changes(stack.preview()) == {("replace", "Instance", "web-server")}
