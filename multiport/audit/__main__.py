"""`python -m multiport.audit`: compare a stack's state with the cloud, object by object; nothing is changed.

The exit status is 0 if everything is as declared, 1 if there are findings, 2 if the audit could not be made.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from multiport import toolchain
from multiport.audit import report
from multiport.audit.audit import Audited, audit
from multiport.audit.stack_state import export, project_name
from multiport.audit.state import State, StateError, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit one stack."""
    parser = argparse.ArgumentParser(
        prog="python -m multiport.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the project's folder (default: this one)")
    parser.add_argument("--state", help="what `pulumi stack export` printed, - for standard input (default: the CLI is asked)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    try:
        state = _state(options)
        made = audit(state, os.environ, _say)
    except (StateError, SDKException, ClientException, toolchain.ToolchainError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    show(made, as_json=options.json)
    return 1 if made.findings else 0


def show(made: Audited, *, as_json: bool, to: TextIO | None = None) -> None:
    """Print what an audit found."""
    render = report.document if as_json else report.table
    print(render(made.state.stack, made.findings, len(made.state.resources)).rstrip("\n"), file=to or sys.stdout, flush=True)


def _state(options: argparse.Namespace) -> State:
    if options.state is None:
        found = toolchain.find(_say, os.environ, fetch=False)
        return export(str(found.pulumi), options.project, options.stack, os.environ)
    text = sys.stdin.read() if options.state == "-" else Path(options.state).read_text()
    return read(text, project=project_name(options.project), stack=options.stack)


def _say(text: str) -> None:
    """Progress, for people who wait; standard output is for the findings."""
    if sys.stderr.isatty():
        print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
