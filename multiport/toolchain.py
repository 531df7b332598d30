"""Finds the official Pulumi CLI and the openstack plugin, or downloads them with Pulumi's own tools."""

import json
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = (
    ROOT / ".tools" / "pulumi"
    if (ROOT / "Pulumi.yaml").is_file()
    else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multiport" / "pulumi"
)
"""The folder for what is downloaded: in the checkout, or in the user's cache folder if the package is installed."""
# The oldest CLI release that was tested with the pinned SDK.
MINIMUM = (3, 259, 0)
INSTALL_HELP = "https://www.pulumi.com/docs/install"


@dataclass(frozen=True)
class Toolchain:
    """A usable CLI and plugin.

    Attributes:
        pulumi: The CLI.
        version: The version of the CLI.
        plugin: The version of the openstack plugin.
    """

    pulumi: Path
    version: str
    plugin: str


class ToolchainError(Exception):
    """The CLI or the plugin is missing and cannot be downloaded; the text says why."""


def find(say: Callable[[str], None], environment: Mapping[str, str] | None = None, *, fetch: bool = True) -> Toolchain:
    """Return the CLI and the plugin.

    Args:
        say: Receives lines of progress.
        environment: Environment variables for the CLI; None for those of this process.
        fetch: Whether to download what is missing.

    Raises:
        ToolchainError: One of them is missing, and cannot or must not be downloaded.
    """
    environment = os.environ if environment is None else environment
    quiet = {**environment, "PULUMI_HOME": home(OWN / "home", environment)}
    cli = _installed_cli(quiet) or (_fetch_cli(say) if fetch else None)
    if cli is None:
        raise ToolchainError("no Pulumi CLI of version 3.259 or later is on PATH")
    pulumi, cli_version = cli
    plugin = version("pulumi-openstack")
    if not _has_plugin(pulumi, plugin, quiet):
        if not fetch:
            raise ToolchainError(f"the openstack plugin {plugin} is not installed")
        _fetch_plugin(pulumi, plugin, say, environment)
    return Toolchain(pulumi, cli_version, plugin)


def home(folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Return a PULUMI_HOME of our own that shares the user's plugins; the CLI writes its logs and settings there."""
    users = (os.environ if environment is None else environment).get("PULUMI_HOME")
    plugins = Path(users or _users_home() / ".pulumi") / "plugins"
    link = folder / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    if plugins.is_dir() and not link.exists():
        link.unlink(missing_ok=True)
        with suppress(FileExistsError):  # another process has just made it
            link.symlink_to(plugins.absolute())
    return str(folder)


def _users_home() -> Path:
    """Return the home folder that the CLI uses: that of the user id, or HOME if the user id has no name, as in containers."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path(os.environ.get("HOME", "/"))


def _installed_cli(environment: Mapping[str, str]) -> tuple[Path, str] | None:
    places = [
        shutil.which("pulumi", path=environment.get("PATH")),
        Path(os.environ.get("HOME") or _users_home()) / ".pulumi/bin/pulumi",
        OWN / "bin/pulumi",
    ]
    for place in places:
        if place is None or not Path(place).is_file():
            continue
        answer = subprocess.run([place, "version"], capture_output=True, text=True, check=False, env=dict(environment))
        found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)\S*", answer.stdout.strip())
        numbers = tuple(int(part) for part in found.groups()) if found else (0, 0, 0)
        if numbers[0] == MINIMUM[0] and numbers >= MINIMUM:
            return Path(place), answer.stdout.strip()
    return None


def _fetch_cli(say: Callable[[str], None]) -> tuple[Path, str]:
    from pulumi.automation import PulumiCommand  # noqa: PLC0415 - slow to import, and seldom needed
    from semver import VersionInfo  # noqa: PLC0415 - the type that PulumiCommand takes

    wanted = version("pulumi")
    say(f"Fetching the Pulumi CLI {wanted} with Pulumi's own installer")
    try:
        PulumiCommand.install(root=str(OWN), version=VersionInfo.parse(wanted))
    except Exception as error:  # the installer may raise anything
        raise ToolchainError(f"the Pulumi CLI could not be fetched ({error})") from error
    return OWN / "bin/pulumi", f"v{wanted}"


def _has_plugin(pulumi: Path, wanted: str, environment: Mapping[str, str]) -> bool:
    if shutil.which("pulumi-resource-openstack", path=environment.get("PATH")):
        return True
    answer = subprocess.run(
        [pulumi, "plugin", "ls", "--json"], capture_output=True, text=True, check=False, env=dict(environment)
    )
    if answer.returncode != 0:
        return False
    return any(plugin["name"] == "openstack" and plugin["version"] == wanted for plugin in json.loads(answer.stdout or "[]"))


def _fetch_plugin(pulumi: Path, wanted: str, say: Callable[[str], None], environment: Mapping[str, str]) -> None:
    say(f"Fetching the openstack plugin {wanted} with `pulumi plugin install`")
    answer = subprocess.run(
        [pulumi, "plugin", "install", "resource", "openstack", wanted],
        capture_output=True,
        text=True,
        check=False,
        env=dict(environment),
    )
    if answer.returncode != 0:
        reason = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ToolchainError(f"the openstack plugin could not be fetched ({reason[0]})")
