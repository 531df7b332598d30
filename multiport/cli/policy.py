"""List the policies, or write them as a policy pack for your own project.

`multiport review` runs them by itself. To run them in every `pulumi preview` and `pulumi up`, write the pack once and
name its folder in each call. The engine runs the pack with the Python environment that has written it.

Example:
  multiport policy
  multiport policy --write policy
  pulumi preview --policy-pack policy
"""

import argparse
import sys
from pathlib import Path

from multiport import terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the pack into this folder")


def run(options: argparse.Namespace) -> int:
    """List or write the pack; returns the exit status."""
    from multiport.policy import pack, rules  # noqa: PLC0415 - imports the policy SDK, which is slow

    if options.write is None:
        print(terminal.table(("policy", "what it demands"), [(each.name, each.description) for each in rules.POLICIES]))
        return 0
    other = options.write / "__main__.py"
    if other.is_file() and "multiport" not in other.read_text(errors="replace"):
        print(f"multiport policy: {options.write} holds another program; name a folder that is empty or new", file=sys.stderr)
        return 2
    pack.write(options.write, lasting=True)
    print(f"Wrote the policy pack. Use it with: pulumi preview --policy-pack {options.write}")
    return 0
