"""Every configuration that is wrong in one thing gives one error, in these words; and every error there is has such a case.

A case is a file in the folder of its rule's module in components/checks: `config`, a whole configuration, or `check` and `args`,
a component called directly; and `error`, the text.
"""

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml

from multiport.components import checks
from multiport.components.config_error import ConfigError, Fault

CASES = sorted(Path(__file__).parent.glob("*/*.yaml"))


class Loader(yaml.SafeLoader):
    """YAML with one addition: `!repeat {first: a, then: b, times: 3}` is abbb."""


def _repeat(loader: Loader, node: yaml.MappingNode) -> str:
    parts = loader.construct_mapping(node)
    return str(parts["first"]) + str(parts["then"]) * int(parts["times"])


Loader.add_constructor("!repeat", _repeat)


def read(case: Path) -> Mapping[str, Any]:
    found = yaml.load(case.read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader with one addition
    assert isinstance(found, dict)
    return found


def run(case: Mapping[str, Any]) -> None:
    if "check" in case:
        checks.raise_if(getattr(checks, case["check"])("args", case["args"]))
    else:
        checks.load(case["config"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_one_error_in_these_words(path: Path) -> None:
    case = read(path)
    with pytest.raises(ConfigError) as caught:
        run(case)
    assert str(caught.value) == case["error"]
    assert len(caught.value.faults) == 1
    assert case["error"].isprintable()


def rule_of(frame: FrameType | None) -> tuple[str, int]:
    """File and line of the rule that found a fault: where it is worded, or the caller of what words it for several rules."""
    assert frame is not None
    if frame.f_code.co_name in ("unknown", "_of_guest"):
        return rule_of(frame.f_back)
    return frame.f_code.co_filename, frame.f_lineno


def test_every_error_has_a_case_in_the_folder_of_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [importlib.import_module(f"{checks.__name__}.{module.name}") for module in pkgutil.iter_modules(checks.__path__)]
    sites = {
        (inspect.getfile(module), call.lineno, call.end_lineno)
        for module in modules
        for call in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Fault"
    }
    made: set[tuple[str, int]] = set()
    rules: list[str] = []

    def recorded(key: str, problem: str, remedy: str) -> Fault:
        place = sys._getframe(1)
        made.add((place.f_code.co_filename, place.f_lineno))
        rules.append(Path(rule_of(place)[0]).stem)
        return Fault(key, problem, remedy)

    for module in modules:
        if hasattr(module, "Fault"):
            monkeypatch.setattr(module, "Fault", recorded)
    elsewhere = []
    for path in CASES:
        with pytest.raises(ConfigError):
            run(read(path))
        if path.parent.name != rules[-1]:
            elsewhere.append(f"{path.name} belongs into {rules[-1]}/")

    bare = [
        f"{file}:{first}"
        for file, first, last in sorted(sites)
        if last is not None and not any(file == where and first <= line <= last for where, line in made)
    ]
    assert sites
    assert not bare
    assert not elsewhere
