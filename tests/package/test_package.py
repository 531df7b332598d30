"""The package as others install it: one top-level name, in a program whose own folders are called components, guest and tests."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from multiport.cli.main import VERBS
from multiport.toolchain import Toolchain
from tests.package.conftest import ROOT, SITE, Installation, variables_of

WAYS = ("installed", "editable", "checkout")


@pytest.fixture(params=WAYS)
def installation(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def test_the_wheel_is_whole_and_installs_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        told = Parser().parsestr(content.read(metadata).decode())
        scripts = content.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    folder = metadata.partition("/")[0]
    assert {name.partition("/")[0] for name in names} == {"multiport", folder}
    tracked = [*(ROOT / "multiport").rglob("*"), *(ROOT / "components").rglob("*"), *(ROOT / "guest").rglob("*")]
    sources = [
        path
        for path in tracked
        if path.is_file()
        and not path.is_symlink()
        and "__pycache__" not in path.parts
        and path.name != "requirements.txt"  # what `pulumi install` reads in a checkout
    ]
    expected = {
        str(path.relative_to(ROOT) if path.is_relative_to(ROOT / "multiport") else Path("multiport") / path.relative_to(ROOT))
        for path in sources
    }
    assert {name for name in names if name.startswith("multiport/")} == expected
    assert f"{folder}/licenses/LICENSE" in names
    assert (told["Name"], told["License-Expression"]) == ("multiport", "Apache-2.0")
    assert str(told.get_payload()).startswith("# multiport\n")
    assert told["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    assert scripts == "[console_scripts]\nmultiport = multiport.cli.main:main\n"


def test_the_package_wants_what_the_lock_has() -> None:
    """The same packages, but for the three that `pulumi install` wants."""
    import tomllib

    from packaging.requirements import Requirement

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    direct = {Requirement(line).name for line in lines if line}
    assert {Requirement(each).name for each in wanted} == direct - {"pip", "setuptools", "wheel"}
    pins = dict(line.split(" ")[0].split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    for each in map(Requirement, wanted):
        assert each.specifier.contains(pins[each.name]), each


def test_building_leaves_nothing_that_git_would_add(wheel: Path) -> None:
    source = wheel.parent / "source"
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    left = subprocess.run(
        ["git", "-c", f"core.excludesFile={ROOT / '.gitignore'}", "status", "--porcelain", "--untracked-files=all"],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    sources = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert {line[3:] for line in left.splitlines()} <= sources
    assert not [line for line in left.splitlines() if "build/" in line or "egg-info" in line]


def test_one_name_is_installed(installed: Installation) -> None:
    names = {path.name for path in (installed.environment / SITE).iterdir()}
    assert names - {"dependencies.pth"} == {"multiport", "multiport-0.1.0.dist-info"}


def test_the_programs_own_tests(installation: Installation) -> None:
    answer = installation.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 passed" in answer.stdout


def test_the_programs_types(installation: Installation, mypy_cache: Path) -> None:
    command = ["python", "-m", "mypy", "--strict", "--cache-dir", str(mypy_cache), "."]
    answer = installation.run(*command)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    program = installation.program / "__main__.py"
    right = program.read_text()
    program.write_text(right.replace('"image": server["image"]', '"image": 1'))
    try:
        answer = installation.run(*command)
    finally:
        program.write_text(right)
    assert "error: Incompatible types" in answer.stdout, "mypy did not see the package's types"


def test_every_verb_is_there(installation: Installation) -> None:
    command = ["multiport"] if (installation.environment / "bin" / "multiport").exists() else ["python", "-m", "multiport"]
    answer = installation.run(*command, "--help")
    assert answer.returncode == 0, answer.stderr
    assert all(f"\n    {verb} " in answer.stdout for verb in VERBS)


@pytest.mark.engine
@pytest.mark.parametrize("way", ["editable", "checkout"])  # `multiport review` previews the installed one, below
def test_preview(way: str, request: pytest.FixtureRequest, pulumi: Callable[..., str]) -> None:
    assert "+ 15 to create" in pulumi(request.getfixturevalue(way), "preview")


@pytest.mark.engine
def test_preview_in_the_root_of_a_checkout(checkout: Installation, pulumi: Callable[..., str]) -> None:
    manifest = checkout.source / "Pulumi.yaml"
    project = yaml.safe_load(manifest.read_text())
    project["runtime"]["options"]["virtualenv"] = str(checkout.environment)
    manifest.write_text(yaml.safe_dump(project, sort_keys=False))
    bare = Installation(checkout.environment, checkout.program, checkout.source)
    assert "MultiPortInstance web create" in pulumi(bare, "preview", folder=checkout.source)


@pytest.fixture(scope="module")
def deployed(installed: Installation, pulumi: Callable[..., str]) -> Iterator[Installation]:
    pulumi(installed, "up", "--yes", "--skip-preview")
    yield installed
    pulumi(installed, "destroy", "--yes", "--skip-preview")


def test_check_render_and_schema(installed: Installation, tmp_path: Path) -> None:
    answer = installed.run("multiport", "check")
    assert (answer.returncode, answer.stdout) == (0, f"{installed.program / 'Pulumi.dev.yaml'}: nothing is wrong\n")
    answer = installed.run("multiport", "render", "--stack", "dev", "--json", "--mac", "web.b=fa:16:3e:00:70:02")
    assert json.loads(answer.stdout)["web"]["complete"] is True
    schema = tmp_path / "schema.json"
    schema.write_text(installed.run("multiport", "schema").stdout)
    stack = installed.program / "Pulumi.dev.yaml"
    judge = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema)]
    subprocess.run([*judge, str(stack)], check=True)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(stack.read_text().replace("floating_ip:", "floating_pi:"))
    assert subprocess.run([*judge, str(wrong)], check=False, capture_output=True).returncode == 1


@pytest.mark.engine
def test_review(installed: Installation, cli: Toolchain, cloud: dict[str, str]) -> None:
    """Of a stack that its backend does not know yet."""
    variables = variables_of(installed, cli, cloud)
    before = {path: path.read_bytes() for path in installed.program.glob("Pulumi.*")}
    answer = installed.run("multiport", "review", "--stack", "dev", variables=variables)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("dev: creates 1 server, ")
    assert "+  web     a (primary)  front" in answer.stdout
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.engine
def test_review_of_what_nobody_knows(installed: Installation, cli: Toolchain, cloud: dict[str, str]) -> None:
    """A slip in a stack's name; a program without any stack file is reviewed all the same."""
    variables = variables_of(installed, cli, cloud)
    answer = installed.run("multiport", "review", "--stack", "dve", variables=variables)
    assert answer.returncode == 2
    assert "stacks that have a file: dev" in answer.stderr
    bare = installed.program.parent / "bare"
    bare.mkdir()
    (bare / "Pulumi.yaml").write_text((installed.program / "Pulumi.yaml").read_text())
    subnets = {"v4": {"cidr": "10.7.0.0/24", "no_gateway": True}}
    program = f"from multiport import PrivateNetwork\n\nPrivateNetwork('back', {{'subnets': {subnets}}})\n"
    (bare / "__main__.py").write_text(program)
    answer = installed.run("multiport", "review", "--stack", "dev", "--empty", folder=bare, variables=variables)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("dev: creates 1 network, 1 subnet.")
    assert not list(bare.glob("Pulumi.*.yaml"))


@pytest.mark.engine
def test_verify_and_policies(deployed: Installation, pulumi: Callable[..., str], cli: Toolchain, cloud: dict[str, str]) -> None:
    """The local cloud records only, so no address answers; what is asked is whether the program's servers are found."""
    variables = variables_of(deployed, cli, cloud)
    answer = deployed.run(
        "multiport",
        "verify",
        "--stack",
        "dev",
        "--outside",
        "false",
        "--sample",
        "1",
        "--wait",
        "1",
        "--json",
        variables=variables,
    )
    assert answer.returncode == 1, answer.stderr
    rows = json.loads(answer.stdout)["rows"]
    assert {(row["server"], row["port"], row["probe"]) for row in rows} == {
        ("web", port, probe) for port in ("a", "b") for probe in ("gateway", "ping", "ssh", "curl", "tcpdump")
    }
    assert {row["result"] for row in rows if row["probe"] == "ping"} == {"FAILED"}
    answer = deployed.run("multiport", "policy", "--write", "policy")
    assert answer.returncode == 0, answer.stderr
    said = pulumi(deployed, "preview", "--policy-pack", "policy")
    assert "multiport@" in said
    assert "15 unchanged" in said
