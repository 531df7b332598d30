"""`python -m tools.mutate`: how many random faults in components/ and guest/ the tests of `make check` notice.

Each fault is one small change of one place: another operator, constant or comparison, a negated condition, a removed statement.
It is made in a copy of the tracked files, never in the checkout, and the unit tests run there until one fails. The same seed
makes the same faults of the same sources. It takes about half a minute for each fault, and is no part of CI.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ("components", "guest")
TESTS: Final = ("tests/invalid", "tests/golden", "tests/unit", "tests/rendered")
"""What `make check` runs of the tests; those of the changed module come first, so that most faults are noticed soon."""

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A change of one place in one file."""

    file: Path
    line: int
    start: int
    """Where the replaced text begins, in bytes from the beginning of the file."""
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        """The change in one line."""
        return f"{self.file}:{self.line}: {_shown(self.old)}  ->  {_shown(self.new)}"


def main() -> int:
    """Make the faults, one after another; 0 if at most one in twelve is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="which faults (default: 1)")
    parser.add_argument("--count", type=int, default=24, help="how many (default: 24)")
    parser.add_argument("--workers", type=int, default=2, help="processes that run the tests; 0: only this one (default: 2)")
    options = parser.parse_args()
    files = [path.relative_to(ROOT) for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    every = [fault for file in files for fault in faults(file, (ROOT / file).read_bytes())]
    chosen = random.Random(options.seed).sample(every, options.count)  # noqa: S311 - nothing secret is chosen
    missed = 0
    with tempfile.TemporaryDirectory(prefix="multiport-mutate-") as folder:
        place = Path(folder) / "copy"
        _copy(place)
        if failure := _failure(place, TESTS, options.workers):
            print(f"{failure}\nThe tests fail without any fault: nothing can be said.", file=sys.stderr)
            return 2
        for number, fault in enumerate(chosen, start=1):
            source = (place / fault.file).read_bytes()
            _write(place / fault.file, source[: fault.start] + fault.new.encode() + source[fault.end :], number)
            near = ("tests/invalid", f"tests/unit/{fault.file.parts[0]}")
            survived = not (_failure(place, near, options.workers) or _failure(place, TESTS, options.workers))
            _write(place / fault.file, source, -number)
            missed += survived
            print(f"{number:3}  {'MISSED' if survived else 'caught'}  {fault}", flush=True)
    print(f"{options.count - missed} of {options.count} caught, seed {options.seed}, of {len(every)} possible faults")
    return 0 if missed * 12 <= options.count else 1


def faults(file: Path, source: bytes) -> Iterator[Fault]:
    """Every fault that can be made in a file."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    tree = ast.parse(source)
    unnoticed = set(_without_effect(tree))
    for node in ast.walk(tree):
        if node in unnoticed or not isinstance(node, ast.expr | ast.stmt):
            continue
        start, end = starts[node.lineno - 1] + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        for changed in _changes(node):
            new = ast.unparse(changed)
            old = source[start:end].decode()
            yield Fault(file, node.lineno, start, end, old, f"({new})" if isinstance(node, ast.expr) else new)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """The node's faulty forms."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield ast.Compare(node.left, [_COMPARISONS[type(op)]()], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(op)](), node.right)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool(truth)):
            yield ast.Constant(not truth)
        case ast.Constant(value=int(number)):
            yield ast.Constant(number + 1)
        case ast.Constant(value=str(text)):
            yield ast.Constant(f"{text}x")
        case ast.IfExp():
            yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise():
            yield ast.Pass()
        case ast.Return(value=ast.expr()):
            yield ast.Return(None)


def _without_effect(tree: ast.Module) -> Iterator[ast.AST]:
    """What no run of the program can show: docstrings, types, exports, and the pieces of an f-string, which have no place."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                yield from ast.walk(node)
            case ast.JoinedStr():
                yield from (each for each in ast.walk(node) if each is not node)
            case ast.AnnAssign():
                yield from ast.walk(node.annotation)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                types = [each.annotation for each in arguments] + [node.returns]
                yield from (part for each in types if each is not None for part in ast.walk(each))
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                yield from ast.walk(node)
            case ast.Call(func=ast.Name(id="cast" | "TypeVar")):
                yield from (part for each in node.args[:1] for part in ast.walk(each))


def _copy(place: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)  # some tests ask git which files there are
    for name in (".venv", ".tools"):  # the tools that some of the tests call
        if (ROOT / name).exists():
            (place / name).symlink_to(ROOT / name)


def _write(path: Path, source: bytes, number: int) -> None:
    path.write_bytes(source)
    changed = path.stat().st_mtime + 10 * number  # Python tells by the second whether what it compiled is old
    os.utime(path, (changed, changed))


def _failure(place: Path, tests: Sequence[str], workers: int) -> str:
    """What pytest says of the first test that fails; nothing if all pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", str(workers), "-W", "ignore", "-p", "no:cacheprovider", *tests]
    answer = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else (answer.stdout + answer.stderr)[-4000:] or "pytest failed without a word"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."  # noqa: PLR2004 - as much as fits into a line with two of them


if __name__ == "__main__":
    sys.exit(main())
