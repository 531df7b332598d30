"""The files of a Pulumi project: Pulumi.yaml, the file of one stack, and the configuration that results from both."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import DirectError, NeedsCliError

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True)
class Project:
    """The content of the files that the CLI would read before it starts the program."""

    name: str
    stack: str
    folder: Path
    """Folder of Pulumi.yaml, which is the root directory of the program."""
    program: Path
    """Folder of `__main__.py`: the same, unless Pulumi.yaml has the key `main`."""
    declared: Mapping[str, Any]
    """The `config` of Pulumi.yaml, by full key."""
    configured: Mapping[str, Any]
    """The `config` of the stack file, by full key."""

    def config(self) -> dict[str, str]:
        """Return the configuration for the program from declarations, defaults and the stack's values: texts, objects as JSON.

        Raises:
            DirectError: a declared key has neither value nor default, or a value does not have the declared type.
            NeedsCliError: a value is encrypted.
        """
        defaults = {key: _default(entry) for key, entry in self.declared.items()}
        values = {key: value for key, value in defaults.items() if value is not None} | dict(self.configured)
        missing = sorted(set(self.declared) - set(values))
        if missing:
            raise DirectError(f"stack {self.stack} has no value for {', '.join(missing)}; set it in its stack file.")
        for key, value in values.items():
            _refuse_secure(key, value)
            wanted = self.declared[key].get("type") if isinstance(self.declared.get(key), dict) else None
            if wanted and not _has_type(value, str(wanted)):
                raise DirectError(f"stack {self.stack}: {key} is not of type {wanted}, which Pulumi.yaml declares for it.")
        return {key: _as_text(value) for key, value in values.items()}

    def provider_config(self) -> dict[str, Any]:
        """Return the settings of the default openstack provider, by name without the namespace."""
        settings = {key: _default(entry) for key, entry in self.declared.items()} | dict(self.configured)
        return {key.removeprefix("openstack:"): value for key, value in settings.items() if key.startswith("openstack:")}


def load(folder: Path, stack: str) -> Project:
    """Read the files of a project.

    Args:
        folder: folder of Pulumi.yaml.
        stack: name of the stack; its file is `Pulumi.<stack>.yaml`, in `stackConfigDir` if the project has that key.

    Raises:
        DirectError: there is no such project or stack, or a file is not a YAML mapping.
    """
    folder = folder.resolve()
    settings = _read(folder / "Pulumi.yaml")
    if settings is None:
        raise DirectError(f"there is no Pulumi.yaml in {folder}.")
    runtime = settings.get("runtime")
    if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
        raise NeedsCliError(f"{folder / 'Pulumi.yaml'}: runtime {runtime!r}")
    stacks = folder / str(settings.get("stackConfigDir") or ".")
    chosen = _read(stacks / f"Pulumi.{stack}.yaml")
    others = sorted(path.name.split(".")[1] for path in stacks.glob("Pulumi.*.yaml"))
    if chosen is None and others:
        raise DirectError(f"there is no stack {stack} in {stacks}; the stacks are {', '.join(others)}.")
    name = str(settings.get("name") or "")
    if not name:
        raise DirectError(f"{folder / 'Pulumi.yaml'} has no project name; add the key name.")
    if (chosen or {}).get("environment"):
        raise NeedsCliError(f"stack {stack} imports a Pulumi ESC environment")
    return Project(
        name=name,
        stack=stack,
        folder=folder,
        program=folder / str(settings.get("main") or "."),
        declared=_by_full_key(name, settings.get("config")),
        configured=_by_full_key(name, (chosen or {}).get("config")),
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 -- _Loader is a SafeLoader
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise DirectError(f"{path} is not valid YAML: {error}") from error
    if content is not None and not isinstance(content, dict):
        raise DirectError(f"{path} is not a YAML mapping.")
    return content or {}


class _Loader(yaml.SafeLoader):
    """Reads YAML as the CLI does: `on`, `yes` and 00:11:22:33:44:55 are texts, not booleans and a number in base 60."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as the base class declares it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":int", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?$"), list("-+.0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile("^[-+]?(0o?[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+|0|[1-9][0-9_]*)$"), list("-+0123456789")
)


def _by_full_key(project: str, config: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Add the project's namespace to keys that have none, and drop the `pulumi:` keys, which concern the CLI only."""
    if not isinstance(config or {}, dict):
        raise DirectError(f"project {project}: config is not a YAML mapping.")
    keyed = {key if ":" in key else f"{project}:{key}": value for key, value in ((str(k), v) for k, v in (config or {}).items())}
    return {key: value for key, value in keyed.items() if not key.startswith("pulumi:")}


def _default(declaration: Any) -> Any:
    if not isinstance(declaration, dict):
        return declaration
    return declaration.get("default", declaration.get("value"))


def _has_type(value: Any, wanted: str) -> bool:
    if isinstance(value, str) and wanted != "string":  # `pulumi config set` writes every value as text
        try:
            value = json.loads(value)
        except ValueError:
            return False
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES.get(wanted, object))


def _refuse_secure(key: str, value: Any) -> None:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            raise NeedsCliError(f"{key} has an encrypted value, which the direct driver cannot decrypt")
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        _refuse_secure(key, item)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)  # default=str is for unquoted dates
