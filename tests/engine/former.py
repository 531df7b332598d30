"""States that former versions left behind: recorded after a deployment, and made states of today's local cloud again.

`python -m tests.engine.former` records the states of the present version, to be done with each release. A recorded state has the
ids of a cloud that is gone. Those that a preview looks up are named by placeholders, and `restored` puts today's ids in. User
data is kept as what it was rendered from: that its bytes stay is what the goldens show, and a change of them that replaces
servers is named in CHANGELOG.md.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openstack
import yaml

from multiport import toolchain
from multiport.guest.cloud_config import user_data
from multiport.guest.files import PLAN_PATH
from multiport.guest.plan import BootPort, RoutingPlan
from tests.engine.stack import ROOT, Stack

FOLDER = Path(__file__).parent / "former"
KEPT = (
    *("urn", "custom", "id", "type", "inputs", "outputs", "parent", "dependencies", "propertyDependencies", "provider"),
    *("customTimeouts", "additionalSecretOutputs", "ignoreChanges", "replacementTrigger", "aliases"),
)
"""What of a resource a preview looks at; neither times nor places in sources."""
OUR_LISTS = ("bootcmd", "runcmd", "write_files")


def recorded(exported: Mapping[str, Any], config: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """A state that `pulumi stack export --show-secrets` printed, without what a preview does not look at.

    Args:
        exported: The state.
        config: The configuration of the stack; None for a program that has none.
        names: Ids that a preview looks up, each with its placeholder.
    """
    resources = [_kept(resource) for resource in exported["deployment"]["resources"]]
    text = json.dumps(resources)
    for found, placeholder in names.items():
        text = text.replace(found, f"<{placeholder}>")
    return {"config": config, "resources": json.loads(text)}


def restored(state: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A state for `pulumi stack import`.

    Args:
        state: As recorded.
        ids: Today's id of each placeholder.
    """
    text = json.dumps(state["resources"])
    for placeholder, found in ids.items():
        text = text.replace(f"<{placeholder}>", found)
    resources = json.loads(text)
    for resource in resources:
        source = resource.get("inputs", {}).get("userData")
        if source is not None:
            rendered = _rendered(source)
            resource["inputs"]["userData"] = rendered
            resource["outputs"]["userData"] = hashlib.sha1(rendered.encode(), usedforsecurity=False).hexdigest()
    return {
        "version": 3,
        "deployment": {"manifest": {"time": "0001-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": resources},
    }


def _kept(resource: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: resource[key] for key in KEPT if key in resource}
    if not resource["custom"]:
        kept["outputs"] = {key: value for key, value in kept.get("outputs", {}).items() if key == "ports"}
    kept["outputs"] = {key: value for key, value in kept.get("outputs", {}).items() if not _is_secret(value)}
    if "userData" in kept.get("inputs", {}):
        kept["inputs"] = {**kept["inputs"], "userData": _source(kept["inputs"]["userData"])}
    return kept


def _is_secret(value: object) -> bool:
    """Whether an output is a secret: passwords that Nova made up, which no preview looks at."""
    return isinstance(value, dict) and "4dabf18193072939515e22adb298388d" in value  # what the engine marks a secret with


def _source(text: str) -> dict[str, Any]:
    """What user data was rendered from: the plan's lines, and the keys of the user's own cloud-config."""
    document = yaml.safe_load(text)
    [plan] = [entry["content"] for entry in document["write_files"] if entry["path"] == PLAN_PATH]
    own = {key: value for key, value in document.items() if key not in OUR_LISTS}
    return {"plan": plan.splitlines()[1:], "cloud_config": f"#cloud-config\n{yaml.safe_dump(own)}" if own else None}


def _rendered(source: Mapping[str, Any]) -> str:
    words = [line.split() for line in source["plan"]]
    ports = tuple(BootPort(int(slot), mac, primary=rest == ["primary"]) for _, slot, mac, *rest in words)
    return user_data(RoutingPlan(ports), source["cloud_config"])


def main() -> int:
    """Deploy every stack and every example, and record its state."""
    pulumi = toolchain.find(print, fetch=False).pulumi
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="multiport-former-") as folder:
        shared = os.environ.get("MULTIPORT_TEST_LAB")
        place = Path(shared) if shared else Path(folder) / "lab"
        lab = [sys.executable, "-m", "lab", "--dir", str(place)]
        subprocess.run([*lab, "up"], check=True, cwd=ROOT)
        cloud = {"OS_CLIENT_CONFIG_FILE": str(place / "clouds.yaml"), "OS_CLOUD": "local"}
        try:
            for path in sorted((ROOT / "stacks").glob("Pulumi.*.yaml")):
                found = yaml.safe_load(path.read_text())["config"]
                config = {key.removeprefix("multiport:"): value for key, value in found.items()}
                name = path.stem.removeprefix("Pulumi.")
                _record(Stack(Path(folder) / name, name, cloud, ROOT, pulumi), config)
            for program in sorted(path.parent for path in (ROOT / "examples").glob("*/__main__.py")):
                name = program.name.replace("_", "-")
                _record(Stack(Path(folder) / name, name, cloud, program, pulumi), None)
        finally:
            if not shared:
                subprocess.run([*lab, "down"], check=True, cwd=ROOT)
    return 0


def _record(stack: Stack, config: Mapping[str, Any] | None) -> None:
    if config is not None:
        stack.configure(config)
    stack.up()
    exported = stack.exported()
    clouds = openstack.config.OpenStackConfig(config_files=[stack.environment["OS_CLIENT_CONFIG_FILE"]])
    api = openstack.connection.Connection(config=clouds.get_one(stack.environment["OS_CLOUD"]))
    write(stack.name, recorded(exported, config, {**placeholders(api), **own_networks(exported)}))
    stack.destroy()


def placeholders(api: Any) -> dict[str, str]:
    """Ids of the cloud's own that a preview looks up, each with its placeholder."""
    return {network.id: network.name for network in api.network.networks() if network.is_router_external}


def own_networks(exported: Mapping[str, Any]) -> dict[str, str]:
    """Ids of networks and subnets that a program makes itself and then adopts, each with its placeholder."""
    resources = exported["deployment"]["resources"]
    return {
        resource["id"]: f"{resource['type'].rsplit(':', 1)[-1]} {resource['urn'].rsplit('::', 1)[-1]}"
        for resource in resources
        if resource["type"].endswith((":Network", ":Subnet")) and "PrivateNetwork" not in resource["urn"]
    }


def write(name: str, state: Mapping[str, Any]) -> None:
    """Keep a state, one resource a line."""
    lines = ",\n".join(json.dumps(resource, sort_keys=True) for resource in state["resources"])
    config = json.dumps(state["config"], sort_keys=True)
    (FOLDER / f"{name}.json").write_text(f'{{"config": {config},\n"resources": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    sys.exit(main())
