"""The stacks that a change touches, in a repository made for the test."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from multiport.project import Project
from multiport.review.pipeline import touched
from multiport.review.pulumi_cli import CliError

Repository = Callable[..., list[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def write(*paths: str) -> None:
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(f"{path} {(tmp_path / path).exists()}")

    def change(*paths: str, since: str = "main") -> list[str]:
        git("checkout", "-q", "-b", "change")
        write(*paths)
        git("add", ".")
        git("commit", "-q", "-m", "change")
        git("checkout", "-q", "main")
        write("stacks/Pulumi.late.yaml")
        git("add", ".")
        git("commit", "-q", "-m", "meanwhile")
        git("checkout", "-q", "change")
        return touched(Project(tmp_path, "multiport", tmp_path / "stacks", {}), since)

    git("init", "-q")
    write("stacks/Pulumi.dev.yaml", "stacks/Pulumi.prod.yaml", "stacks/Pulumi.local.yaml", "README.md")
    git("add", ".")
    git("commit", "-q", "-m", "start")
    return change


@pytest.mark.parametrize(
    ("paths", "stacks"),
    [
        (["stacks/Pulumi.prod.yaml"], ["prod"]),
        (["stacks/Pulumi.prod.yaml", "stacks/Pulumi.dev.yaml"], ["dev", "prod"]),
        (["stacks/Pulumi.local.yaml"], []),
        (["README.md", "docs/review.md", "tests/x.py", "examples/x/__main__.py"], []),
        (["CHANGELOG.md", "LICENSE", "bench/x.py"], []),
        (["lib/shared.py"], ["dev", "prod"]),
        (["Makefile"], ["dev", "prod"]),
        (["pyproject.toml"], ["dev", "prod"]),
        ([".github/workflows/update.yml"], ["dev", "prod"]),
        (["multiport/review/pipeline.py"], ["dev", "prod"]),
        (["tools/deploy.py"], ["dev", "prod"]),
        (["lab/x.py"], ["dev", "prod"]),
        (["pulumi.py"], ["dev", "prod"]),
        (["new/x.md"], ["dev", "prod"]),
        (["stacks/Pulumi.yaml"], ["dev", "prod"]),
        (["requirements-dev.lock"], ["dev", "prod"]),
        (["tests/x.py", "stacks/Pulumi.prod.yaml"], ["prod"]),
        (["stacks/Pulumi.prod.yaml", "setup.cfg"], ["dev", "prod"]),
        (["guest/program/desired.py"], ["dev", "prod"]),
        (["components/x.py"], ["dev", "prod"]),
        (["__main__.py"], ["dev", "prod"]),
        (["Pulumi.yaml"], ["dev", "prod"]),
        (["requirements.lock"], ["dev", "prod"]),
        (["multiport/policy/rules.py"], ["dev", "prod"]),
        (["stacks/Pulumi.new.yaml"], ["new"]),
        (["stacks/Pulumi.a b\nc.yaml"], ["a b\nc"]),
    ],
)
def test_touched(repository: Repository, paths: list[str], stacks: list[str]) -> None:
    assert repository(*paths) == stacks


def test_an_unknown_revision_is_an_error(repository: Repository) -> None:
    with pytest.raises(CliError, match="nowhere"):
        repository("README.md", since="nowhere")


def test_a_moved_file_counts_at_both_places(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for folder in ("stacks", "guest", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("")
    (tmp_path / "guest" / "x.py").write_text("the same text\n" * 20)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "start")
    git("checkout", "-q", "-b", "change")
    git("mv", "guest/x.py", "docs/x.py")
    git("commit", "-q", "-m", "change")
    assert touched(Project(tmp_path, "multiport", tmp_path / "stacks", {}), "main") == ["dev"]
