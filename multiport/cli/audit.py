"""Audit a stack: is what its state declares what the cloud has?

Compares object by object, and changes nothing: every property that the components set, what is lost, doubled or left over,
pending operations and locks. docs/recovery.md explains each finding and what to do about it.

Exit status: 0 if everything is as declared, 1 if something is not, 2 if the audit could not be made.

Example:
  multiport audit --stack prod
  pulumi stack export | multiport audit --state -
"""

import argparse
import os
import sys
from pathlib import Path

from multiport import project, terminal
from multiport.cli.options import add_project


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--stack", help="the stack; its state is asked of the Pulumi CLI")
    which.add_argument("--state", metavar="FILE", help="the state as `pulumi stack export` prints it; - is standard input")
    parser.add_argument("--json", action="store_true", default=os.environ.get("FORMAT") == "json", help="write JSON; FORMAT=json")


def run(options: argparse.Namespace) -> int:
    """Audit; returns the exit status."""
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415
    from openstack.exceptions import SDKException  # noqa: PLC0415

    from multiport import toolchain  # noqa: PLC0415
    from multiport.audit import report, stack_state  # noqa: PLC0415
    from multiport.audit.audit import audit  # noqa: PLC0415
    from multiport.audit.state import StateError, read  # noqa: PLC0415

    with terminal.progress("Auditing") as say:
        try:
            if options.state is not None:
                state = read(sys.stdin.read() if options.state == "-" else Path(options.state).read_text())
            else:
                of = project.find(options.project)
                pulumi = str(toolchain.find(say, fetch=False).pulumi)
                state = stack_state.export(pulumi, of.folder, options.stack, os.environ)
            made = audit(state, os.environ, say)
        except (StateError, SDKException, ClientException, toolchain.ToolchainError, OSError) as error:
            print(f"multiport audit: {error}", file=sys.stderr)
            return 2
    if options.json:
        print(report.document(state.stack, made.findings, len(state.resources)))
    else:
        print(report.table(state.stack, made.findings, len(state.resources), colours=terminal.coloured(sys.stdout)))
    return 1 if made.findings else 0
