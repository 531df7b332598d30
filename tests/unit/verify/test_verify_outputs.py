"""Where the verification finds a stack's servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from multiport.verify.outputs import SERVER_TYPE, OutputsError, of_components, of_stack
from multiport.verify.plan import plan

PORTS = {"a": {"fixed_ips": {"v4": "192.168.70.5"}, "floating_ips": {}, "mac_address": "FA:16:3E:00:00:01", "table": 21366.0}}
URN = f"urn:pulumi:dev::shop::shop:index:Site${SERVER_TYPE}::web"
STATE = {
    "deployment": {
        "resources": [
            {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "type": "pulumi:pulumi:Stack"},
            {"urn": URN, "type": SERVER_TYPE, "outputs": {"serverId": "1", "ports": PORTS}},
            {"urn": URN.replace("web", "half"), "type": SERVER_TYPE, "outputs": {}},  # its creation failed halfway
        ]
    }
}


def cli(folder: Path, outputs: Any, status: int = 0) -> Path:
    """A CLI that answers so."""
    program = folder / "pulumi"
    (folder / "output").write_text(json.dumps(outputs))
    (folder / "export").write_text(json.dumps(STATE))
    program.write_text(f'#!/bin/sh\n[ {status} = 0 ] && cat "{folder}/$2" && exit\necho "no such stack" >&2; exit {status}\n')
    program.chmod(0o755)
    return program


def test_components_in_the_state() -> None:
    assert of_components(STATE) == {"web": {"id": "1", "ports": PORTS}}
    assert of_components({"deployment": {}}) == of_components({"deployment": None}) == {}


def test_exported_servers_are_taken_as_they_are(tmp_path: Path) -> None:
    exports = {"servers": {"db": {"ports": PORTS}}, "virtual_ips": {}}
    assert of_stack(tmp_path, "dev", cli(tmp_path, exports), {}) == exports


@pytest.mark.parametrize("exports", [{}, {"servers": ["web"]}, {"servers": {"web": "10.0.0.1"}}, {"servers": {}}])
def test_a_program_that_exports_something_else(tmp_path: Path, exports: dict[str, Any]) -> None:
    found = of_stack(tmp_path, "dev", cli(tmp_path, exports), {})
    [server] = plan(found).servers
    assert (server.name, [port.mac for port in server.ports]) == ("web", ["fa:16:3e:00:00:01"])


def test_what_the_cli_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(OutputsError, match="no such stack"):
        of_stack(tmp_path, "dev", cli(tmp_path, {}, 6), {})
