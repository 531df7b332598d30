"""Nothing is fetched that docs/setup.md does not list."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.fetches import FETCHES, table
from tests.installation.checkout import ROOT

KINDS = {
    "pip install": r"\bpip\d? (?:-\S+ )*(?:install|download|wheel)\b|\b(?:uv|pipx|poetry|conda) \w*(?:install|sync|add)\b",
    "npm ci": r"\bnpm (?:ci|install|i|exec)\b|\bnpx\b|\b(?:yarn|pnpm) (?:install|add)\b",
    "apt-get install": r"\bapt(?:-get|itude)?\b[^;\n]* install\b",
    "apt-get update": r"\bapt(?:-get)?\b[^;\n]* update\b",
    "apt-get download": r"\bapt(?:-get)?\b[^;\n]* (?:download|source)\b",
    "mmdebstrap": r"\b(?:mm)?debootstrap --|\bmmdebstrap --",
    "go build": r"\bgo (?:install|get|run|build|mod download)\b",
    "PulumiCommand.install": r"\bPulumiCommand\.install\b",
    "plugin install": r"\bplugin install\b",
    "url": r"\burlopen\b|\burlretrieve\b|\bcurl -[^|\n]*https://|\bwget http|\bgit clone\b|\bdocker (?:pull|run)\b",
}
"""Calls that fetch something: as they stand in source, or as the words of a command."""

NO_FETCH = {
    ("multiport/review/hosts.py", "url"): 1,  # tells a pull request's host of a preview
    ("tests/unit/tools/test_find_toolchain.py", "plugin install"): 1,  # the command that is looked for
    ("tools/commands.py", "pip install"): 1,  # a page's text
    ("tools/fresh.py", "apt-get install"): 1,  # advice
}
"""Calls of such a form that fetch nothing."""

FOLDERS = ("bench", "components", "guest", "installation", "lab", "multiport", "stacks", "tests", "tools", "examples")
WITHOUT = ("tests/installation/", "tests/review/recorded/", "tests/golden/cases/", "installation/fetches.py", "guest/templates/")
"""What speaks of such calls or is recorded; the guests' own files fetch nothing, which the goldens show."""


def found(text: str, *, python: bool) -> Counter[str]:
    """How many calls of each kind a file holds."""
    pieces = list(_commands(ast.parse(text))) if python else text.splitlines()
    pieces = [piece for piece in pieces if "--no-index" not in piece]
    return Counter(kind for piece in pieces for kind, pattern in KINDS.items() if re.search(pattern, piece, re.MULTILINE))


def _commands(tree: ast.Module) -> Iterator[str]:
    """The words of each list that may be a command, each text of several lines that may be a script, and each call's name."""
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    lists = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            yield " ".join(_words(node.elts, lists))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value and id(node) not in documented:
            yield from node.value.splitlines()
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func)
            yield " ".join(_words(node.args, lists))


def _words(nodes: list[ast.expr], lists: dict[str, ast.List | ast.Tuple]) -> Iterator[str]:
    """The texts in a list, and in the lists of the same file that it takes in by name."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Starred) and isinstance(node.value, ast.Name) and node.value.id in lists:
            yield from _words(lists[node.value.id].elts, {})


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in ("Makefile", "__main__.py", ".gitlab-ci.yml", ".ci/run"))
    yield from ROOT.glob(".github/workflows/*.yml")
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".py", ".sh", ".yaml", ".yml") and not name.startswith(WITHOUT) and path.resolve() == path:
                yield path


def test_every_fetch_is_listed() -> None:
    wanted = Counter(NO_FETCH)
    for fetch in FETCHES:
        for file, kind, count in fetch.sites:
            wanted[file, kind] += count
    seen: Counter[tuple[str, str]] = Counter()
    for path in _sources():
        for kind, count in found(path.read_text(), python=path.suffix == ".py").items():
            seen[path.relative_to(ROOT).as_posix(), kind] += count
    assert seen == wanted


@pytest.mark.parametrize(
    "text",
    [
        'subprocess.run([python, "-m", "pip", "install", "thing"])',
        'PIP = ["pip", "--quiet"]\nsubprocess.run([*PIP, "install", "thing"])',
        'subprocess.run(["npm", "install", "thing"])',
        'run("apt-get", "-qq", "install", "thing")',
        'SCRIPT = """\ncurl -fsSL https://example.org/thing | sh\n"""',
        'urllib.request.urlopen("thing")',
        'subprocess.run(["go", "install", "thing@latest"])',
        'subprocess.run(["git", "clone", "thing"])',
    ],
)
def test_a_new_fetch_would_be_found(text: str) -> None:
    assert found(text, python=True)


def test_the_page_shows_the_list() -> None:
    assert table() in (ROOT / "docs" / "setup.md").read_text()


def test_what_pins_is_there() -> None:
    for fetch in FETCHES:
        for name in re.findall(r"`([^`]+\.(?:lock|txt|py|json|sum|yml))`", fetch.pinned_by):
            assert list(ROOT.glob(name)), f"{fetch.what}: there is no {name}"
