"""Verify a deployed stack: every address must answer, by its own port.

Pings every floating IP, logs in by it, and looks on the server which port the packets take. docs/verify.md explains each
probe. The servers are those that the program exports as `servers`, or else all MultiPortInstance components in the
stack's state. Each option can also be given as an environment variable, which is named with it.

Exit status: 0 if something was proved and nothing failed, 1 otherwise, 2 if it could not start.

Example:
  multiport verify --stack dev --ssh-user ubuntu --identity ~/.ssh/id_ed25519
  pulumi stack output --json --show-secrets | multiport verify --outputs -
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from multiport import project, terminal
from multiport.cli.options import add_project


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--stack", help="the stack; its outputs are asked of the Pulumi CLI")
    which.add_argument("--outputs", metavar="FILE", help="the stack's outputs as JSON; - is standard input")
    for name, variable, default, metavar, what in (
        ("--ssh-user", "SSH_USER", "", "NAME", "login name (default: as the outputs have it, else cloud images' usual ones)"),
        ("--identity", "IDENTITY", "", "FILE", "private key (default: ssh's own choice)"),
        ("--echo-url", "ECHO_URL", "", "URL", "answers with the caller's address (default: as the outputs have it)"),
        ("--outside", "OUTSIDE", "", "COMMAND", "runs another command where the outside world is (default: here)"),
        ("--sample", "SAMPLE", "60", "SECONDS", "how long each address is pinged (default: 60)"),
        ("--wait", "WAIT", "120", "SECONDS", "how long an address may take to answer at all (default: 120)"),
    ):
        parser.add_argument(
            name,
            default=os.environ.get(variable) or default,
            type=_seconds if metavar == "SECONDS" else str,
            metavar=metavar,
            help=f"{what}; {variable}",
        )
    parser.add_argument("--json", action="store_true", default=os.environ.get("FORMAT") == "json", help="write JSON; FORMAT=json")


def run(options: argparse.Namespace) -> int:
    """Verify; returns the exit status."""
    from multiport import toolchain  # noqa: PLC0415
    from multiport.verify import outputs, report  # noqa: PLC0415
    from multiport.verify.plan import PlanError, plan  # noqa: PLC0415
    from multiport.verify.runner import Options, Runner  # noqa: PLC0415
    from multiport.verify.verdict import rows  # noqa: PLC0415

    with terminal.progress("Reading the stack's outputs") as say:
        try:
            if options.outputs is not None:
                exports = json.loads(sys.stdin.read() if options.outputs == "-" else Path(options.outputs).read_text())
            else:
                of = project.find(options.project)
                exports = outputs.of_stack(of.folder, options.stack, toolchain.find(say).pulumi, os.environ)
        except (OSError, json.JSONDecodeError, outputs.OutputsError, toolchain.ToolchainError) as error:
            print(f"multiport verify: {error}", file=sys.stderr)
            return 2
        probing = Options(
            outside=tuple(shlex.split(options.outside)), identity=options.identity, seconds=options.sample, wait=options.wait
        )
        try:
            planned = plan(exports, options.ssh_user, options.echo_url)
        except PlanError as error:
            print(f"multiport verify: {error}", file=sys.stderr)
            return 2
        facts = {"started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "seconds": options.sample, "wait": options.wait}
        with tempfile.TemporaryDirectory(prefix="multiport-verify-") as folder:
            runner = Runner(planned, probing, say, Path(folder) / "known_hosts")
            found = rows(planned, *runner.run()) if planned.servers else []
    if options.json:
        print(json.dumps(report.document(found, facts), indent=2))
    else:
        print(report.table(found, facts, colours=terminal.coloured(sys.stdout)))
    return 0 if report.passed(found) else 1


def _seconds(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds") from None
