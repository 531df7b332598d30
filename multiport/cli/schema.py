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
from multiport.cli.options import add_own_key, add_project


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)
    add_own_key(parser)


def run(options: argparse.Namespace) -> int:
    """Print the schema; returns the exit status."""
    from multiport.reference.stack_schema import stack_schema  # noqa: PLC0415 - imports the Pulumi SDK, which is slow
    from multiport.stack_file import declared_keys  # noqa: PLC0415

    of = project.find(options.project)
    schema = stack_schema(of.name, [*declared_keys(of), *options.own_key])
    print(json.dumps(schema, indent=1, ensure_ascii=False))
    return 0
