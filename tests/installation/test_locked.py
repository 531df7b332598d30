"""What is installed is exactly what the locks name, whatever was released since: seen on an index with newer versions of all."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.environment import pip_install
from lab import venv
from tests.installation.checkout import ROOT, Checkout, installed, locked
from tests.installation.package_index import NEWER, PackageIndex, served
from tests.installation.pythons import Python, pythons

SUPPORTED = [each for each in pythons() if each.version >= (3, 11)]
OLDEST_PIP = min(SUPPORTED, key=lambda each: each.pip)
NEWEST = max(SUPPORTED, key=lambda each: each.version)
RESOLVES_EXTRAS_APART = (23, 2, 1)
"""The last pip that resolves an extra apart from the pin of its package."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PackageIndex:
    return PackageIndex(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def lock(index: PackageIndex) -> str:
    return index.offer((ROOT / "requirements-dev.lock").read_text())


@pytest.fixture(scope="module")
def address(index: PackageIndex) -> Iterator[str]:
    with served(index.folder) as url:
        yield url


@pytest.fixture(scope="module")
def newest_pip(index: PackageIndex, lock: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the newest pip, which an interpreter takes before its own when PYTHONPATH names it."""
    assert lock
    folder = tmp_path_factory.mktemp("pip")
    with zipfile.ZipFile(index.folder / "simple" / "pip" / f"pip-{NEWER}-py3-none-any.whl") as archive:
        # Without what describes it: this pip is not installed, it only runs.
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith("pip/")])
    return folder


@pytest.mark.parametrize("python", sorted({OLDEST_PIP, NEWEST}), ids=lambda each: f"{each.version}-pip-{each.pip}")
def test_make_setup_installs_the_lock(tmp_path: Path, address: str, lock: str, python: Python) -> None:
    checkout = Checkout(tmp_path / "checkout", address, lock)
    answer = checkout.make(python.path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    _holds(checkout.python, lock, checkout)


def test_make_setup_installs_the_lock_with_the_newest_pip(tmp_path: Path, address: str, lock: str, newest_pip: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", address, lock)
    answer = checkout.make(NEWEST.path, PYTHONPATH=str(newest_pip))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    _holds(checkout.python, lock, checkout)


@pytest.mark.skipif(
    OLDEST_PIP.pip > RESOLVES_EXTRAS_APART,
    reason="no Python here brings a pip up to 23.2.1: install Python 3.11.7 or Debian 12's",
)
def test_the_index_would_lead_an_open_installation_astray(tmp_path: Path, address: str, lock: str) -> None:
    checkout = Checkout(tmp_path / "checkout", address, lock)
    subprocess.run([OLDEST_PIP.path, "-m", "venv", tmp_path / "venv"], check=True)
    words = pip_install(tmp_path / "venv" / "bin" / "python", checkout.lock)
    words.remove("--no-deps")
    answer = subprocess.run(words, env=checkout.environment(), capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "all requirements must have their versions pinned" in answer.stdout + answer.stderr


@pytest.mark.parametrize("folder", [".", "multiport/policy", "examples/platform"])
def test_pulumi_install_installs_the_lock(tmp_path: Path, address: str, index: PackageIndex, folder: str) -> None:
    """The words are those of Pulumi's language host (sdk/python/toolchain/pip.go, `InstallDependencies`)."""
    run_time = index.offer((ROOT / "requirements.lock").read_text())
    checkout = Checkout(tmp_path / "checkout", address, "")
    (checkout.folder / "requirements.lock").write_text(run_time)
    place = checkout.folder / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "requirements.txt").write_text((ROOT / folder / "requirements.txt").read_text())
    python = tmp_path / "venv" / "bin" / "python"
    for words in (
        (OLDEST_PIP.path, "-m", "venv", tmp_path / "venv"),
        (python, "-m", "pip", "install", "--upgrade", "pip", "setuptools", "wheel"),
        (python, "-m", "pip", "install", "-r", "requirements.txt"),
    ):
        answer = subprocess.run(
            list(map(str, words)), cwd=place, env=checkout.environment(), capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    _holds(python, run_time, checkout)


def test_the_local_cloud_installs_its_lock(tmp_path: Path, address: str, index: PackageIndex) -> None:
    lock = index.offer(venv.LOCK_FILE.read_text(), source_only=("ovs", "simplegeneric"))
    checkout = Checkout(tmp_path / "checkout", address, lock)
    code = (
        "import sys; from pathlib import Path; from installation.environment import Environment\n"
        "Environment(Path(sys.argv[1]), Path(sys.argv[2]), build_tools=tuple(sys.argv[3:])).ensure(print)\n"
    )
    answer = subprocess.run(
        [OLDEST_PIP.path, "-c", code, tmp_path / "venv", checkout.lock, *venv.BUILD_TOOLS],
        cwd=ROOT,
        env=checkout.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    _holds(tmp_path / "venv" / "bin" / "python", lock, checkout)


def test_the_locks_of_one_environment_agree() -> None:
    """`pulumi install` and `make` install into the same .venv, one after the other."""
    development = locked((ROOT / "requirements-dev.lock").read_text(), NEWEST.path)
    run_time = locked((ROOT / "requirements.lock").read_text(), NEWEST.path)
    assert run_time.items() <= development.items()


def _holds(python: Path, lock: str, checkout: Checkout) -> None:
    """The environment holds the lock and nothing else, and its packages' dependencies are fulfilled."""
    found, wanted = installed(python, checkout.environment()), locked(lock, python)
    found = {name: version for name, version in found.items() if name in wanted or name not in ("pip", "setuptools")}
    assert found == {name.lower().replace("_", "-").replace(".", "-"): version for name, version in wanted.items()}
    check = subprocess.run(
        [python, "-m", "pip", "check"], env=checkout.environment(), capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout
