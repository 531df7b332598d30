"""The command that the workflows call, from a branch to the updated stack, on the local cloud and with a host on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiport import toolchain
from multiport.toolchain import Toolchain
from tests.engine.stack import ROOT
from tests.review.cases import base_stack
from tests.review.test_hosts import Server, merged

PARTS = ("Pulumi.yaml", "__main__.py", "multiport", "tools")
MARK = "<!-- multiport review of multiport/dev -->"


class Repository:
    """A clone of the project with one stack, its backend, and the host that its changes are reviewed on."""

    def __init__(self, folder: Path, cloud: dict[str, str], pulumi: Path, host: Server) -> None:
        self.folder = folder / "clone"
        self.host = host
        self.folder.mkdir()
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, self.folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.folder / part)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        (self.folder / ".gitignore").write_text(".venv\n.tools/\n__pycache__/\n")
        (self.folder / "stacks").mkdir()
        (folder / "state").mkdir()
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_", "GITHUB_", "CI_"))},
            "OS_CLOUD": cloud["OS_CLOUD"],
            "CLOUDS_YAML": Path(cloud["OS_CLIENT_CONFIG_FILE"]).read_text(),
            "PATH": f"{pulumi.parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_HOME": toolchain.home(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "pass",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "GITHUB_API_URL": host.url,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_TOKEN": "t",
        }
        self.cloud = cloud
        self.write(base_stack())
        self.pulumi("stack", "init", "dev")
        self.git("init", "-q", "-b", "main")
        self.commit("start")

    @property
    def stack_file(self) -> Path:
        return self.folder / "stacks" / "Pulumi.dev.yaml"

    def write(self, config: dict[str, Any]) -> None:
        kept = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        kept["config"] = {f"multiport:{key}": value for key, value in config.items()}
        self.stack_file.write_text(yaml.safe_dump(kept, sort_keys=False))

    def pulumi(self, *arguments: str) -> str:
        environment = {**self.environment, **self.cloud}
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=environment,
            text=True,
            capture_output=True,
            check=True,
        ).stdout

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, text=True, capture_output=True, check=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def pipeline(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "multiport", "review", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            text=True,
            capture_output=True,
            check=False,
        )

    def preview(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.pipeline(
            "preview", "--since", "main", "--out", str(self.folder.parent / "out"), PULL_REQUEST="5", **environment
        )

    def comment(self) -> str:
        [body] = [each["body"] for each in self.host.comments if each["body"].startswith(MARK)]
        assert isinstance(body, str)
        return body

    def unchanged(self) -> bool:
        return self.git("status", "--porcelain") == ""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, cli: Toolchain, cloud: dict[str, str]) -> Iterator[Repository]:
    host = Server()
    made = Repository(tmp_path_factory.mktemp("end"), cloud, cli.pulumi, host)
    try:
        yield made
    finally:
        made.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev")
        host.close()


def test_from_a_branch_to_the_updated_stack(repository: Repository) -> None:
    first = repository.pipeline("update", "--stack", "dev", "--unreviewed")
    assert first.returncode == 0, first.stdout + first.stderr
    out = repository.folder.parent / "out" / "dev"

    # a branch that touches no stack
    repository.git("checkout", "-q", "-b", "words")
    (repository.folder / "README.md").write_text("words\n")
    repository.commit("words")
    assert repository.pipeline("stacks", "--since", "main").stdout == "[]\n"
    silent = repository.preview()
    assert (silent.returncode, repository.host.comments) == (0, [])

    # a branch that touches the stack's file and changes nothing: silent too
    repository.stack_file.write_text(f"# words\n{repository.stack_file.read_text()}")
    repository.commit("words")
    silent = repository.preview()
    assert silent.returncode == 0, silent.stderr
    assert "dev: nothing to say" in silent.stdout
    assert repository.host.comments == []
    repository.git("checkout", "-q", "main")

    # a branch with a change: one comment, the same bytes each time, and nothing more of it when it is pushed again
    repository.git("checkout", "-q", "-b", "change")
    config = base_stack()
    config["servers"]["web"]["ports"]["n"] = {"network": "back", "hot": True}
    repository.write(config)
    repository.commit("a hot port")
    assert repository.pipeline("stacks", "--since", "main").stdout == '["dev"]\n'
    summary = repository.folder.parent / "summary.md"
    shown = repository.preview(GITHUB_STEP_SUMMARY=str(summary))
    assert shown.returncode == 0, shown.stderr
    assert "creates 1 port, 1 attachment" in shown.stdout
    body = repository.comment()
    assert "| + | `web` | `n` (hot) | `back` | `one of 192.168.20.0/24` |" in body
    assert body == (out / "comment.md").read_text() == summary.read_text()
    again = repository.preview()
    assert "dev: said already" in again.stdout
    assert repository.comment() == body == (out / "comment.md").read_text()
    assert len(repository.host.comments) == 1

    # a further push on the branch: the same comment says something else
    config["servers"]["web"]["ports"]["n"]["fixed_ips"] = {"main": {"subnet": "v4", "ip_address": "192.168.20.40"}}
    repository.write(config)
    repository.commit("with an address")
    assert "dev: comment updated" in repository.preview().stdout
    assert "`192.168.20.40`" in repository.comment()
    assert len(repository.host.comments) == 1

    # merged: the host tells which change the commit came with, and what was reviewed is done
    before = repository.git("rev-parse", "main")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "change")
    repository.host.merged = [merged(5)]
    done = repository.pipeline("update", "--since", before, GITHUB_SHA="abc")
    assert done.returncode == 0, done.stdout + done.stderr
    ports = repository.pulumi("stack", "output", "servers", "--stack", "dev")
    assert "192.168.20.40" in ports

    # nothing is left to do, and the comment that is there says so
    after = repository.pipeline("preview", "--stack", "dev", "--out", str(out.parent), PULL_REQUEST="5")
    assert (after.returncode, "dev: comment updated" in after.stdout) == (0, True)
    assert repository.comment().endswith("**`dev`: nothing changes.**\n")
    assert repository.unchanged()


def test_an_unreviewed_change_is_not_deployed(repository: Repository) -> None:
    config = base_stack(metadata={"added": "later"})
    before = repository.git("rev-parse", "HEAD")
    repository.write(config)
    repository.commit("straight to main")
    refused = repository.pipeline("update", "--since", before, GITHUB_SHA="abc")
    assert refused.returncode == 1
    assert "not what was reviewed" in refused.stderr
    repository.host.merged = []
    refused = repository.pipeline("update", "--since", before, GITHUB_SHA="abc")
    assert refused.returncode == 1
    assert "no change that was merged into the default branch is known" in refused.stderr
    assert "added" not in repository.pulumi("stack", "export", "--stack", "dev")


def test_only_the_comment_as_it_was_made_approves(repository: Repository) -> None:
    """A comment that was edited or made twice, or whose change was merged elsewhere, approves nothing."""
    out = str(repository.folder.parent / "out")
    repository.pipeline("preview", "--stack", "dev", "--out", out, PULL_REQUEST="5")
    [comment] = [each for each in repository.host.comments if each["body"].startswith(MARK)]
    genuine = comment["body"]
    digest = genuine.splitlines()[1]
    assert len(digest) == len("<!-- change  -->") + 64

    def refused(why: str) -> None:
        answer = repository.pipeline("update", "--stack", "dev", GITHUB_SHA="abc")
        assert (answer.returncode, why in answer.stderr) == (1, True), answer.stdout + answer.stderr
        assert "Nothing was updated" in answer.stderr
        assert "added" not in repository.pulumi("stack", "export", "--stack", "dev")

    repository.host.merged = [merged(5)]
    comment["body"] = f"{MARK}\n{digest}\n**`dev`: nothing changes.**\n"
    refused("not what was reviewed")
    comment["body"] = genuine.replace("updates", "reads")
    refused("not what was reviewed")
    comment["body"] = f"{MARK}\n{genuine}"
    refused("not what was reviewed")
    comment["body"] = genuine
    repository.host.add(f"{MARK}\n{digest}\n")
    refused("2 comments on this stack")
    repository.host.comments.pop()
    repository.host.merged = [merged(5, base={"ref": "side", "repo": {"full_name": "o/r", "default_branch": "main"}})]
    refused("no change that was merged into the default branch is known")


def test_secrets_stay_and_are_refused_in_user_data(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "secret")
    repository.write(base_stack())
    secrets = {
        "servers.web.cloud_config": "#cloud-config\nruncmd: ['login swordfish-one']\n",
        "servers.web.metadata.token": "swordfish-two",
        "servers.web.name": "swordfish-three",
        "servers.web.ports.b.name": "swordfish four",
        "networks.front.name": "swordfish five",
    }
    for path, value in secrets.items():
        repository.pulumi("config", "set", "--secret", "--path", f"multiport:{path}", value, "--stack", "dev")
    repository.commit("secrets")
    shown = repository.preview()
    assert shown.returncode == 1, shown.stdout + shown.stderr
    body = repository.comment()
    assert "no-secret-in-user-data" in body, shown.stdout + shown.stderr
    assert "multiport:servers.web.cloud_config" in body
    written = [path.read_text() for path in (repository.folder.parent / "out" / "dev").iterdir()]
    assert len(written) == 3
    for text in (body, shown.stdout, shown.stderr, *written):
        assert "swordfish" not in text
    assert "because `userData` changes; it is secret" in body
    assert body.count(': "[secret]"') == len(secrets) - 1, body  # the user data is not shown at all
    repository.git("checkout", "-q", "main")


def test_a_fork_compares_with_nothing_and_touches_no_backend(repository: Repository) -> None:
    state = repository.folder.parent / "state"
    before = sorted((str(path), path.stat().st_mtime_ns) for path in state.rglob("*"))
    secrets = ("GITHUB_TOKEN", "CLOUDS_YAML", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_BACKEND_URL")
    local = dict.fromkeys(secrets, "") | repository.cloud
    repository.stack_file.write_text(
        yaml.safe_dump({"config": {f"multiport:{key}": value for key, value in base_stack().items()}})
    )
    repository.commit("without a salt")
    out = repository.folder.parent / "fork"
    shown = repository.pipeline("preview", "--empty", "--stack", "dev", "--out", str(out), PULL_REQUEST="5", **local)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "creates 1 server" in (out / "dev" / "comment.md").read_text()
    assert sorted((str(path), path.stat().st_mtime_ns) for path in state.rglob("*")) == before
    assert repository.unchanged()


def test_what_cannot_start_says_why(repository: Repository) -> None:
    answer = repository.pipeline("preview", "--since", "nowhere", "--out", str(repository.folder.parent / "out"))
    assert answer.returncode == 2
    assert "nowhere" in answer.stderr
    assert "Traceback" not in answer.stderr
