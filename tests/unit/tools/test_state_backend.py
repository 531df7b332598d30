import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.tools.pulumi_stand_in import Answer, Pulumi
from tools import backend
from tools.backend import Backend

FILE = "config:\n  multiport:servers: {}\n"
SALT = "encryptionsalt: v1:abc=\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own, with the file of the stack `dev`."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(FILE)
    monkeypatch.setattr(backend, "ROOT", tmp_path)
    monkeypatch.setattr(backend, "STATE", tmp_path / ".state")
    return tmp_path


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    return Pulumi(tmp_path / "bin")


def nobody(home: Path) -> dict[str, str]:
    """An environment in which nobody is logged in."""
    return {"PULUMI_HOME": str(home / "pulumi-home")}


def log_in(home: Path, text: str) -> None:
    (home / "pulumi-home").mkdir()
    (home / "pulumi-home" / "credentials.json").write_text(text)


def test_state_is_kept_in_the_project_folder(project: Path) -> None:
    found = backend.choose(nobody(project), "dev", embedded=False)
    assert (found.stack, found.own) == ("dev", True)
    assert found.environment == {
        **nobody(project),
        "PULUMI_BACKEND_URL": f"file://{project}/.state",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@pytest.mark.parametrize(
    ("given", "passphrase"),
    [
        ({}, ""),
        ({"PULUMI_CONFIG_PASSPHRASE": "mine"}, "mine"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/somewhere"}, None),
    ],
)
def test_only_the_local_clouds_state_needs_no_passphrase(project: Path, given: dict[str, str], passphrase: str | None) -> None:
    found = backend.choose({**nobody(project), **given}, "local", embedded=True)
    assert found.environment.get("PULUMI_CONFIG_PASSPHRASE") == passphrase


@pytest.mark.parametrize("given", [{"PULUMI_BACKEND_URL": "s3://bucket"}, {"PULUMI_ACCESS_TOKEN": "token"}])
def test_the_users_own_backend_comes_first(project: Path, given: dict[str, str]) -> None:
    found = backend.choose({**nobody(project), **given}, "dev", embedded=True)
    assert not found.own
    assert found.environment == {**nobody(project), **given, "PULUMI_SKIP_UPDATE_CHECK": "true"}


@pytest.mark.parametrize(
    ("credentials", "own"),
    [('{"current": "https://api.pulumi.com"}', False), ('{"current": ""}', True), ("{}", True), ("not JSON", True)],
)
def test_a_login_counts_while_it_is_current(project: Path, credentials: str, own: bool) -> None:
    log_in(project, credentials)
    assert backend.choose(nobody(project), "dev", embedded=True).own is own


def test_the_callers_environment_is_left_as_it_was(project: Path) -> None:
    environment = nobody(project)
    backend.choose(environment, "dev", embedded=True)
    assert environment == nobody(project)


def own(project: Path) -> Backend:
    return backend.choose(nobody(project), "dev", embedded=True)


def test_a_new_stack_leaves_the_file_in_git_as_it_is(project: Path, pulumi: Pulumi) -> None:
    found = own(project)
    pulumi.answers(stack_ls=Answer(says="[]"), stack_init=Answer(appends={found.config_file: SALT}))
    found.prepare(pulumi.path)
    assert pulumi.calls == [["stack", "ls", "--json"], ["stack", "init", "dev"]]
    assert not found.exists
    assert found.config_file.read_text() == FILE
    assert found.private_config_file.read_text() == SALT + FILE
    assert stat.S_IMODE((project / ".state").stat().st_mode) == 0o700


def test_what_the_cli_remembers_stays_in_the_project_folder(project: Path, pulumi: Pulumi) -> None:
    (project / "pulumi-home" / "plugins" / "resource-openstack-v5.5.1").mkdir(parents=True)
    found = own(project)
    pulumi.answers(stack_ls=Answer(says="[]"))
    for _ in range(2):
        found.prepare(pulumi.path)
        home = Path(found.environment["PULUMI_HOME"])
        assert home.is_relative_to(project / ".state")
        assert [each.name for each in (home / "plugins").iterdir()] == ["resource-openstack-v5.5.1"]


def test_a_known_stack_gets_the_file_as_it_is_now(project: Path, pulumi: Pulumi) -> None:
    found = own(project)
    pulumi.answers(stack_ls=Answer(says="[]"), stack_init=Answer(appends={found.config_file: SALT}))
    found.prepare(pulumi.path)
    found.config_file.write_text(FILE + "# changed\n")
    pulumi.answers(stack_ls=Answer(says=json.dumps([{"name": "dev", "resourceCount": 3}, {"name": "prod"}])))
    found.prepare(pulumi.path)
    assert found.exists
    assert pulumi.calls[2:] == [["stack", "ls", "--json"]]
    assert found.private_config_file.read_text() == f"{SALT}{FILE}# changed\n"


def test_a_file_with_a_salt_of_its_own_keeps_it(project: Path, pulumi: Pulumi) -> None:
    found = own(project)
    found.config_file.write_text(f"{FILE}encryptionsalt: v1:own=\n")
    pulumi.answers(stack_ls=Answer(says="[]"))
    found.prepare(pulumi.path)
    assert found.private_config_file.read_text() == found.config_file.read_text()


@pytest.mark.parametrize("count", [0, None])
def test_a_stack_without_resources_does_not_exist(project: Path, pulumi: Pulumi, count: int | None) -> None:
    found = own(project)
    pulumi.answers(stack_ls=Answer(says=json.dumps([{"name": "dev", "resourceCount": count}])))
    found.prepare(pulumi.path)
    assert not found.exists


def test_nothing_is_written_for_somebody_elses_backend(project: Path, pulumi: Pulumi) -> None:
    found = backend.choose({**nobody(project), "PULUMI_BACKEND_URL": "s3://bucket"}, "dev", embedded=False)
    pulumi.answers(stack_ls=Answer(says="[]"), stack_init=Answer(appends={found.config_file: SALT}))
    found.prepare(pulumi.path)
    found.run(pulumi.path, ["up", "--yes"])
    found.remove(pulumi.path)
    assert pulumi.calls == [["stack", "ls", "--json"], ["stack", "init", "dev"], ["up", "--yes", "--stack", "dev"]]
    assert found.config_file.read_text() == FILE + SALT  # the salt belongs there, for the team
    assert not (project / ".state").exists()


@pytest.mark.parametrize(
    ("command", "private"), [("up", True), ("preview", True), ("destroy", True), ("refresh", False), ("stack", False)]
)
def test_the_cli_reads_the_private_copy_where_it_takes_one(project: Path, pulumi: Pulumi, command: str, private: bool) -> None:
    pulumi.answers(**{command: Answer(says="done", status=3)})
    answer = own(project).run(pulumi.path, [command, "--flag"], capture=True)
    assert (answer.stdout, answer.returncode) == ("done", 3)
    config = ["--config-file", f"{project}/.state/Pulumi.dev.yaml"]
    assert pulumi.calls == [[command, "--flag", "--stack", "dev", *(config if private else [])]]


def test_an_empty_stack_is_forgotten_with_its_copy(project: Path, pulumi: Pulumi) -> None:
    found = own(project)
    pulumi.answers(stack_ls=Answer(says="[]"))
    found.prepare(pulumi.path)
    found.remove(pulumi.path)
    assert pulumi.calls[-1] == ["stack", "rm", "--yes", "--preserve-config", "--stack", "dev"]
    assert not found.private_config_file.exists()
    assert found.config_file.read_text() == FILE


def test_what_the_cli_complains_of_is_shown(project: Path, pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.answers(stack_ls=Answer(complains="error: locked", status=255))
    with pytest.raises(subprocess.CalledProcessError):
        own(project).prepare(pulumi.path)
    assert "error: locked" in capsys.readouterr().out


def resource(kind: str, *, custom: bool = True) -> dict[str, object]:
    return {"type": kind, "custom": custom}


@pytest.mark.parametrize(
    ("resources", "deployed"),
    [
        (None, False),
        ([], False),
        ([resource("pulumi:pulumi:Stack", custom=False), resource("pulumi:providers:openstack")], False),
        ([resource("multiport:index:PrivateNetwork", custom=False)], False),
        ([resource("openstack:networking/network:Network")], True),
    ],
)
def test_whether_the_clis_state_holds_anything(project: Path, resources: list[object] | None, deployed: bool) -> None:
    assert not backend.anything_deployed()
    stacks = project / ".state" / ".pulumi" / "stacks" / "multiport"
    stacks.mkdir(parents=True)
    (stacks / "empty.json").write_text('{"checkpoint": {}}')
    latest = None if resources is None else {"resources": resources}
    (stacks / "dev.json").write_text(json.dumps({"checkpoint": {"latest": latest}}))
    assert backend.anything_deployed() is deployed


@pytest.mark.parametrize(("record", "deployed"), [({}, False), ({"resources": []}, False), ({"resources": [{}]}, True)])
def test_whether_the_direct_drivers_record_holds_anything(project: Path, record: dict[str, object], deployed: bool) -> None:
    path = backend.direct_state("dev")
    assert path == project / ".state" / "direct" / "dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    assert backend.anything_deployed() is deployed
