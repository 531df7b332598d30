"""Set-up in bad circumstances ends well, or with one clear line that names the remedy, and the next run goes on from there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installation import python_range
from installation.environment import STAMP
from tests.installation.checkout import ROOT, Checkout
from tests.installation.package_index import PackageIndex, served
from tests.installation.pythons import pythons

LOCK = "first==1.0 \\\n    --hash=sha256:0\nsecond==2.0 \\\n    --hash=sha256:0\n"
NOBODY = 65534


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    return PackageIndex(tmp_path / "index")


@pytest.fixture
def make_checkout(tmp_path: Path, index: PackageIndex) -> Iterator[Callable[..., Checkout]]:
    lock = index.offer(LOCK)
    with served(index.folder) as address:

        def make(folder: str | Path = "checkout") -> Checkout:
            return Checkout(tmp_path / folder, address, lock)

        yield make


def _is_ready(checkout: Checkout) -> None:
    """The environment holds its packages and finds the checkout's own from anywhere; a second run does nothing."""
    code = "import multiport.guest, importlib.metadata as m; print(m.version('first'), m.version('second'))"
    answer = subprocess.run(
        [checkout.python, "-c", code], cwd="/", env=checkout.environment(), capture_output=True, text=True, check=False
    )
    assert answer.stdout.split() == ["1.0", "2.0"], answer.stderr


def _succeeds(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _refuses(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, and said so in one line with these words; make adds a line of its own."""
    said = [line for line in answer.stderr.splitlines() if not line.startswith("make")]
    assert answer.returncode != 0
    assert len(said) == 1, answer.stdout + answer.stderr
    for word in words:
        assert word in said[0]


def test_a_second_run_does_nothing(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    _succeeds(checkout.make())
    before = (checkout.folder / ".venv" / STAMP).stat().st_mtime_ns
    answer = checkout.make()
    assert (answer.returncode, answer.stdout) == (0, "")
    assert (checkout.folder / ".venv" / STAMP).stat().st_mtime_ns == before


def test_a_path_with_blanks_and_umlauts(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout("Wälder & Gärten/meine  Prüfung")
    (checkout.folder / "multiport" / "cli" / "main.py").write_text("import sys\ndef main(): print(*sys.argv, sep='|')\n")
    _succeeds(checkout.make(LC_ALL="C", LANG="C"))
    _is_ready(checkout)
    command = checkout.folder / ".venv" / "bin" / "multiport"
    said = subprocess.run([command, "one", "two words"], capture_output=True, text=True, check=True, cwd="/").stdout
    assert said == "multiport|one|two words\n"


def test_a_home_folder_that_cannot_be_written_to(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    _succeeds(checkout.make(HOME="/proc/nowhere", XDG_CACHE_HOME="/proc/nowhere/cache"))
    _is_ready(checkout)


def test_pips_own_settings_bring_nothing_else(make_checkout: Callable[..., Checkout], tmp_path: Path) -> None:
    constraint = tmp_path / "constraint.txt"
    constraint.write_text("first==9999.0\n")
    checkout = make_checkout()
    _succeeds(checkout.make(PIP_USER="1", PIP_TARGET=str(tmp_path / "elsewhere"), PIP_CONSTRAINT=str(constraint)))
    _is_ready(checkout)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: only root can run a command as another user")
def test_neither_root_nor_git_is_needed(make_checkout: Callable[..., Checkout]) -> None:
    everybodys = [each.path for each in pythons() if each.version >= (3, 11) and not str(each.path).startswith("/root")]
    if not everybodys:
        pytest.skip("every supported Python here lies in root's home folder: install Python 3.11 or later for all users")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)
        programs = Path(folder) / "bin"
        programs.mkdir()
        for name in ("bash", "sh", "make", "env"):
            (programs / name).symlink_to(str(shutil.which(name)))
        checkout = make_checkout(f"{folder}/checkout")
        for path in (checkout.folder, *checkout.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        _succeeds(checkout.make(everybodys[0], user=NOBODY, PATH=str(programs), HOME=f"{folder}/home"))
        assert (checkout.folder / ".venv" / STAMP).stat().st_uid == NOBODY


def test_an_environment_of_another_python_is_made_anew(make_checkout: Callable[..., Checkout]) -> None:
    current = sys.version_info[:2]
    others = [each for each in pythons() if each.version != current]
    if not others:
        pytest.skip("there is only one Python here: install another one")
    checkout = make_checkout()
    subprocess.run([others[0].path, "-m", "venv", "--without-pip", checkout.folder / ".venv"], check=True)
    _succeeds(checkout.make())
    _is_ready(checkout)
    supported = [each for each in others if each.version >= (3, 11)]
    if supported:
        answer = checkout.make(supported[-1].path)
        _succeeds(answer)
        assert "was made with Python" in answer.stdout
        _is_ready(checkout)


def test_set_up_by_the_environments_own_python(make_checkout: Callable[..., Checkout]) -> None:
    """With the environment activated, `python3` is the one that is about to be made anew."""
    checkout = make_checkout()
    _succeeds(checkout.make())
    (checkout.folder / ".venv" / STAMP).unlink()
    _succeeds(checkout.make(checkout.python))
    _is_ready(checkout)


def test_an_installation_that_was_killed_is_finished_by_the_next_run(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    with subprocess.Popen(
        ["make", "setup", f"PYTHON={sys.executable}"],
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not any((checkout.folder / ".venv" / "lib").glob("python3.*/site-packages/pip")):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert not (checkout.folder / ".venv" / STAMP).exists()
    answer = checkout.make()
    _succeeds(answer)
    assert "is not a finished installation" in answer.stdout
    _is_ready(checkout)


def test_a_package_that_the_index_lacks(make_checkout: Callable[..., Checkout], index: PackageIndex) -> None:
    checkout = make_checkout()
    index.withdraw("second")
    _refuses(checkout.make(), "second==2.0", "choose another index", "run the command again")
    index.offer(LOCK)
    _succeeds(checkout.make())
    _is_ready(checkout)


def test_a_package_that_is_not_the_locked_one(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    lock = checkout.lock.read_text()
    checkout.lock.write_text(re.sub(r"(?<=sha256:)[0-9a-f]{64}", "0" * 64, lock))
    _refuses(checkout.make(), "differs from the one whose hash", "choose another index")
    checkout.lock.write_text(lock)
    _succeeds(checkout.make())


def test_no_network(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    closed = "http://127.0.0.1:9/"
    _refuses(checkout.make(PIP_INDEX_URL=closed), "cannot be reached", "check the network", "run the command again")
    _refuses(checkout.make(HTTP_PROXY=closed, http_proxy=closed, NO_PROXY="", no_proxy=""), "cannot be reached", "proxy")
    _succeeds(checkout.make())
    _is_ready(checkout)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="not root, or no unshare: a small file system must be mounted"
)
def test_a_full_disk(make_checkout: Callable[..., Checkout], tmp_path: Path) -> None:
    checkout = make_checkout("disk/checkout")
    script = """
        mount -t tmpfs -o size=6m tmpfs "$disk/.."
        cp -a "$copy" "$disk"
        cd "$disk"
        make --no-print-directory setup PYTHON="$python" && exit 99
        mount -o remount,size=200m "$disk/.."
        make --no-print-directory setup PYTHON="$python" > "$out"
        .venv/bin/python -c 'import multiport.guest' && cat .venv/installed-from
    """
    copy = tmp_path / "copy"
    shutil.copytree(checkout.folder, copy, symlinks=True)
    answer = subprocess.run(
        ["unshare", "--mount", "bash", "-uc", script],
        env=checkout.environment(disk=str(checkout.folder), copy=str(copy), python=sys.executable, out=str(tmp_path / "out")),
        capture_output=True,
        text=True,
        check=False,
    )
    _succeeds(answer)
    said = [line for line in answer.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1, answer.stderr
    assert "no space left" in said[0]
    assert "free about" in said[0]


def test_a_folder_that_is_no_environment_is_left_alone(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    precious = checkout.folder / ".venv" / "precious"
    precious.parent.mkdir()
    precious.write_text("kept")
    _refuses(checkout.make(), "is no virtual environment", "move it away")
    assert precious.read_text() == "kept"


def test_a_folder_that_cannot_be_written_to(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    (checkout.folder / ".venv").symlink_to("/proc/nowhere")
    answer = checkout.make()
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr


def test_an_unsupported_python(make_checkout: Callable[..., Checkout]) -> None:
    old = [each for each in pythons() if each.version < (3, 11)]
    if not old:
        pytest.skip("every Python here is supported: an older one, 3.6 to 3.10, would show the refusal")
    checkout = make_checkout()
    for python in old:
        _refuses(checkout.make(python.path), "is not supported", "3.11 to 3.14", "PYTHON=python3.")
        assert not (checkout.folder / ".venv").exists()


def test_no_python(make_checkout: Callable[..., Checkout]) -> None:
    _refuses(make_checkout().make("python3.99"), "There is no python3.99", "PYTHON=")


@pytest.mark.parametrize(("version", "supported"), [((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), False)])
def test_the_range_of_pythons(version: tuple[int, int], *, supported: bool) -> None:
    assert (python_range.refusal(version) is None) == supported


def test_the_readme_names_the_range() -> None:
    (_, oldest), (_, beyond) = python_range.supported()
    assert f"Python 3.{oldest} to 3.{beyond - 1}" in (ROOT / "README.md").read_text()
