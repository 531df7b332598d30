"""A golden case: a folder with `input.yaml` and the `expected/` tree of what a server described like that is told."""

import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any, Final

import yaml

from multiport.guest.cloud_config import user_data
from multiport.guest.errors import GuestError
from multiport.guest.files import PLAN_PATH, static_files
from multiport.guest.metadata import PortFacts, Route, RoutingOptions, server_metadata
from multiport.guest.plan import BootPort, RoutingPlan, plan_text
from multiport.guest.slots import derived_slot

HERE: Final = Path(__file__).parent
CASES: Final = HERE / "cases"
STATIC: Final = HERE / "static"

_INDENT = "  "


def case_names() -> list[str]:
    """Return the names of all cases."""
    return sorted(path.parent.name for path in CASES.glob("*/input.yaml"))


def expected(folder: Path) -> dict[str, str]:
    """Return the files below a folder by their path."""
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in sorted(folder.rglob("*")) if path.is_file()}


def static() -> dict[str, str]:
    """Return the rendered files that are the same for every server, by path."""
    return {file.path.removeprefix("/"): file.content for file in static_files()}


def rendered(name: str) -> dict[str, str]:
    """Return what a case's server is told: its files, or its error. The user data stands as it is, with the whole script."""
    given = described(name)
    try:
        plan, metadata = told(given)
        data = user_data(plan, given.get("cloud_config"))
    except GuestError as error:
        return {"error.txt": f"{error}\n"}
    files = {"user_data": data, "metadata.json": f"{json.dumps(metadata, indent=2)}\n"}
    return files if plan is None else {PLAN_PATH.removeprefix("/"): plan_text(plan), **files}


def described(name: str) -> dict[str, Any]:
    """Return a case's input. `@30000@` in its cloud-config stands for so many letters."""
    given: dict[str, Any] = yaml.safe_load((CASES / name / "input.yaml").read_text())
    if "cloud_config" in given:
        given["cloud_config"] = re.sub(r"@(\d+)@", lambda match: "x" * int(match[1]), given["cloud_config"])
    return given


def told(given: Mapping[str, Any]) -> tuple[RoutingPlan | None, dict[str, str]]:
    """Return the plan and the metadata of a described server."""
    user = given.get("metadata", {})
    if given.get("return_path") == "none":
        return None, server_metadata([], RoutingOptions(), user)
    ports: Mapping[str, Mapping[str, Any]] = given["ports"]
    slots = {key: port.get("slot", derived_slot(key)) for key, port in ports.items()}
    facts = [_facts(key, slots[key], port) for key, port in ports.items()]
    boot = [BootPort(slots[key], port["mac"], port.get("primary", False)) for key, port in ports.items() if not port.get("hot")]
    return RoutingPlan(tuple(boot)), server_metadata(facts, RoutingOptions(**given.get("routing", {})), user)


def _facts(key: str, slot: int, port: Mapping[str, Any]) -> PortFacts:
    return PortFacts(
        key=key,
        slot=slot,
        mac=port["mac"],
        mtu=port.get("mtu"),
        hot=port.get("hot", False),
        v4=tuple(IPv4Interface(address) for address in port.get("v4", [])),
        v6=tuple(IPv6Interface(address) for address in port.get("v6", [])),
        gateways=tuple(ip_address(address) for address in port.get("gateways", [])),
        routes=tuple(Route(ip_network(network), ip_address(hop)) for network, hop in port.get("routes", {}).items()),
        vips=tuple(ip_interface(address) for address in port.get("vips", [])),
        pairs=tuple(ip_interface(address) for address in port.get("pairs", [])),
    )


def folded(text: str, contents: Mapping[str, str]) -> str:
    """Put a line that names it in the place of each static file's content, so that a changed script changes one golden file."""
    for path, content in contents.items():
        text = text.replace(f"\n{_block(content)}", f"\n{_INDENT}<< {path} >>\n", 1)
    return text


def unfolded(text: str, contents: Mapping[str, str]) -> str:
    """Put the content of each static file in the place of the line that names it."""
    for path, content in contents.items():
        text = text.replace(f"\n{_INDENT}<< {path} >>\n", f"\n{_block(content)}", 1)
    return text


def _block(content: str) -> str:
    return "".join(f"{_INDENT}{line}" if line.strip() else line for line in content.splitlines(keepends=True))
