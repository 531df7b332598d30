"""The verbs that `make` has for one stack, on the local cloud or on the one that OS_CLOUD names."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import settings
from lab.packets import outside
from lab.settings import API, PACKETS, LabError
from multiport import project, terminal, toolchain
from multiport.audit import stack_state
from multiport.audit.cloud import connect, look
from multiport.audit.obstacles import obstacles
from multiport.guard import approval
from multiport.review.pulumi_cli import CliError, Stack
from multiport.review.rendered import rendered
from multiport.review.report import report
from multiport.review.terminal import terminal as text_of
from tools import backend, outputs

ROOT = toolchain.ROOT
LAB = [sys.executable, "-m", "lab", "--mode", backend.LAB_MODE]
VERIFY = [sys.executable, "-m", "multiport", "verify", "--outputs", "-"]
UPDATE = ["--yes", "--skip-preview", "--suppress-outputs", "--policy-pack", "multiport/policy"]
DIRECT = [sys.executable, "-m", "lab.direct"]


def say(text: str) -> None:
    """Progress, in the order in which things happen."""
    print(f"==> {text}", flush=True)


def main() -> int:
    """Carry out one verb; the exit status is the failing program's own."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("verb", choices=["up", "preview", "down", "outputs", "verify", "audit", "recover"])
    parser.add_argument("--stack", required=True)
    arguments = parser.parse_args()
    if not (ROOT / "stacks" / f"Pulumi.{arguments.stack}.yaml").is_file():
        known = ", ".join(sorted(path.stem.removeprefix("Pulumi.") for path in (ROOT / "stacks").glob("Pulumi.*.yaml")))
        print(
            f"STACK={arguments.stack}: there is no stacks/Pulumi.{arguments.stack}.yaml. Known stacks: {known}.", file=sys.stderr
        )
        return 2
    if backend.LAB_MODE not in (API, PACKETS):
        print(
            f"LAB={backend.LAB_MODE}: there is {API}, records only, and {PACKETS}, with guests and a data plane", file=sys.stderr
        )
        return 2
    if backend.LAB_MODE == PACKETS and "OS_CLOUD" in os.environ:
        print(f"LAB={PACKETS} is the local cloud, OS_CLOUD={os.environ['OS_CLOUD']} another: unset one of them", file=sys.stderr)
        return 2
    try:
        return _carry_out(arguments.verb, arguments.stack)
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _carry_out(verb: str, stack: str) -> int:
    embedded = "OS_CLOUD" not in os.environ
    if verb == "verify" and embedded and backend.LAB_MODE == API and not os.environ.get("OUTSIDE"):
        # else it would be the machine's own network that is asked for the floating IPs
        say("Without LAB=packets no floating IP of the local cloud answers; OUTSIDE would name another outside (docs/verify.md)")
        return 1
    environment = _local_cloud(verb) if embedded else dict(os.environ)
    if environment is None:
        say("Nothing is running")
        return 0
    direct_state = backend.direct_state(stack)
    engine = None if os.environ.get("MULTIPORT_ENGINE") == "direct" else _engine(environment, embedded=embedded)
    if engine is None and not direct_state.exists() and (why := _out_of_sight(verb, stack, environment)):
        say(why)
        return 1
    if engine is None or (embedded and direct_state.exists()):
        if engine is not None and verb == "preview":
            say(f"Stack {stack} was deployed by the direct driver; `make down` it first, then the CLI takes over")
            return 1
        status = _direct(verb, stack, environment, direct_state)
    else:
        status = _pulumi(engine, verb, stack, backend.choose(environment, stack, embedded=embedded), embedded=embedded)
    if verb == "down" and embedded and status == 0:
        _stop_local_cloud()
    return status


def _out_of_sight(verb: str, stack: str, environment: Mapping[str, str]) -> str | None:
    """Why nothing can be done or said of a stack without the CLI; None if the direct driver may go on."""
    remedy = f"Put the CLI on PATH ({toolchain.INSTALL_HELP}), then run `make {verb} STACK={stack}` again"
    if backend.deployed_by_cli(stack):
        return f"Stack {stack} was deployed by the Pulumi CLI, and only the CLI can go on with it. Nothing was done. {remedy}"
    if verb != "up" and backend.is_users_own(environment):
        return f"Whether your Pulumi backend holds the stack {stack} cannot be seen without the CLI. Nothing was done. {remedy}"
    return None


def _local_cloud(verb: str) -> dict[str, str] | None:
    """The environment of the local cloud, started if the verb needs it; None when there is nothing to do there."""
    if (
        verb == "down"
        and not backend.anything_deployed()
        and subprocess.run([*LAB, "status", "--json"], check=False, capture_output=True, cwd=ROOT).returncode != 0
    ):
        return None
    if verb not in ("outputs", "verify", "audit", "recover"):
        more = ", with OVN and QEMU guests" if backend.LAB_MODE == PACKETS else ""
        say(f"Starting the local cloud: Keystone, Glance, Placement, Neutron, Nova{more} (installed first if need be: minutes)")
        subprocess.run([*LAB, "up"], check=True, cwd=ROOT)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    clouds = settings.default_directory(backend.LAB_MODE) / "clouds.yaml"
    return {**clean, "OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "local"}


def _stop_local_cloud() -> None:
    if backend.anything_deployed():
        say("Other stacks still run on the local cloud, so it stays up")
        return
    subprocess.run([*LAB, "leftovers"], check=False, cwd=ROOT)
    say("Stopping the local cloud")
    subprocess.run([*LAB, "down"], check=True, cwd=ROOT)


def _engine(environment: dict[str, str], *, embedded: bool) -> toolchain.Toolchain | None:
    try:
        return toolchain.find(say, environment)
    except toolchain.ToolchainError as error:
        if not embedded:
            print(f"{error}. A real cloud needs the official Pulumi CLI: {toolchain.INSTALL_HELP}", file=sys.stderr)
            raise subprocess.CalledProcessError(1, "pulumi") from error
        say(f"{error}: deploying with the direct driver instead, for a first look; the product is {toolchain.INSTALL_HELP}")
        return None


def _direct(verb: str, stack: str, environment: dict[str, str], state: Path) -> int:
    common = ["--project", str(ROOT), "--stack", stack, "--state", str(state)]
    if verb in ("preview", "audit", "recover"):
        say(f"`make {verb}` needs the Pulumi CLI: {toolchain.INSTALL_HELP}")
        return 1
    if verb == "down" and not state.exists():
        say(f"Stack {stack} is not deployed")
        return 0
    if verb in ("up", "down"):
        status = subprocess.run([*DIRECT, verb, *common], check=False, env=environment, cwd=ROOT).returncode
        if verb == "down" or status != 0:
            return status
    answer = subprocess.run(
        [*DIRECT, "outputs", "--json", *common], check=True, env=environment, cwd=ROOT, capture_output=True, text=True
    )
    return _show(verb, json.loads(answer.stdout))


def _show(verb: str, exports: Mapping[str, Any]) -> int:
    """What the stack exports, or with `verify` whether it holds; returns the exit status."""
    if verb == "verify":
        command, environment = VERIFY, {**_outside(), **os.environ}
        return subprocess.run(command, check=False, cwd=ROOT, env=environment, input=json.dumps(exports), text=True).returncode
    print(json.dumps(exports, indent=2) if os.environ.get("FORMAT") == "json" else outputs.table(exports))
    if backend.LAB_MODE == PACKETS and os.environ.get("FORMAT") != "json":
        enter, key = shlex.join([*LAB, "enter", "outside", "--"]), settings.default_directory(PACKETS) / "multiport.key"
        print(f"Outside is a namespace: {enter} ssh -i {key} ...")
    return 0


def _outside() -> dict[str, str]:
    """How the verification reaches the local cloud's guests; nothing where the world outside is this machine's."""
    found = settings.load(settings.default_directory(PACKETS)) if backend.LAB_MODE == PACKETS else None
    return {} if found is None else outside.reach(found)


def _pulumi(tool: toolchain.Toolchain, verb: str, stack: str, where: backend.Backend, *, embedded: bool) -> int:
    where.prepare(tool.pulumi)
    if verb in ("audit", "recover"):
        return _looked_at(verb, stack, where)
    if verb == "down" and not where.exists:
        say(f"Stack {stack} is not deployed")
        return 0
    if verb in ("up", "preview", "down"):
        say(f"pulumi {'destroy' if verb == 'down' else verb}, stack {stack} (CLI {tool.version}, openstack plugin {tool.plugin})")
    with tempfile.TemporaryDirectory(prefix="multiport-plan-") as folder:
        # on a cloud that others rely on, the update does what was approved and nothing else
        plan = Path(folder) / "plan.json" if verb == "up" and not embedded else None
        if verb in ("up", "preview") or (verb == "down" and not embedded):
            allowed = _reviewed(tool, verb, stack, where, plan, embedded=embedded)
            if verb == "preview" or not allowed:
                return 0 if allowed else 1
        if verb in ("up", "down"):
            update = ["up", *UPDATE, *(["--plan", str(plan)] if plan else [])]
            command = update if verb == "up" else ["destroy", "--yes", "--skip-preview"]
            status = where.run(tool.pulumi, command).returncode
            if verb == "down" and status == 0:
                where.remove(tool.pulumi)
            if status != 0:
                say("This is what is there now; `make recover` mends what is not as declared (docs/recovery.md):")
                _looked_at("audit", stack, where)
            if verb == "down" or status != 0:
                return status
    answer = where.run(tool.pulumi, ["stack", "output", "--json", "--show-secrets"], capture=True)
    return answer.returncode or _show(verb, json.loads(answer.stdout or "{}"))


def _looked_at(verb: str, stack: str, where: backend.Backend) -> int:
    """Audit the stack, or recover it: APPLY=1 has recovery do what it would do, YES=1 answers where there is no terminal."""
    command = [sys.executable, "-m", "multiport", verb, "--stack", stack, "--project", str(ROOT)]
    if verb == "recover":
        command += ["--config-file", str(where.private_config_file)] if where.own else []
        command += ["--apply"] if os.environ.get("APPLY") == "1" else []
        command += ["--yes"] if os.environ.get(approval.YES) == "1" else []
    return subprocess.run(command, check=False, env=where.environment, cwd=ROOT).returncode


def _reviewed(
    tool: toolchain.Toolchain, verb: str, stack: str, where: backend.Backend, plan: Path | None, *, embedded: bool
) -> bool:
    """Preview with the policies, show the review of it, and ask unless the cloud is our own; returns whether it may go on."""
    called = Stack(
        stack, project.find(ROOT), str(tool.pulumi), where.environment, where.private_config_file if where.own else None
    )
    try:
        seen = called.destruction() if verb == "down" else called.preview(plan)
        made, _ = report(seen.preview, seen.redaction.values(rendered(seen.preview)))
    except CliError as error:
        print(error, file=sys.stderr)
        return False
    print(seen.redaction.text(text_of(made, colours=terminal.coloured(sys.stdout))), end="", flush=True)
    if verb == "preview" or embedded:
        return made.outcome not in ("failed", "refused")
    refusal = (_hindrance(tool, stack, where) if verb == "down" else None) or approval.refusal(verb, made, approval.asking())
    if refusal is not None:
        say(f"Nothing was done: {refusal}")
    return refusal is None


def _hindrance(tool: toolchain.Toolchain, stack: str, where: backend.Backend) -> str | None:
    """What would make `destroy` hang; None if nothing would."""
    state = stack_state.export(str(tool.pulumi), ROOT, stack, where.environment)
    found = list(obstacles(state, look(connect(state, where.environment), state, lambda _: None)))
    if not found:
        return None
    return f"it would hang. {'; '.join(found)}. `make recover STACK={stack}` deletes what is the stack's own; ask about the rest"


if __name__ == "__main__":
    sys.exit(main())
