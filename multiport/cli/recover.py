"""Recover a stack after a failed update or a killed CLI.

Audits the stack and mends what it finds: takes off a stale lock, clears pending operations, sends updates that were lost,
deletes or imports what is in no state, and audits again. Without --apply it only says what it would do. It asks before each
deletion. Where there is no terminal, --yes answers for ports, networks and the like; servers, floating IPs and what carries no
tags stay unless --delete names them too. What does not look like the stack's own is never touched.

Exit status: 0 if the audit at the end is clean, 1 if something is left to do, 2 if nothing could be done.

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
    """Say what the verb takes."""
    add_project(parser)
    parser.add_argument("--stack", required=True, help="the stack")
    parser.add_argument("--config-file", type=Path, metavar="FILE", help="the stack's file, if it is not where the project says")
    parser.add_argument("--apply", action="store_true", help="do it; without this, only say what would be done")
    parser.add_argument("--yes", action="store_true", help="where there is no terminal: yes to all but what --delete names")
    parser.add_argument(
        "--delete", action="append", default=[], choices=_DELETE, help="with --yes: delete such orphans too; may be repeated"
    )


def run(options: argparse.Namespace) -> int:
    """Recover; returns the exit status."""
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415
    from openstack.exceptions import SDKException  # noqa: PLC0415

    from multiport import toolchain  # noqa: PLC0415
    from multiport.audit import report  # noqa: PLC0415
    from multiport.audit.state import StateError  # noqa: PLC0415
    from multiport.recover.pulumi_stack import PulumiError, PulumiStack  # noqa: PLC0415
    from multiport.recover.recovery import Busy, recover  # noqa: PLC0415

    consents = {each.replace("-", " ") for each in options.delete}

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
        print("Nothing was done; --apply does it." if done.planned else "There is nothing for recovery to do.")
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
