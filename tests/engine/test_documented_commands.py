"""What the docs tell a newcomer to type, typed in the order written, in a folder outside this repository."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from multiport import toolchain
from multiport.toolchain import Toolchain
from tests.engine.stack import ROOT


def block(document: Path, name: str) -> str:
    """A fenced block of shell commands; `name` is what stands behind `sh`, or the first command of an unnamed one."""
    blocks = re.findall(r"^```sh ?(.*)\n([\s\S]*?)^```$", document.read_text(), re.MULTILINE)
    [found] = [text for called, text in blocks if called == name or (not called and text.startswith(name))]
    return str(found)


def typed(commands: str, folder: Path, cli: Toolchain, **environment: str) -> str:
    """Run the commands in one shell; each must succeed. Returns what they printed."""
    answer = run(commands, folder, cli, **environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def run(commands: str, folder: Path, cli: Toolchain, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the commands in one shell; stops at the first that fails."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_", "PYTHONPATH"))}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={
            **clean,
            "PATH": f"{cli.pulumi.parent}:{os.environ['PATH']}",
            "PULUMI_HOME": toolchain.home(folder / "pulumi-home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **environment,
        },
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_project_of_ones_own(tmp_path: Path, cli: Toolchain, cloud: dict[str, str]) -> None:
    # stands for the block `install`: what it installs is tested where wheels are built
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    said = typed(block(ROOT / "docs" / "ci.md", "project"), tmp_path, cli, **cloud, PYTHONPATH=str(ROOT))
    assert "dev: creates 1 server" in said
    assert "dev: nothing changes." in said
    assert (tmp_path / "review-out" / "dev" / "comment.md").is_file()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: clone the repository")
def test_the_way_to_a_real_cloud(tmp_path: Path, cli: Toolchain, cloud: dict[str, str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    entry = yaml.safe_load(Path(cloud["OS_CLIENT_CONFIG_FILE"]).read_text())["clouds"][cloud["OS_CLOUD"]]
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"flex": entry}}))
    # `make setup` has run, as in this checkout; YES=1 is the answer of a person at a terminal
    make = 'make() { command make -o setup "$@"; }'
    exported = "export PULUMI_CONFIG_PASSPHRASE='choose one'"
    try:
        said = typed(f"{make}\n{block(ROOT / 'README.md', 'export OS_CLOUD')}", tmp_path, cli, YES="1")
        assert said.count("dev: creates 1 server") == 2
        assert "ssh ubuntu@" in said
    finally:
        down = f"{make}\n{exported}\nmake down STACK=dev"
        asked = run(down, tmp_path, cli, OS_CLOUD="flex", YES="1")
        words = re.findall(r"APPROVE=(\S+)", asked.stdout)
        gone = run(down, tmp_path, cli, OS_CLOUD="flex", YES="1", APPROVE=words[-1] if words else "")
    assert gone.returncode == 0, asked.stdout + gone.stdout + gone.stderr
