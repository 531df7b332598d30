"""A Pulumi project's folder: Pulumi.yaml, one stack's file, and the configuration that both make together."""

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
    """What the CLI would read before it starts the program."""

    name: str
    stack: str
    folder: Path
    """Folder of Pulumi.yaml: the program's root directory."""
    program: Path
    """Folder of `__main__.py`: the same, or what `main` says."""
    declared: Mapping[str, Any]
    """Pulumi.yaml's `config`, by full key."""
    configured: Mapping[str, Any]
    """The stack file's `config`, by full key."""

    def config(self) -> dict[str, str]:
        """Merge declarations, defaults and the stack's values into what the program gets: text, objects as JSON.

        Raises:
            DirectError: a declared key has neither value nor default, or a value is of another type than declared.
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
            if wanted and not _is(value, str(wanted)):
                raise DirectError(f"stack {self.stack}: {key} is not of type {wanted}, as Pulumi.yaml declares it.")
        return {key: _as_text(value) for key, value in values.items()}

    def provider_config(self) -> dict[str, Any]:
        """Give the settings of the default openstack provider, by their names without the namespace."""
        settings = {key: _default(entry) for key, entry in self.declared.items()} | dict(self.configured)
        return {key.removeprefix("openstack:"): value for key, value in settings.items() if key.startswith("openstack:")}


def load(folder: Path, stack: str) -> Project:
    """Read a project's files.

    Args:
        folder: where Pulumi.yaml lies.
        stack: the stack's name; its file is `Pulumi.<stack>.yaml`, in `stackConfigDir` if the project names one.

    Raises:
        DirectError: no such project or stack, or a file that is no YAML mapping.
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
        raise DirectError(f"there is no stack {stack} in {stacks}; there are {', '.join(others)}.")
    name = str(settings.get("name") or "")
    if not name:
        raise DirectError(f"{folder / 'Pulumi.yaml'} names no project.")
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
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 -- a SafeLoader with fewer surprises
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise DirectError(f"{path} is no YAML: {error}") from error
    if content is not None and not isinstance(content, dict):
        raise DirectError(f"{path} is no YAML mapping.")
    return content or {}


class _Loader(yaml.SafeLoader):
    """Reads YAML as the CLI does: `on`, `yes` and 00:11:22:33:44:55 are text, not booleans and numbers to base 60."""

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
    """Give keys without a namespace the project's; `pulumi:` keys speak to the CLI alone."""
    if not isinstance(config or {}, dict):
        raise DirectError(f"project {project}: config is no YAML mapping.")
    keyed = {key if ":" in key else f"{project}:{key}": value for key, value in ((str(k), v) for k, v in (config or {}).items())}
    return {key: value for key, value in keyed.items() if not key.startswith("pulumi:")}


def _default(declaration: Any) -> Any:
    if not isinstance(declaration, dict):
        return declaration
    return declaration.get("default", declaration.get("value"))


def _is(value: Any, wanted: str) -> bool:
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
            raise NeedsCliError(f"{key} holds an encrypted value, which nothing else can decrypt")
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        _refuse_secure(key, item)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)  # str: an unquoted date
