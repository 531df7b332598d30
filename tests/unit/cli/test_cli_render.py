"""`multiport render`: what a server would be told, without a cloud."""

import json
from pathlib import Path

import pytest
import yaml

from multiport.cli.main import main
from multiport.guest.cloud_config import user_data
from multiport.guest.plan import BootPort, RoutingPlan, plan_text
from multiport.guest.slots import derived_slot
from multiport.rendering import CHOSEN_BY_NEUTRON, Rendering
from tests.unit.cli.conftest import NETWORKS, SERVERS, Write

A, B = "fa:16:3e:00:70:01", "fa:16:3e:00:70:02"
PLAN = RoutingPlan((BootPort(derived_slot("a"), A, primary=True), BootPort(derived_slot("b"), B)))


def render(file: Path, *options: str) -> int:
    return main(["render", str(file), *options])


def test_known_addresses_give_the_user_data_to_the_byte(write: Write, tmp_path: Path) -> None:
    file = write({"networks": NETWORKS, "servers": SERVERS})
    assert render(file, "--mac", f"web.b={B.upper()}", "--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "web" / "user_data").read_text() == user_data(PLAN, None)
    assert (tmp_path / "out" / "web" / "plan").read_text() == plan_text(PLAN)


def test_an_unknown_address_is_said_to_be_unknown(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write({"networks": NETWORKS, "servers": SERVERS})
    assert render(file, "--json") == 0
    told = json.loads(capsys.readouterr().out)["web"]
    assert told["complete"] is False
    assert told["plan"] == plan_text(PLAN).replace(B, CHOSEN_BY_NEUTRON)
    assert told["user_data"] == user_data(PLAN, None).replace(B, CHOSEN_BY_NEUTRON)
    assert render(file, "--plan") == 0
    assert capsys.readouterr().out == f"# web\n{told['plan']}\n"
    assert render(file) == 0
    assert told["user_data"] in capsys.readouterr().out


def test_only_the_servers_that_were_asked_for(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(
        {
            "networks": NETWORKS,
            "servers": {**SERVERS, "db": {**SERVERS["web"], "ports": {"x": {"network": "front"}}, "return_path": "none"}},
        }
    )
    assert render(file, "--server", "db", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"db": {"user_data": "", "plan": None, "complete": True}}
    assert render(file, "--server", "nobody", "--mac", f"web.z={A}", "--mac", f"cache.a={A}") == 2
    assert "no server nobody and no port web.z and no port cache.a" in capsys.readouterr().err


def test_a_faulty_file_is_refused(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert render(write({"networks": NETWORKS, "servers": {"web": {}}})) == 1
    assert "servers.web.flavor" in capsys.readouterr().err
    assert render(write({})) == 2


def test_an_encrypted_cloud_config_is_left_out_and_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {**SERVERS["web"], "cloud_config": {"secure": "AAAB"}}
    assert render(write({"networks": NETWORKS, "servers": {"web": secret}}), "--json", "--mac", f"web.b={B}") == 0
    said = capsys.readouterr()
    told = json.loads(said.out)["web"]
    assert (told["complete"], told["user_data"]) == (False, user_data(PLAN, None))
    assert "cloud_config is encrypted" in said.err


@pytest.mark.parametrize(
    "given", ["web.b", "web=fa:16:3e:00:70:02", ".b=fa:16:3e:00:70:02", "web.b=x", "web.b=01:00:00:00:00:01"]
)
def test_a_bad_address_is_refused(write: Write, given: str) -> None:
    with pytest.raises(SystemExit) as caught:
        render(write({"networks": NETWORKS, "servers": SERVERS}), "--mac", given)
    assert caught.value.code == 2


def test_a_renamed_port_keeps_its_place() -> None:
    """The first boot port is the one whose original key comes first, as in the component."""
    ports = {"z": {"formerly": ["a"], "mac_address": A}, "b": {"mac_address": B}, "later": {"hot": True}}
    assert Rendering({"ports": ports}, {}).plan == plan_text(PLAN)
    other = RoutingPlan((BootPort(derived_slot("a"), A), BootPort(derived_slot("b"), B, primary=True)))
    assert Rendering({"ports": ports, "primary_port": "b"}, {}).plan == plan_text(other)


def test_the_projects_own_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    for file in sorted((Path(__file__).parents[3] / "stacks").glob("Pulumi.*.yaml")):
        assert render(file, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert sorted(told) == sorted(yaml.safe_load(file.read_text())["config"]["multiport:servers"])
