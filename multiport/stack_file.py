"""Reads the topology in a stack file without Pulumi, as the program would get it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from multiport.components.checks import load
from multiport.components.config_error import ConfigError, Fault, key_path
from multiport.components.topology import Topology
from multiport.project import Project

PARTS: Final = frozenset(Topology.__annotations__)
"""The keys that a topology may have."""

_ENCRYPTED: Final = "#cloud-config\n"
"""A placeholder for an encrypted value. It is a valid cloud-config, because that is what is encrypted most often."""


class StackFileError(Exception):
    """No topology can be read from a stack file; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """The topology in a stack file.

    Attributes:
        file: The file.
        raw: The topology as plain data, not yet checked.
        encrypted: Paths of the values that only Pulumi can decrypt.
    """

    file: Path
    raw: Mapping[str, Any]
    encrypted: tuple[str, ...]

    def faults(self) -> list[Fault]:
        """Return every fault for which the program would refuse it; faults of encrypted values are left out."""
        try:
            load(self.raw)
        except ConfigError as error:
            return [fault for fault in error.faults if not self._about_encrypted(fault.key)]
        return []

    def topology(self) -> Topology:
        """Return the topology after checking it.

        Raises:
            ConfigError: It has faults.
        """
        if faults := self.faults():
            raise ConfigError(faults)
        return load(self.raw)

    def _about_encrypted(self, key: str) -> bool:
        return any(key == path or key.startswith((f"{path}.", f"{path}[")) for path in self.encrypted)


def read(project: Project, file: Path, key: str | None = None, own_keys: frozenset[str] = frozenset()) -> StackFile:
    """Read the topology in a stack file.

    Args:
        project: The project that the stack belongs to.
        file: The stack file.
        key: The configuration key that contains the whole topology. None if each of the project's keys is a part of it.
        own_keys: Keys that the program itself reads, so that they are not part of the topology. Keys that Pulumi.yaml declares
            need not be among them, unless a topology has a key of that name.

    Raises:
        StackFileError: The file cannot be read, or it does not contain a topology.
    """
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackFileError(f"{file} cannot be read: {error}") from error
    config = told.get("config") if isinstance(told, dict) else None
    if not isinstance(config, dict | None) or not isinstance(told, dict):
        raise StackFileError(f"{file} is not a stack file: `config` must be a mapping of keys to values")
    values = {**_project_values(project), **dict(_own(project.name, config or {}))}
    if key is not None:
        if not isinstance(values.get(key), dict):
            raise StackFileError(
                f"{file}: the key {project.name}:{key} must contain the topology, but is missing or not a mapping"
            )
        values = values[key]
    else:
        own = own_keys | declared_keys(project)
        values = {name: value for name, value in values.items() if name not in own}
        if not PARTS & {str(name) for name, _ in _own(project.name, config or {})}:
            raise StackFileError(
                f"{file} does not contain a topology: it has none of the keys {project.name}:networks, {project.name}:servers "
                "and so on. If one key contains the whole topology, name it with --key. If your program calls the components "
                "itself, `pulumi preview` checks it"
            )
    hidden: list[str] = []
    raw = {name: _decoded(key_path("", str(name)), value, hidden) for name, value in values.items()}
    if whole := [path for path in hidden if path in PARTS]:
        raise StackFileError(f"{file}: {', '.join(whole)} is encrypted as a whole, and only Pulumi can decrypt it")
    return StackFile(file, raw, tuple(hidden))


def declared_keys(project: Project) -> set[str]:
    """Return the keys that Pulumi.yaml declares and that no topology has: the program itself reads them."""
    return {name for name, _ in _own(project.name, project.config)} - PARTS


def _own(project: str, config: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the project's keys, without its prefix, and their values; a key without a prefix belongs to the project too."""
    for name, value in config.items():
        prefix, colon, key = str(name).partition(":")
        if not colon or prefix == project:
            yield (key if colon else prefix), value


def _project_values(project: Project) -> dict[str, Any]:
    """Return the values and defaults that Pulumi.yaml gives to every stack."""
    found: dict[str, Any] = {}
    for key, value in _own(project.name, project.config):
        if not isinstance(value, dict):
            found[key] = value
        elif "value" in value or "default" in value:
            found[key] = value.get("value", value.get("default"))
    return found


def _decoded(path: str, value: Any, hidden: list[str]) -> Any:
    """Return a value as the program gets it: encrypted values are replaced by a placeholder, and JSON texts are decoded."""
    if isinstance(value, dict) and value.keys() == {"secure"}:
        hidden.append(path)
        return _ENCRYPTED
    if isinstance(value, dict):
        return {key: _decoded(key_path(path, str(key)), each, hidden) for key, each in value.items()}
    if isinstance(value, list):
        return [_decoded(key_path(path, place), each, hidden) for place, each in enumerate(value)]
    if isinstance(value, str) and "." not in path and value.startswith(("{", "[")):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value
