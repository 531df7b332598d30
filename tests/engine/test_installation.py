"""Pulumi's own commands in a fresh checkout, with nothing but its CLI and Python, as every Pulumi project promises."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from multiport import toolchain
from tests.engine.stack import ROOT

PARTS = (
    "__main__.py",
    "Pulumi.yaml",
    "requirements.txt",
    "requirements.lock",
    "stacks",
    "components",
    "guest",
    "multiport",
    "examples",
)
Run = Callable[..., str]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a fresh clone holds of the program, at a path with blanks and umlauts; nothing is installed in it."""
    folder = tmp_path_factory.mktemp("fresh") / "Wälder und Gärten"
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def run(cli: toolchain.Toolchain, cloud: Mapping[str, str], checkout: Path) -> Run:
    """Run the CLI in a folder of the checkout."""
    state = checkout.parent / "state"
    state.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PULUMI_", "PYTHON", "VIRTUAL"))}
    environment = {
        **kept,
        **cloud,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_HOME": toolchain.home(checkout.parent / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }

    def call(*arguments: str, folder: str = ".") -> str:
        answer = subprocess.run(
            [cli.pulumi, *arguments, "--non-interactive", "--color", "never"],
            cwd=checkout / folder,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return call


def test_install_preview_up_destroy(run: Run, checkout: Path) -> None:
    run("install", "--no-plugins")
    check = subprocess.run([checkout / ".venv/bin/python", "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    run("stack", "init", "dev")
    assert "to create" in run("preview", "--stack", "dev")
    run("up", "--yes", "--skip-preview", "--stack", "dev")
    run("destroy", "--yes", "--skip-preview", "--stack", "dev")


def test_the_policy_pack_and_an_example_run_with_the_same_environment(run: Run) -> None:
    run("install", folder="multiport/policy")
    run("install", "--no-plugins", folder="examples/two_floating_ips")
    run("stack", "init", "small", folder="examples/two_floating_ips")
    said = run("preview", "--stack", "small", "--policy-pack", "../../multiport/policy", folder="examples/two_floating_ips")
    assert "to create" in said
    assert "multiport" in said
