"""Review a change before it is deployed: what is replaced, deleted or refused, and why.

The first word says what to do; without it, a stack is previewed:
  preview   preview stacks with the policies and show the report; in a pull request, keep its comment up to date
  update    update stacks, if the change is the one that was reviewed
  stacks    print the stacks that a change touches, as JSON
  show      show the report of a preview that the Pulumi CLI has written

Exit status: 0 if all went well, 1 if a preview or an update failed or was refused, 2 if it could not start.

Example:
  multiport review --stack dev
  multiport review preview --since origin/main --out review-out
  multiport review update --stack prod
  multiport review show --events events.log --preview preview.json --format markdown
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from multiport import project, terminal
from multiport.cli.options import add_project

ACTIONS: Final = {
    "preview": "preview stacks with the policies and show the report; in a pull request, keep its comment up to date",
    "update": "update stacks, if the change is the one that was reviewed",
    "stacks": "print the stacks that a change touches, as JSON",
    "show": "show the report of a preview that the Pulumi CLI has written",
}

SHOW: Final = """\
Show the report of a preview that the Pulumi CLI has written. The preview is one run of it:
  PULUMI_DEBUG_COMMANDS=true pulumi preview --json --event-log EVENTS --policy-pack POLICY >PREVIEW
`multiport policy --write POLICY` makes the policy pack. EVENTS holds the stack's secrets: write it to a folder that
only you can read, and delete it afterwards.
"""


def with_action(words: Sequence[str]) -> Sequence[str]:
    """The command's words, with `preview` as the action of a review that names none."""
    if words[:1] == ["review"] and words[1:2] not in ([], ["-h"], ["--help"], *([action] for action in ACTIONS)):
        return ["review", "preview", *words[1:]]
    return words


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, what in ACTIONS.items():
        description = SHOW if name == "show" else f"{what[0].upper()}{what[1:]}."
        action = actions.add_parser(name, help=what, description=description, formatter_class=parser.formatter_class)
        if name == "show":
            _add_show(action)
            continue
        add_project(action)
        which = action.add_mutually_exclusive_group(required=True)
        which.add_argument("--since", metavar="REVISION", help="the stacks touched since the branch left this git revision")
        if name != "stacks":
            which.add_argument("--stack", action="append", help="this stack; may be repeated")
        if name == "preview":
            action.add_argument("--out", type=Path, metavar="FOLDER", help="write the comment, the full text and the data there")
            action.add_argument("--empty", action="store_true", help="compare with nothing instead of with the stack's state")
        if name == "update":
            action.add_argument("--unreviewed", action="store_true", help="update whatever the change is now")


def _add_show(parser: argparse.ArgumentParser) -> None:
    from multiport.review.markdown import GITHUB_MOST  # noqa: PLC0415

    parser.add_argument("--events", type=Path, required=True, help="the file that --event-log wrote")
    parser.add_argument("--preview", type=Path, required=True, help="the file with what --json printed")
    parser.add_argument(
        "--rendered", type=Path, help="user data by server, as JSON (default: rendered by this package where it is not known)"
    )
    parser.add_argument(
        "--config", help="what `pulumi config --json --show-secrets` prints, - for standard input: its secrets are left out"
    )
    parser.add_argument("--format", choices=["markdown", "json", "terminal"], default="terminal", help="default: terminal")
    parser.add_argument(
        "--most", type=int, default=GITHUB_MOST, metavar="BYTES", help="bytes of Markdown at most (default: what GitHub takes)"
    )


def run(options: argparse.Namespace) -> int:
    """Carry the action out; returns the exit status."""
    if options.action == "show":
        return _show(options)
    from multiport import toolchain  # noqa: PLC0415 - slow to import
    from multiport.review import hosts, pipeline  # noqa: PLC0415
    from multiport.review.pulumi_cli import CliError, clouds_file  # noqa: PLC0415
    from multiport.review.wording import log_safe, visible  # noqa: PLC0415

    of = project.find(options.project)
    try:
        stacks = getattr(options, "stack", None) or pipeline.touched(of, options.since)
        if options.action == "stacks":
            print(json.dumps(stacks))
            return 0
        with clouds_file(os.environ) as environment:
            if options.action == "preview":
                outcomes = [pipeline.preview(of, each, environment, options.out, empty=options.empty) for each in stacks]
            else:
                outcomes = [pipeline.update(of, each, environment, unreviewed=options.unreviewed) for each in stacks]
        return max(outcomes, default=0)
    except (CliError, hosts.HostError, toolchain.ToolchainError) as error:
        print(f"multiport review: {log_safe(visible(str(error), keep=chr(10)))}", file=sys.stderr)
        return 2


def _show(options: argparse.Namespace) -> int:
    """Show the report of one preview; 0 if there is one, 2 if the files hold none."""
    from multiport.review.markdown import markdown  # noqa: PLC0415
    from multiport.review.preview import PreviewError, read  # noqa: PLC0415
    from multiport.review.redaction import Redaction  # noqa: PLC0415
    from multiport.review.rendered import rendered  # noqa: PLC0415
    from multiport.review.report import report  # noqa: PLC0415
    from multiport.review.terminal import terminal as text_of  # noqa: PLC0415

    try:
        events = options.events.read_text()
        redaction = Redaction(_secrets(events, options.config))
        preview = read(events, options.preview.read_text(), redaction)
        texts = rendered(preview) if options.rendered is None else redaction.values(json.loads(options.rendered.read_text()))
    except (OSError, json.JSONDecodeError, PreviewError) as error:
        print(f"multiport review: {error}", file=sys.stderr)
        return 2
    made, topology = report(preview, texts)
    if options.format == "markdown":
        print(markdown(made, topology, options.most, redaction), end="")
    elif options.format == "json":
        print(redaction.json(made.json()), end="")
    else:
        print(redaction.text(text_of(made, colours=terminal.coloured(sys.stdout))), end="")
    return 0


def _secrets(events: str, config: str | None) -> frozenset[str]:
    from multiport.review.redaction import prelude_config, secrets_of  # noqa: PLC0415

    if config is None:
        return frozenset()
    shown = json.loads(sys.stdin.read() if config == "-" else Path(config).read_text())
    return secrets_of(prelude_config(events), shown)
