"""The program runs under the Python that a server's cloud-init runs under: from 3.6, which Enterprise Linux 8 has, on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from multiport.guest.program import launcher

PROGRAM = Path(launcher.__file__).parent
FLOOR = "3.6"
VERSIONS = [f"3.{minor}" for minor in range(6, 16)]


def test_nothing_needs_a_newer_python_than_the_floor() -> None:
    vermin = Path(sys.executable).parent / "vermin"
    words = [str(vermin), "--no-tips", f"-t={FLOOR}-", "--violations", str(PROGRAM)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"Minimum required versions: {FLOOR}" in done.stdout


def test_vermin_finds_faults(tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text("if (found := 1):\n    print(found)\n")
    vermin = Path(sys.executable).parent / "vermin"
    assert subprocess.run([vermin, f"-t={FLOOR}-", tmp_path], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_program_starts_under_a_real_interpreter(version: str, tmp_path: Path) -> None:
    found = [*Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
    # a shim of pyenv may be there without its interpreter
    runs = {each: subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode for each in found if each}
    works = [each for each, status in runs.items() if status == 0]
    if not works:
        pytest.skip(f"not run: there is no Python {version} here; install it, for example with pyenv")
    package = tmp_path / "policy_routing"
    package.mkdir()
    for module in PROGRAM.glob("*.py"):
        (package / module.name).write_text(module.read_text())
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import policy_routing.main as main, policy_routing.watch, policy_routing.verify, policy_routing.launcher\n"
        "from policy_routing import kernel, netlink, report\n"
        "from policy_routing.plan import read_plan\n"
        "assert read_plan('multiport-plan 1\\nport 37 fa:16:3e:00:00:01 primary\\n').primary == 37\n"
        "snapshot = kernel.Snapshot()\n"
        "snapshot.refresh(netlink.Connection(), kernel.EVERYTHING, (4,))\n"
        "assert 'lo' in [link.name for link in snapshot.links.values()]\n"
        "sys.exit(main.run(['--help']))\n"
    )
    done = subprocess.run([works[0], "-IS", "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "every address of this server answers" in done.stdout
