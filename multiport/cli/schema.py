"""Print the JSON Schema of the project's stack files.

An editor completes and checks a stack file with it. What needs more than one value to judge, for example whether two
subnets overlap, only `multiport check` finds.

Example:
  multiport schema >stack-file.schema.json

Then begin each stack file with the line
  # yaml-language-server: $schema=stack-file.schema.json
"""

import argparse
import json

from multiport import project
from multiport.cli.options import add_project


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)


def run(options: argparse.Namespace) -> int:
    """Print the schema; returns the exit status."""
    from multiport.schema import stack_file_schema  # noqa: PLC0415 - imports the Pulumi SDK, which is slow

    print(json.dumps(stack_file_schema(project.find(options.project).name), indent=2, ensure_ascii=False))
    return 0
