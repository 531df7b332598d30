"""Recover a stack after a failed update or a killed CLI.

Audits the stack and repairs what it finds: removes a stale lock, clears pending operations, sends updates that were lost,
deletes or imports objects that are missing from the state, and audits again. Without --apply it only says what it would do.
It asks before each deletion. Without a terminal, --yes approves the deletion of ports, networks and the like; servers,
floating IPs and objects without tags are deleted only if --delete names them too. Objects that do not look like the
stack's own are never touched.

Exit status: 0 if the final audit finds nothing, 1 if something is left to do, 2 if nothing could be done.

Example:
  multiport recover --stack prod
  multiport recover --stack prod --apply
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from multiport import project, terminal
from multiport.cli.options import add_project

if TYPE_CHECKING:
    from multiport.recover.actions import Action

_DELETE = ("floating-ip", "server", "untagged")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    add_project(parser)
    parser.add_argument("--stack", required=True, help="the stack")
    parser.add_argument(
        "--config-file", type=Path, metavar="FILE", help="the stack's file, if it is not in the project's usual place"
    )
    parser.add_argument("--apply", action="store_true", help="make the changes; without this, only list them")
    parser.add_argument("--yes", action="store_true", help="without a terminal: approve every action that does not need --delete")
    parser.add_argument(
        "--delete", action="append", default=[], choices=_DELETE, help="with --yes: delete such orphans too; may be repeated"
    )


def run(options: argparse.Namespace) -> int:
    """Recover the stack; return the exit status."""
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415
    from openstack.exceptions import SDKException  # noqa: PLC0415

    from multiport import toolchain  # noqa: PLC0415
    from multiport.audit import report  # noqa: PLC0415
    from multiport.audit.state import StateError  # noqa: PLC0415
    from multiport.recover.pulumi_stack import PulumiError, PulumiStack  # noqa: PLC0415
    from multiport.recover.recovery import Busy, recover  # noqa: PLC0415

    consents = {kind.replace("-", " ") for kind in options.delete}

    def approve(action: "Action") -> bool:
        if sys.stdin.isatty():
            return not action.deletes or _asked(action.text)
        return bool(options.yes) and action.consents <= consents

    try:
        of = project.find(options.project)
        pulumi = str(toolchain.find(_say, fetch=False).pulumi)
        stack = PulumiStack(pulumi, of.folder, options.stack, os.environ, options.config_file)
        done = recover(stack, approve if options.apply else None, _say)
    except (Busy, StateError, PulumiError, SDKException, ClientException, toolchain.ToolchainError, OSError) as error:
        print(f"multiport recover: {error}", file=sys.stderr)
        return 2
    for line in done.left:
        print(line, file=sys.stderr)
    if not options.apply:
        for action in done.planned:
            print(f"would {action.text}")
        print("Nothing was changed; run it with --apply to do this." if done.planned else "There is nothing to recover.")
    state = done.audited.state
    print(report.table(state.stack, done.audited.findings, len(state.resources), colours=terminal.coloured(sys.stdout)))
    return 1 if done.audited.findings or done.left else 0


def _asked(text: str) -> bool:
    try:
        return input(f"{text[0].upper()}{text[1:]}? Type yes to do it: ").strip() == "yes"
    except EOFError:
        return False


def _say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)
