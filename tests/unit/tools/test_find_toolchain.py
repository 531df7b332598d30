import json
from importlib.metadata import version
from pathlib import Path

import pytest
from pulumi.automation import PulumiCommand

from multiport import toolchain
from multiport.toolchain import Toolchain, ToolchainError
from tests.unit.tools.pulumi_stand_in import Answer, Pulumi

PLUGIN = version("pulumi-openstack")
LISTED = Answer(says=json.dumps([{"name": "aws", "version": "1.0.0"}, {"name": "openstack", "version": PLUGIN}]))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a checkout in which nothing is installed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(toolchain, "OWN", tmp_path / "own")
    return tmp_path


@pytest.fixture
def pulumi(home: Path) -> Pulumi:
    return Pulumi(home / "on-path")


def find(pulumi: Pulumi, *, fetch: bool = False) -> tuple[Toolchain, list[str]]:
    said: list[str] = []
    return toolchain.find(said.append, {"PATH": str(pulumi.path.parent)}, fetch=fetch), said


def test_a_cli_and_a_plugin_that_fit_are_used(pulumi: Pulumi) -> None:
    pulumi.answers(version=Answer(says="v3.300.1\n"), plugin_ls=LISTED)
    assert find(pulumi, fetch=True) == (Toolchain(pulumi.path, "v3.300.1", PLUGIN), [])
    assert pulumi.calls == [["version"], ["plugin", "ls", "--json"]]


@pytest.mark.parametrize("found", ["v3.259.0", "3.259.0", "v3.259.1-alpha.7+dirty", "v3.1000.0"])
def test_versions_that_fit(pulumi: Pulumi, found: str) -> None:
    pulumi.answers(version=Answer(says=found), plugin_ls=LISTED)
    assert find(pulumi)[0].version == found


@pytest.mark.parametrize("found", ["v3.258.9", "v2.400.0", "v4.0.0", "", "pulumi", "v3.259"])
def test_versions_that_do_not(pulumi: Pulumi, found: str) -> None:
    pulumi.answers(version=Answer(says=found), plugin_ls=LISTED)
    with pytest.raises(ToolchainError, match=r"no Pulumi CLI of version 3\.259 or later"):
        find(pulumi)


@pytest.mark.parametrize("place", [".pulumi/bin", "own/bin"])
def test_a_cli_may_be_where_installers_put_it(home: Path, pulumi: Pulumi, place: str) -> None:
    pulumi.answers(version=Answer(says="v3.1.0"))
    installed = Pulumi(home / place)
    installed.answers(version=Answer(says="v3.259.0"), plugin_ls=LISTED)
    assert find(pulumi)[0].pulumi == installed.path


@pytest.mark.parametrize(
    "listed",
    [
        Answer(says="[]"),
        Answer(says=""),
        Answer(status=1, says=LISTED.says),
        Answer(says=json.dumps([{"name": "openstack", "version": "0.0.1"}])),
        Answer(says=json.dumps([{"name": "aws", "version": PLUGIN}])),
    ],
)
def test_a_plugin_that_is_not_the_sdks_is_none(pulumi: Pulumi, listed: Answer) -> None:
    pulumi.answers(version=Answer(says="v3.259.0"), plugin_ls=listed)
    with pytest.raises(ToolchainError, match=f"the openstack plugin {PLUGIN} is not installed"):
        find(pulumi)
    found, said = find(pulumi, fetch=True)
    assert found.plugin == PLUGIN
    assert len(said) == 1
    assert pulumi.calls[-1] == ["plugin", "install", "resource", "openstack", PLUGIN]


def test_a_plugin_on_the_path_serves(pulumi: Pulumi) -> None:
    pulumi.answers(version=Answer(says="v3.259.0"), plugin_ls=Answer(says="[]"))
    plugin = pulumi.path.with_name("pulumi-resource-openstack")
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    assert find(pulumi)[0].plugin == PLUGIN


@pytest.mark.parametrize(("complains", "why"), [("warning\nerror: no route\n", "error: no route"), ("", "no reason given")])
def test_a_plugin_out_of_reach(pulumi: Pulumi, complains: str, why: str) -> None:
    pulumi.answers(
        version=Answer(says="v3.259.0"), plugin_ls=Answer(says="[]"), plugin_install=Answer(status=1, complains=complains)
    )
    with pytest.raises(ToolchainError, match=rf"could not be fetched \({why}\)"):
        find(pulumi, fetch=True)


def test_a_cli_out_of_reach(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(**_: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(PulumiCommand, "install", install)
    with pytest.raises(ToolchainError, match=r"the Pulumi CLI could not be fetched \(Name or service not known\)"):
        find(pulumi, fetch=True)


def test_a_cli_is_fetched_by_pulumis_own_installer(home: Path, pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(root: str, version: object) -> None:
        fetched = Pulumi(Path(root) / "bin")
        fetched.answers(version=Answer(says=f"v{version}"), plugin_ls=LISTED)

    monkeypatch.setattr(PulumiCommand, "install", install)
    found, said = find(pulumi, fetch=True)
    assert found == Toolchain(home / "own/bin/pulumi", f"v{version('pulumi')}", PLUGIN)
    assert len(said) == 1


def test_the_callers_environment_is_the_default(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(pulumi.path.parent))
    pulumi.answers(version=Answer(says="v3.259.0"), plugin_ls=LISTED)
    assert toolchain.find(print, fetch=False).pulumi == pulumi.path


def test_a_user_without_a_name_has_the_home_of_the_environment(
    home: Path, pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_number: int) -> object:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    (home / ".pulumi" / "plugins").mkdir(parents=True)
    pulumi.answers(version=Answer(says="v3.300.1\n"), plugin_ls=LISTED)
    assert find(pulumi)[0] == Toolchain(pulumi.path, "v3.300.1", PLUGIN)
    assert (home / "own" / "home" / "plugins").resolve() == home / ".pulumi" / "plugins"
