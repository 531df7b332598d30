"""The package in an environment of its own, beside a program that has folders of the same names."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from multiport import toolchain
from tests.engine.conftest import cli, cloud

__all__ = ["cli", "cloud"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
PARTS = ("multiport", "components", "guest", "pyproject.toml", "README.md", "LICENSE", "Pulumi.yaml", "__main__.py", "stacks")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

collect_ignore = ["program"]


@dataclass(frozen=True)
class Installation:
    """A Python environment that finds the package, and the program beside it.

    Attributes:
        environment: The environment's folder; it has every dependency, and nothing of this project but what was installed.
        program: The program's folder.
        source: The copy of the checkout that it was installed from.
        variables: Environment variables without which the package is not found.
    """

    environment: Path
    program: Path
    source: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(
        self, *command: str, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody does who has activated the environment."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_", "PYTHON", "CI_", "GITHUB_"))
        }
        activated = {"VIRTUAL_ENV": str(self.environment), "PATH": f"{self.environment / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(
            command,
            cwd=folder or self.program,
            env={**kept, **activated, **self.variables, **(variables or {})},
            text=True,
            capture_output=True,
            check=False,
        )


def copy_of_the_checkout(folder: Path, *, links: bool) -> Path:
    """What is installed, without what tests and tools leave; without the two links if they are not kept, as in a zip."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    for link in () if links else ("components", "guest"):
        (folder / "multiport" / link).unlink()
    return folder


def fresh_environment(folder: Path) -> Path:
    """An environment with the dependencies that are installed here, and without the editable installation that is here too."""
    venv.create(folder, symlinks=True)
    (folder / SITE / "dependencies.pth").write_text(f"{Path(yaml.__file__).parents[1]}\n")
    return folder


def beside_a_program(folder: Path, environment: Path, source: Path, **variables: str) -> Installation:
    """The installation with a copy of the program that is run by it."""
    program = folder / "program"
    shutil.copytree(HERE / "program", program, ignore=shutil.ignore_patterns("__pycache__"))
    project = yaml.safe_load((program / "Pulumi.yaml").read_text())
    project["runtime"] = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(environment)}}
    (program / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
    return Installation(environment, program, source, variables)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a folder in which the links were not kept."""
    folder = tmp_path_factory.mktemp("wheel")
    source = copy_of_the_checkout(folder / "source", links=False)
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)], check=True
    )
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel, installed."""
    folder = tmp_path_factory.mktemp("installed")
    environment = fresh_environment(folder / "env")
    _pip_install(environment, str(wheel))
    return beside_a_program(folder, environment, wheel.parent / "source")


@pytest.fixture(scope="session")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A checkout, installed so that a change of it is at work at once, in the only way that mypy can follow."""
    folder = tmp_path_factory.mktemp("editable")
    environment = fresh_environment(folder / "env")
    source = copy_of_the_checkout(folder / "source", links=True)
    _pip_install(environment, "--no-build-isolation", "--config-settings", "editable_mode=strict", "--editable", str(source))
    return beside_a_program(folder, environment, source)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A checkout that nobody has installed, on the path."""
    folder = tmp_path_factory.mktemp("checkout")
    environment = fresh_environment(folder / "env")
    source = copy_of_the_checkout(folder / "source", links=True)
    return beside_a_program(folder, environment, source, PYTHONPATH=str(source), MYPYPATH=str(source))


@pytest.fixture(scope="session")
def pulumi(cli: toolchain.Toolchain, cloud: dict[str, str]) -> Callable[..., str]:
    """Runs the official CLI in a program, against the local cloud and a backend of its own."""

    def run(installation: Installation, *arguments: str, folder: Path | None = None) -> str:
        variables = variables_of(installation, cli, cloud)
        create = [str(cli.pulumi), "stack", "select", "--create", "dev", "--non-interactive"]
        installation.run(*create, folder=folder, variables=variables)
        command = [str(cli.pulumi), *arguments, "--stack", "dev", "--non-interactive", "--color", "never"]
        answer = installation.run(*command, folder=folder, variables=variables)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return run


def variables_of(installation: Installation, cli: toolchain.Toolchain, cloud: dict[str, str]) -> dict[str, str]:
    """What the CLI, and a command that calls it, need in their environment."""
    state = installation.program.parent / "state"
    state.mkdir(exist_ok=True)
    return {
        **cloud,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_HOME": toolchain.home(installation.program.parent / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PATH": f"{installation.environment / 'bin'}:{cli.pulumi.parent}:{os.environ['PATH']}",
    }


def _pip_install(environment: Path, *what: str) -> None:
    python = ["--python", str(environment / "bin" / "python")]
    subprocess.run([*PIP, *python, "install", "--no-deps", "--no-index", *what], check=True)
