"""`python -m tools.reference --write`: write docs/reference/ from the definitions."""

import argparse
import json
import sys

from multiport.reference.pages import pages
from multiport.reference.stack_schema import stack_schema
from multiport.toolchain import ROOT

FOLDER = ROOT / "docs" / "reference"


def reference() -> dict[str, str]:
    """Every file of docs/reference/ by its name."""
    return {**pages(), "stack.schema.json": json.dumps(stack_schema(), indent=1) + "\n"}


def stale() -> list[str]:
    """Names of the files of docs/reference/ that are not what the definitions say."""
    wanted = reference()
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def main() -> int:
    """Write the files with `--write`, else name those that are stale; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/reference/")
    if not parser.parse_args().write:
        for name in stale():
            print(f"docs/reference/{name} is not what the definitions say: run python -m tools.reference --write")
        return 1 if stale() else 0
    FOLDER.mkdir(exist_ok=True)
    wanted = reference()
    for path in FOLDER.glob("*"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
