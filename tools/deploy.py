"""`make up`, `preview`, `down`, `outputs`, `verify`: one stack, on the local cloud or on the one that OS_CLOUD names."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import settings
from lab.packets import outside
from lab.settings import API, PACKETS, LabError
from multiport import toolchain
from tools import backend, outputs

ROOT = toolchain.ROOT
LAB = [sys.executable, "-m", "lab", "--mode", backend.LAB_MODE]
VERIFY = [sys.executable, "-m", "multiport", "verify", "--outputs", "-"]
DIRECT = [sys.executable, "-m", "lab.direct"]


def say(text: str) -> None:
    """Progress, in the order in which things happen."""
    print(f"==> {text}", flush=True)


def main() -> int:
    """Carry out one verb; the exit status is the failing program's own."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("verb", choices=["up", "preview", "down", "outputs", "verify"])
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
    if engine is None or (embedded and direct_state.exists()):
        if engine is not None and verb == "preview":
            say(f"Stack {stack} was deployed by the direct driver; `make down` it first, then the CLI takes over")
            return 1
        status = _direct(verb, stack, environment, direct_state)
    else:
        status = _pulumi(engine, verb, stack, backend.choose(environment, stack, embedded=embedded))
    if verb == "down" and embedded and status == 0:
        _stop_local_cloud(stack)
    return status


def _local_cloud(verb: str) -> dict[str, str] | None:
    """The environment of the local cloud, started if the verb needs it; None when there is nothing to do there."""
    if (
        verb == "down"
        and not backend.anything_deployed()
        and subprocess.run([*LAB, "status", "--json"], check=False, capture_output=True, cwd=ROOT).returncode != 0
    ):
        return None
    if verb not in ("outputs", "verify"):
        more = ", with OVN and QEMU guests" if backend.LAB_MODE == PACKETS else ""
        say(f"Starting the local cloud: Keystone, Glance, Placement, Neutron, Nova{more} (installed first if need be: minutes)")
        subprocess.run([*LAB, "up"], check=True, cwd=ROOT)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    clouds = settings.default_directory(backend.LAB_MODE) / "clouds.yaml"
    return {**clean, "OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "local"}


def _stop_local_cloud(stack: str) -> None:
    if backend.anything_deployed():
        say(f"Stack {stack} is gone; other stacks still run on the local cloud, so it stays up")
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
    if verb == "preview":
        say(f"A preview needs the Pulumi CLI: {toolchain.INSTALL_HELP}")
        return 1
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


def _pulumi(tool: toolchain.Toolchain, verb: str, stack: str, where: backend.Backend) -> int:
    where.prepare(tool.pulumi)
    if verb in ("up", "preview", "down"):
        command = {
            "up": ["up", "--yes", "--suppress-outputs"],
            "preview": ["preview", "--policy-pack", "multiport/policy"],
            "down": ["destroy", "--yes", "--skip-preview"],
        }[verb]
        if not where.exists and verb == "down":
            say(f"Stack {stack} is not deployed")
            return 0
        say(f"pulumi {command[0]}, stack {stack} (CLI {tool.version}, openstack plugin {tool.plugin})")
        status = where.run(tool.pulumi, command).returncode
        if verb == "down" and status == 0:
            where.remove(tool.pulumi)
        if verb != "up" or status != 0:
            return status
    answer = where.run(tool.pulumi, ["stack", "output", "--json", "--show-secrets"], capture=True)
    return answer.returncode or _show(verb, json.loads(answer.stdout or "{}"))


if __name__ == "__main__":
    sys.exit(main())
