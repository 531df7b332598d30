"""Check stack files, without Pulumi and without a cloud.

Every fault is reported with its key, what is wrong and what to do about it: the same rules and texts with which
the program refuses a configuration before it creates anything. Values that are encrypted are passed over.

Exit status: 0 if nothing is wrong, 1 if there are faults, 2 if a file cannot be checked.

Example:
  multiport check                            every stack file of the project
  multiport check stacks/Pulumi.dev.yaml     one of them
  multiport check --stack dev --json         for another program
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from multiport import project, terminal
from multiport.cli.options import add_project, add_topology


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)
    parser.add_argument("file", nargs="*", type=Path, metavar="FILE", help="a stack file (default: all of the project's)")
    parser.add_argument("--stack", action="append", default=[], help="a stack whose file to check; may be repeated")
    add_topology(parser)
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def run(options: argparse.Namespace) -> int:
    """Check the files; returns the exit status."""
    from multiport import stack_file  # noqa: PLC0415 - imports the Pulumi SDK, which is slow

    of = project.find(options.file[0].parent if options.file and options.project == Path() else options.project)
    files = [*options.file, *(of.known_stack_file(stack) for stack in options.stack)]
    files = files or [of.stack_file(stack) for stack in of.stacks()]
    if not files:
        print(f"multiport check: {of.stacks_folder} holds no stack file, Pulumi.<stack>.yaml", file=sys.stderr)
        return 2
    colours = terminal.coloured(sys.stdout)
    found: list[dict[str, Any]] = []
    status = 0
    for file in files:
        try:
            stack = stack_file.read(of, file, options.key, frozenset(options.own_key))
        except stack_file.StackFileError as error:
            status = 2
            found.append({"file": str(file), "error": str(error)})
            if not options.json:
                print(f"multiport check: {error}", file=sys.stderr)
            continue
        faults = stack.faults()
        status = max(status, 1 if faults else 0)
        told = [{"key": fault.key, "problem": fault.problem, "remedy": fault.remedy} for fault in faults]
        found.append({"file": str(file), "faults": told, "encrypted": list(stack.encrypted)})
        if not options.json:
            verdict = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}" if faults else "nothing is wrong"
            print(terminal.painted("bold red" if faults else "green", f"{file}: {verdict}", colours=colours))
            for fault in faults:
                print(f"  {terminal.painted('red', fault.key, colours=colours)}{str(fault).removeprefix(fault.key)}")
            for path in stack.encrypted:
                print(f"  {path}: encrypted, not checked")
    if options.json:
        print(json.dumps({"files": found}, indent=2))
    return status
