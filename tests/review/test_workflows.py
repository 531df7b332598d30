"""The workflow files are valid for their hosts, reveal no secrets, and call one command with options that it has."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
ACTIONLINT = Path(__file__).parent / "actionlint"


def _workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / ".github" / "workflows" / name).read_text(), yaml.BaseLoader)  # noqa: S506 - `on` stays a word
    return loaded


@pytest.mark.parametrize(("schema", "files"), [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", [GITLAB])])
def test_published_schema(schema: str, files: list[Path]) -> None:
    assert files
    answer = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_schema_would_find_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("on: pull_request\njobs: {a: {steps: []}}\n")
    answer = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(broken)],
        capture_output=True,
        check=False,
    )
    assert answer.returncode == 1


def test_actionlint() -> None:
    found = shutil.which("actionlint") or _built_actionlint()
    answer = subprocess.run([found, "-no-color", *map(str, GITHUB)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _built_actionlint() -> str:
    """Build the program from exactly the versions in go.sum, and keep it until that file changes."""
    if shutil.which("go") is None:
        pytest.skip("neither actionlint nor go, which can build it, is here: install one of them")
    digest = hashlib.sha256((ACTIONLINT / "go.sum").read_bytes()).hexdigest()[:12]
    program = ROOT / ".tools" / f"actionlint-{digest}" / "actionlint"
    if not program.exists():
        with TemporaryDirectory() as go:
            partial = Path(go) / "actionlint"
            environment = {**os.environ, "GOFLAGS": "-mod=readonly -modcacherw", "GOPATH": go, "GOCACHE": f"{go}/cache"}
            built = subprocess.run(
                ["go", "build", "-o", partial, "github.com/rhysd/actionlint/cmd/actionlint"],
                env=environment,
                cwd=ACTIONLINT,
                capture_output=True,
                text=True,
                check=False,
            )
            if built.returncode != 0:
                pytest.skip(f"install actionlint; go cannot build it here: {built.stderr.strip().splitlines()[-1:]}")
            program.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(partial, program)
    return str(program)


def test_actions_are_pinned_to_commits() -> None:
    used = [use for path in GITHUB for use in re.findall(r"uses: (\S+)", path.read_text())]
    assert used
    assert not [use for use in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", use)]


def test_forks_see_no_secret() -> None:
    workflow = _workflow("preview.yml")
    assert workflow["on"] == "pull_request"  # never pull_request_target, which lends secrets to a fork's code
    for name, job in workflow["jobs"].items():
        text = yaml.safe_dump(job)
        if "secrets." in text or "github.token" in text:
            assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"], name
            assert job["environment"].startswith("preview-"), name
    assert "secrets." in yaml.safe_dump(workflow["jobs"]["preview"])
    fork = yaml.safe_dump(workflow["jobs"]["preview-fork"])
    assert "permissions" not in workflow["jobs"]["preview-fork"]
    assert "token" not in fork
    assert workflow["permissions"] == {"contents": "read"}


def test_no_foreign_text_is_run_as_shell() -> None:
    """Expressions are in `env`, where they are data, never in `run`, where a branch name would be a command."""
    for path in GITHUB:
        for job in _workflow(path.name)["jobs"].values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", ""), step


def test_the_script_has_the_options_that_it_is_called_with() -> None:
    texts = [*(path.read_text() for path in GITHUB), GITLAB.read_text()]
    calls = [call for text in texts for call in re.findall(r"bin/multiport review (\w+)([^\n)]*)", text)]
    assert {verb for verb, _ in calls} == {"stacks", "preview", "update"}
    for verb, rest in calls:
        answer = subprocess.run(
            [sys.executable, "-m", "multiport", "review", verb, "--help"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        for option in re.findall(r"--[a-z]+", rest):
            assert option in answer.stdout, (verb, option)


def test_only_the_default_branch_is_deployed() -> None:
    """A manual run can start on any branch, so every job with access to a stack's credentials requires the default branch."""
    for name, job in _workflow("update.yml")["jobs"].items():
        assert "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)" in job["if"], name
    jobs = yaml.safe_load(GITLAB.read_text())
    for name in ("update", "update-unreviewed"):
        assert all("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule["if"] for rule in jobs[name]["rules"]), name
