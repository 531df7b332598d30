"""Write golden files anew; review the difference before committing it.

`python -m tests.golden --write one-port two-ports` writes those cases, `--write` alone all cases and the static files.
"""

import argparse
import shutil
from pathlib import Path

from tests.golden.case import CASES, STATIC, case_names, folded, rendered, static


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--write", nargs="*", required=True, metavar="CASE", choices=case_names())
    cases: list[str] = parser.parse_args().write
    if not cases:
        _replace(STATIC, static())
    for case in cases or case_names():
        files = rendered(case)
        if "user_data" in files:
            files["user_data"] = folded(files["user_data"], static())
        _replace(CASES / case / "expected", files)


def _replace(folder: Path, files: dict[str, str]) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode())
    print(f"wrote {folder} ({len(files)} files)")


if __name__ == "__main__":
    main()
