"""The Pulumi project that a command works on: any project, not only the repository of this package."""

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
        folder: The folder that contains its Pulumi.yaml.
        name: Its name, which is the prefix of its configuration keys.
        stacks_folder: The folder of its stack files: the project's folder, or the one that `stackConfigDir` names.
        config: The configuration in Pulumi.yaml itself, by key.
    """

    folder: Path
    name: str
    stacks_folder: Path
    config: Mapping[str, Any]

    def stack_file(self, stack: str) -> Path:
        """Return the path of a stack's file; the stack's name may include its organization and project."""
        return self.stacks_folder / f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"

    def stacks(self) -> list[str]:
        """Return the stacks that have a file, in alphabetical order."""
        return sorted(stack_of(path) for path in self.stacks_folder.glob("Pulumi.*.yaml") if path.is_file())

    def known_stack_file(self, stack: str) -> Path:
        """Return the path of a stack's file, which must exist.

        Raises:
            ProjectError: There is no such file.
        """
        file = self.stack_file(stack)
        if not file.is_file():
            known = ", ".join(self.stacks()) or "none"
            raise ProjectError(f"there is no {file}; stacks that have a file: {known}")
        return file


def find(folder: Path) -> Project:
    """Return the project of a folder, or that of the nearest folder above it, as Pulumi does.

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
    """Return the name of the stack that a file belongs to."""
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _read(folder: Path) -> Project:
    file = folder / PROJECT_FILE
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectError(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise ProjectError(f"{file} does not give the project a name; add `name: <name>`")
    config = content.get("config")
    # in older versions of Pulumi, `config` named the folder of the stack files; newer ones still accept that
    stacks = content.get("stackConfigDir") or (config if isinstance(config, str) else "")
    return Project(folder, content["name"], folder / str(stacks), config if isinstance(config, dict) else {})
