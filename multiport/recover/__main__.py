"""`python -m multiport.recover`: bring a stack back after a failed update or a killed CLI.

Without --apply it only says what it would do. It asks before each deletion; where there is no terminal, --yes answers for
ports, networks and the like; servers, floating IPs and what carries no tags stay unless --delete names them too.
The exit status is 0 if the audit at the end is clean, 1 if something is left to do, 2 if nothing could be done.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from multiport import toolchain
from multiport.audit.__main__ import show
from multiport.audit.state import StateError
from multiport.recover.actions import PRECIOUS, UNTAGGED, Action, Do
from multiport.recover.pulumi_stack import PulumiError, PulumiStack
from multiport.recover.recovery import Busy, recover


def main(arguments: Sequence[str] | None = None) -> int:
    """Recover one stack."""
    parser = argparse.ArgumentParser(
        prog="python -m multiport.recover", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the project's folder (default: this one)")
    parser.add_argument("--config-file", type=Path, help="the stack's file, if it is not where the project says")
    parser.add_argument("--apply", action="store_true", help="do it; without this, only say what would be done")
    parser.add_argument(
        "--yes", action="store_true", help="where there is no terminal: yes to everything but what --delete names"
    )
    parser.add_argument(
        "--delete",
        action="append",
        default=[],
        choices=sorted(each.replace(" ", "-") for each in (*PRECIOUS, UNTAGGED)),
        help="with --yes: delete orphans of this kind too; may be given several times",
    )
    options = parser.parse_args(arguments)
    consents = {each.replace("-", " ") for each in options.delete}

    def approve(action: Action) -> bool:
        if sys.stdin.isatty():
            return action.do is not Do.DELETE or _asked(action)
        return bool(options.yes) and action.consents <= consents

    try:
        found = toolchain.find(_say, os.environ, fetch=False)
        stack = PulumiStack(str(found.pulumi), options.project, options.stack, os.environ, options.config_file)
        done = recover(stack, approve if options.apply else None, _say)
    except Busy as busy:
        print(f"{parser.prog}: {busy}", file=sys.stderr)
        return 2
    except (StateError, PulumiError, SDKException, ClientException, toolchain.ToolchainError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    for line in done.left:
        print(line, file=sys.stderr)
    if not options.apply:
        for action in done.planned:
            print(f"would {action.text}")
        print("Nothing was done; --apply does it." if done.planned else "There is nothing for recovery to do.")
    show(done.audited, as_json=False)
    return 1 if done.audited.findings or done.left else 0


def _asked(action: Action) -> bool:
    try:
        return input(f"{action.text[0].upper()}{action.text[1:]}? Type yes to do it: ").strip() == "yes"
    except EOFError:
        return False


def _say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
