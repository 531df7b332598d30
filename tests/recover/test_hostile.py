"""Recovery where much is against it: nothing foreign is deleted, and it ends clean."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multiport.audit.audit import audit
from multiport.audit.finding import Kind
from multiport.audit.state import State, read
from multiport.components import marks
from multiport.recover.actions import Action
from multiport.recover.pulumi_stack import PulumiStack
from multiport.recover.recovery import Recovered, recover
from tests.engine.stack import ROOT, Stack
from tests.faults.configurations import base
from tests.faults.proxy import Fault, Proxy, before


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    """A small stack, deployed."""
    made = make_stack("hostile")
    made.configure(base())
    made.update()
    return made


@pytest.fixture
def proxy(cloud: dict[str, str], tmp_path: Path) -> Iterator[Proxy]:
    with before(Path(cloud["OS_CLIENT_CONFIG_FILE"]), tmp_path / "proxy") as made:
        yield made


def state_of(stack: Stack) -> State:
    return read(stack._call("stack", "export").stdout, project="multiport", stack=stack.name)


def pulumi(stack: Stack) -> PulumiStack:
    return PulumiStack(str(stack.pulumi), stack.folder, stack.name, stack.environment)


def recovered(stack: Stack, api: Any, asked: list[Action] | None = None) -> Recovered:
    """Recovery by a person who says yes to everything."""

    def approve(action: Action) -> bool:
        if asked is not None:
            asked.append(action)
        return True

    return recover(pulumi(stack), approve, lambda _: None, api)


def tags(stack: str, owner: str, key: str) -> list[str]:
    return ["multiport", marks.stack_mark("multiport", stack), marks.owner_mark(owner), marks.key_mark(key)]


def network_of(stack: Stack) -> str:
    return str(stack.resource("openstack:networking:Network", "front")["id"])


def command(stack: Stack, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "multiport", "recover", "--stack", stack.name, "--project", str(stack.folder), *options
    ]  # fmt: skip


def environment(stack: Stack, **more: str) -> dict[str, str]:
    return {**stack.environment, "PYTHONPATH": str(ROOT), **more}


def test_a_strangers_port_with_our_tags_copied_by_hand_stays(stack: Stack, api: Any) -> None:
    port = api.network.create_port(network_id=network_of(stack), name="my own database")
    api.network.set_tags(port, tags("hostile", "web", "later"))
    try:
        done = recovered(stack, api)
        assert [each.kind for each in done.audited.findings] == [Kind.DOUBTFUL]
        assert api.network.get_port(port.id).name == "my own database"
    finally:
        api.network.delete_port(port)
    assert not recovered(stack, api).audited.findings


def test_a_strangers_server_keeps_its_port_with_our_tags_and_our_name(stack: Stack, api: Any) -> None:
    home = api.network.create_network(name="stranger")
    api.network.create_subnet(network_id=home.id, cidr="10.6.0.0/24", ip_version=4)
    port = api.network.create_port(network_id=home.id, name="hostile-web-later")
    api.network.set_tags(port, tags("hostile", "web", "later"))
    try:
        done = recovered(stack, api)
        assert [each.kind for each in done.audited.findings] == [Kind.DOUBTFUL]
        assert api.network.get_port(port.id)
    finally:
        api.network.delete_port(port)
        api.network.delete_network(home)


def test_the_other_stack_of_the_project_is_left_alone(stack: Stack, make_stack: Callable[..., Stack], api: Any) -> None:
    other = make_stack("hostile2")  # its name begins like the first one's
    other.configure(base())
    other.update()
    orphans = []
    for name in ("hostile", "hostile2"):
        port = api.network.create_port(network_id=network_of(stack if name == "hostile" else other), name=f"{name}-web-lost")
        api.network.set_tags(port, tags(name, "web", "lost"))
        orphans.append(port)
    asked: list[Action] = []
    assert not recovered(stack, api, asked).audited.findings
    assert [each.id for each in asked] == [orphans[0].id]
    assert api.network.find_port(orphans[0].id) is None
    assert [each.id for each in audit(state_of(other), {}, lambda _: None, api).findings] == [orphans[1].id]
    assert not recovered(other, api).audited.findings
    other.destroy()


def test_a_server_that_somebody_rebuilt_by_hand_is_left_alone(stack: Stack, api: Any) -> None:
    server = stack.resource("openstack:compute:Instance", "web-server")["id"]
    api.compute.rebuild_server(server, image=api.compute.get_server(server).image.id)
    api.compute.wait_for_server(api.compute.get_server(server), wait=60)
    asked: list[Action] = []
    assert not recovered(stack, api, asked).audited.findings
    assert not asked
    assert not stack.preview()


def test_a_dry_run_changes_nothing_and_says_what_it_would_do(stack: Stack, api: Any, proxy: Proxy) -> None:
    port = api.network.create_port(network_id=network_of(stack), name="hostile-web-lost")
    api.network.set_tags(port, tags("hostile", "web", "lost"))
    try:
        answer = subprocess.run(
            command(stack), env=environment(stack, **proxy.environment), text=True, capture_output=True, check=False, cwd=ROOT
        )
        assert answer.returncode == 1, answer.stderr
        assert f"would delete port hostile-web-lost ({port.id})" in answer.stdout
        assert "--apply does it" in answer.stdout
        assert not proxy.changes()
    finally:
        api.network.delete_port(port)


def test_without_a_terminal_servers_and_floating_ips_stay_unless_named(stack: Stack, api: Any) -> None:
    address = api.network.create_ip(
        floating_network_id=api.network.find_network("PUBLICNET").id, description="hostile-web-lost.v4"
    )
    api.network.set_tags(address, tags("hostile", "web", "lost.v4"))

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(stack, "--apply", *options),
            env=environment(stack),
            text=True,
            capture_output=True,
            check=False,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    for options in ((), ("--yes",), ("--yes", "--delete", "server")):
        answer = run(*options)
        assert answer.returncode == 1
        assert f"not done: delete floating IP {address.floating_ip_address}" in answer.stderr
        assert api.network.find_ip(address.id)
    answer = run("--yes", "--delete", "floating-ip")
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert api.network.find_ip(address.id) is None


def lost_update(stack: Stack, proxy: Proxy) -> None:
    """An update of the port's addresses that Neutron answers with 500, which the provider records as done."""
    config = base()
    config["servers"]["web"]["ports"]["b"]["fixed_ips"]["more"] = {"subnet": "v4", "ip_address": "192.168.10.77"}
    config["servers"]["web"]["ports"]["b"]["allowed_address_pairs"] = {}
    stack.configure(config)
    proxy.choose = lambda request: Fault(status=500) if request.kind == "PUT neutron/v2.0/ports/*" else None
    answer = subprocess.run(
        [str(stack.pulumi), "up", "--yes", "--skip-preview", "--stack", stack.name, "--non-interactive"],
        cwd=stack.folder,
        env={**stack.environment, **proxy.environment},
        capture_output=True,
        check=False,
    )
    assert answer.returncode != 0
    proxy.choose = lambda _: None


def test_a_lost_update_that_pulumi_never_sends_again_is_sent(stack: Stack, api: Any, proxy: Proxy) -> None:
    lost_update(stack, proxy)
    stack.update()  # Pulumi's own second try says that all is well
    found = audit(state_of(stack), {}, lambda _: None, api).findings
    assert ("web-b", "fixed_ips") in {(each.name, each.attribute) for each in found}
    assert not recovered(stack, api).audited.findings
    port = api.network.get_port(stack.resource("openstack:networking:Port", "web-b")["id"])
    assert "192.168.10.77" in {each["ip_address"] for each in port.fixed_ips}
    assert not stack.preview()
    stack.restore(base())


def test_an_api_that_fails_during_recovery_and_a_recovery_that_is_killed(stack: Stack, api: Any, proxy: Proxy) -> None:
    lost_update(stack, proxy)
    ports = [api.network.create_port(network_id=network_of(stack), name=f"hostile-web-lost{number}") for number in range(3)]
    for number, port in enumerate(ports):
        api.network.set_tags(port, tags("hostile", "web", f"lost{number}"))
    through = environment(stack, **proxy.environment)
    yes = command(stack, "--apply", "--yes")

    # the API fails: what failed is said, the exit status tells
    proxy.choose = lambda request: Fault(status=500) if request.changes else None
    answer = subprocess.run(yes, env=through, text=True, capture_output=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)
    assert answer.returncode == 1
    assert "failed: delete port hostile-web-lost0" in answer.stderr

    # killed in the middle of a deletion
    proxy.requests.clear()
    proxy.choose = lambda request: Fault(seconds=5) if request.method == "DELETE" else None
    process = subprocess.Popen(
        yes, env=through, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not any(each.method == "DELETE" for each in proxy.requests) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    # run again: clean, and the next update has nothing to do
    proxy.choose = lambda _: None
    time.sleep(6)  # what was under way when it was killed arrives
    answer = subprocess.run(yes, env=through, text=True, capture_output=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert all(api.network.find_port(port.id) is None for port in ports)
    stack.restore(base())
    assert not audit(state_of(stack), {}, lambda _: None, api).findings


def test_a_stack_that_somebody_works_on_is_left_alone(stack: Stack) -> None:
    folder = (
        Path(stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi/locks/organization/multiport/hostile"
    )
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "busy.json"
    lock.write_text(json.dumps({"pid": 1, "username": "colleague", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"}))
    answer = subprocess.run(
        command(stack, "--apply", "--yes"), env=environment(stack), text=True, capture_output=True, check=False, cwd=ROOT
    )
    lock.unlink()
    assert answer.returncode == 2
    assert "colleague" in answer.stderr
