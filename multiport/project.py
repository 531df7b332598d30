"""The Pulumi project that a command works on: any project, not only the one that this package comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT_FILE: Final = "Pulumi.yaml"


class ProjectError(Exception):
    """There is no project here, or it cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project.

    Attributes:
        folder: The folder with its Pulumi.yaml.
        name: Its name, which is the prefix of its configuration keys.
        stacks_folder: The folder with its stack files: its own one, or the one that `stackConfigDir` names.
        config: What Pulumi.yaml itself says of the configuration, by key.
    """

    folder: Path
    name: str
    stacks_folder: Path
    config: Mapping[str, Any]

    def stack_file(self, stack: str) -> Path:
        """The file of a stack, which may be named with its organization and project."""
        return self.stacks_folder / f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"

    def stacks(self) -> list[str]:
        """The stacks that have a file, in alphabetical order."""
        return sorted(stack_of(path) for path in self.stacks_folder.glob("Pulumi.*.yaml") if path.is_file())

    def known_stack_file(self, stack: str) -> Path:
        """The file of a stack that must exist.

        Raises:
            ProjectError: It does not.
        """
        file = self.stack_file(stack)
        if not file.is_file():
            known = ", ".join(self.stacks()) or "none"
            raise ProjectError(f"there is no {file}; the stacks with a file are: {known}")
        return file


def find(folder: Path) -> Project:
    """The project that a folder belongs to: its own one, or that of the nearest folder above it, as Pulumi finds it.

    Raises:
        ProjectError: There is no such folder, or no Pulumi.yaml with a name in it or above it.
    """
    start = folder.resolve()
    if not start.is_dir():
        raise ProjectError(f"{folder} is not a folder; --project names the project's folder")
    for place in (start, *start.parents):
        if (place / PROJECT_FILE).is_file():
            return _read(place)
    raise ProjectError(f"there is no {PROJECT_FILE} in {start} or above it; --project names the project's folder")


def stack_of(file: Path) -> str:
    """The stack whose file this is."""
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _read(folder: Path) -> Project:
    file = folder / PROJECT_FILE
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"{file} cannot be read: {error}") from error
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise ProjectError(f"{file} has no name")
    config = told.get("config")
    # once `config` could name the folder of the stack files; Pulumi still takes that
    stacks = told.get("stackConfigDir") or (config if isinstance(config, str) else "")
    return Project(folder, told["name"], folder / str(stacks), config if isinstance(config, dict) else {})
