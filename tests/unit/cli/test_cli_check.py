"""`multiport check` on the stack files of another project."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiport.cli.main import main
from tests.unit.cli.conftest import NETWORKS, SERVERS, Write


def check(file: Path, *options: str) -> int:
    return main(["check", "--project", str(file.parent), *options])


def test_a_right_file(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write({"networks": NETWORKS, "servers": SERVERS})
    assert check(file) == 0
    assert capsys.readouterr().out == f"{file}: nothing is wrong\n"


def test_every_fault_of_every_file(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    first = write({"networks": {"front": {"subnets": {"v4": {"cidr": "192.168.70.1/24"}}}, "Back": NETWORKS["front"]}})
    second = write({"networks": NETWORKS, "servrs": SERVERS}, "prod")
    assert check(first, "--json") == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [(each["file"], [fault["key"] for fault in each["faults"]]) for each in files] == [
        (str(first), ["networks.Back", "networks.front.subnets.v4.cidr"]),
        (str(second), ["servrs"]),
    ]
    assert all(fault["problem"] and fault["remedy"] for each in files for fault in each["faults"])
    assert check(first, "--stack", "prod") == 1
    assert capsys.readouterr().out == f"{second}: 1 fault\n  servrs: there is no such key here. Did you mean servers?\n"


def test_the_programs_own_keys(write: Write) -> None:
    """Pulumi.yaml declares `domain`; nothing declares `owner`."""
    file = write({"networks": NETWORKS, "domain": "shop.example", "owner": "us"})
    assert check(file) == 1
    assert check(file, "--own-key", "owner") == 0


def test_a_topology_below_one_key(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write({"topology": {"networks": NETWORKS, "servers": SERVERS}, "owner": "us"})
    assert check(file, "--key", "topology") == 0
    assert check(file) == 2
    assert "--key" in capsys.readouterr().err
    assert check(file, "--key", "owner") == 2


def test_values_of_pulumi_yaml_count(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write({"networks": NETWORKS})
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig: {external_network: {default: ' '}}\n")
    assert check(file) == 1
    assert "external_network" in capsys.readouterr().out


def test_json_in_a_text_is_read(write: Write) -> None:
    assert check(write({"networks": json.dumps(NETWORKS)})) == 0
    assert check(write({"networks": json.dumps({"front": {}})})) == 1


def test_encrypted_values_are_passed_over_and_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    servers: dict[str, Any] = copy.deepcopy(SERVERS)
    servers["web"] |= {"cloud_config": {"secure": "AAAB"}, "key_pair": {"secure": "AAAB"}}
    file = write({"networks": NETWORKS, "servers": servers})
    assert check(file) == 0
    said = capsys.readouterr().out
    assert "servers.web.cloud_config: encrypted, not checked\n" in said
    assert "servers.web.key_pair: encrypted, not checked\n" in said
    servers["web"]["flavour"] = servers["web"].pop("flavor")
    assert check(write({"networks": NETWORKS, "servers": servers})) == 1


def test_what_is_encrypted_as_a_whole_cannot_be_checked(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(write({"networks": NETWORKS, "servers": {"secure": "AAAB"}})) == 2
    assert "servers is encrypted as a whole" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["config: [", "config: [a]", "- a", "\xff"])
def test_a_file_that_is_none(write: Write, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = write({})
    file.write_bytes(text.encode("latin-1"))
    assert check(file) == 2
    assert str(file) in capsys.readouterr().err


def test_no_project_and_no_stack(tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--project", str(tmp_path / "nowhere")]) == 2
    assert "--project" in capsys.readouterr().err
    file = write({"networks": NETWORKS})
    assert check(file, "--stack", "other") == 2
    assert "stacks that have a file: dev" in capsys.readouterr().err
    file.unlink()
    assert check(file) == 2


def test_the_folder_of_the_stack_files(tmp_path: Path, write: Write) -> None:
    file = write({"networks": NETWORKS})
    (tmp_path / "config").mkdir()
    file.rename(tmp_path / "config" / file.name)
    for line in ("stackConfigDir: config", "config: config"):
        (tmp_path / "Pulumi.yaml").write_text(f"name: shop\nruntime: python\n{line}\n")
        assert check(file, "--stack", "organization/shop/dev") == 0


def test_a_file_is_found_in_its_own_project(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert main(["check", str(write({"networks": NETWORKS}))]) == 0


def test_every_invalid_configuration_is_refused_in_the_same_words(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A sample of the fixtures; tests/invalid runs them all through the same function."""
    for path in sorted(Path(__file__).parents[2].glob("invalid/**/slot-*.yaml")):
        case = yaml.safe_load(path.read_text())
        if "config" in case:
            assert check(write(case["config"])) == 1
            assert f"  {case['error']}\n" in capsys.readouterr().out
