"""What systemd says about our units."""

import shutil
import subprocess
from pathlib import Path

import pytest

VERIFY_SINCE = 250
"""First systemd whose `systemd-analyze verify` and `security` work on a folder (--root, --offline)."""

EXPOSURE_MAX = 2.0
"""Worst exposure level of the unit that keeps running, on systemd's scale from 0 to 10."""

SYSTEM_UNITS = Path("/usr/lib/systemd/system")
UNITS = ["policy-routing.service", "policy-routing-check.service", "policy-routing-check.timer", "pbr@eth1.service"]


@pytest.fixture
def analyze(root: Path) -> Path:
    """The guest's files with the distribution's own units beside them."""
    if shutil.which("systemd-analyze") is None or not SYSTEM_UNITS.exists():
        pytest.skip("not run: there is no systemd here; run it on a machine that has one")
    version = int(subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout.split()[1])
    if version < VERIFY_SINCE:
        pytest.skip(f"not run: systemd {version} cannot judge units in a folder; run it where there is {VERIFY_SINCE}")
    shutil.copytree(SYSTEM_UNITS, root / SYSTEM_UNITS.relative_to("/"), symlinks=True)
    return root


def verify(root: Path, unit: str) -> str:
    words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", f"--root={root}", unit]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr or ("" if done.returncode == 0 else f"exit status {done.returncode}")


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_right(analyze: Path, unit: str) -> None:
    assert verify(analyze, unit) == ""


def test_verify_finds_faults(analyze: Path) -> None:
    unit = analyze / "etc/systemd/system/policy-routing.service"
    unit.write_text(unit.read_text().replace("[Service]\n", "[Service]\nMisspelt=yes\n"))
    assert "Misspelt" in verify(analyze, unit.name)


@pytest.mark.parametrize("unit", ["policy-routing.service", "policy-routing-check.service"])
def test_exposure(analyze: Path, unit: str) -> None:
    words = ["systemd-analyze", "security", "--offline=true", f"--root={analyze}", f"--threshold={EXPOSURE_MAX * 10:.0f}", unit]
    done = subprocess.run([*words, "--no-pager"], capture_output=True, text=True, check=False)
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
