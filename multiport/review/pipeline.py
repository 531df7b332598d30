"""What the workflows call, and nothing of it needs their runners: `python -m multiport.review.pipeline stacks|preview|update`."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from multiport import toolchain
from multiport.review import digest, hosts
from multiport.review.markdown import GITHUB_MOST, markdown, marker
from multiport.review.pulumi_cli import CliError, Stack, clouds_file, empty_backend
from multiport.review.rendered import rendered
from multiport.review.report import Report, report
from multiport.review.terminal import terminal
from multiport.review.wording import log_safe, visible

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_DEPLOYED: Final = frozenset({"local"})
"""Stacks of the developers' own machines."""

_NO_STACK: Final = re.compile(r"(docs|tests|bench)/.*|[^/]*\.md|LICENSE")
"""What no stack is made of. Everything else is, or could be: whatever Python or the CLI finds in the project's folder."""

_ONE_STACK: Final = re.compile(r"stacks/Pulumi\.([^/]+)\.yaml", re.DOTALL)
_UNSEEN: Final = "nobody has seen what would happen; --unreviewed updates all the same"
_WHOLE: Final = 1 << 40  # bytes: no limit


def main() -> int:
    """Carry out one command; 0 if all went well, 1 if a preview or update failed or was refused, 2 if it could not start."""
    parser = argparse.ArgumentParser(prog="python -m multiport.review.pipeline", description=__doc__)
    parser.add_argument("--project", type=Path, default=ROOT, help="the project's folder (default: this checkout)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("stacks", "print the stacks that a change touches, as JSON"),
        ("preview", "preview stacks; write and post their comments"),
        ("update", "update stacks, if that is what was reviewed"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        which = command.add_mutually_exclusive_group(required=True)
        which.add_argument("--since", metavar="REVISION", help="stacks touched since the branch left this revision")
        if name != "stacks":
            which.add_argument("--stack", action="append", help="this stack; may be given several times")
        if name == "preview":
            command.add_argument("--out", type=Path, required=True, help="folder for the full texts")
            command.add_argument("--empty", action="store_true", help="compare with nothing instead of with the stack's state")
        if name == "update":
            command.add_argument("--unreviewed", action="store_true", help="whatever the change is now")
    arguments = parser.parse_args()
    project: Path = arguments.project.resolve()
    try:
        stacks = getattr(arguments, "stack", None) or touched(project, arguments.since)
        if arguments.command == "stacks":
            print(json.dumps(stacks))
            return 0
        with clouds_file(os.environ) as environment:
            if arguments.command == "preview":
                return max(
                    [_preview(project, name, environment, arguments.out, empty=arguments.empty) for name in stacks], default=0
                )
            return max([_update(project, name, environment, unreviewed=arguments.unreviewed) for name in stacks], default=0)
    except (CliError, hosts.HostError, toolchain.ToolchainError) as error:
        print(f"{parser.prog}: {log_safe(visible(str(error), keep=chr(10)))}", file=sys.stderr)
        return 2


def touched(project: Path, since: str) -> list[str]:
    """Stacks that a change touches: all of them, unless it touches only stacks' files and what no stack is made of."""
    answer = subprocess.run(
        # without renames, a file that moves is told of at both of its places
        ["git", "diff", "--name-only", "--no-renames", "-z", f"{since}...HEAD", "--"],
        cwd=project,
        text=True,
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        raise CliError(answer.stderr)
    known = {
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in (project / "stacks").glob("Pulumi.*.yaml")
    } - NOT_DEPLOYED
    paths = [path for path in answer.stdout.split("\0") if path]
    if any(not _NO_STACK.fullmatch(path) and not _ONE_STACK.fullmatch(path) for path in paths):
        return sorted(known)
    return sorted(known & {match[1] for path in paths if (match := _ONE_STACK.fullmatch(path))})


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A preview as it is shown, secrets taken out of each text once it is finished."""

    report: Report
    comment: str
    full: str
    json: str
    terminal: str


def _reviewed(stack: Stack, plan: Path, most: int) -> _Reviewed:
    """Preview a stack and render what it means: `preview` shows it, and `update` compares it with what was shown."""
    seen = stack.preview(plan)
    texts = rendered(seen.preview, seen.config)
    key = digest.key_of(stack.environment)
    unreviewable = tuple(digest.unreviewable(seen.preview, seen.plan, texts, key))
    preview = replace(seen.preview, findings=(*seen.preview.findings, *unreviewable))
    deployed = digest.deployed(seen.plan, seen.state, texts, (preview.project, preview.stack), key)
    made, topology = report(preview, seen.redaction.values(rendered(preview)), deployed)
    return _Reviewed(
        made,
        markdown(made, topology, most, seen.redaction),
        markdown(made, topology, _WHOLE, seen.redaction),
        json.dumps(seen.redaction.values(json.loads(made.json())), indent=1, sort_keys=True) + "\n",
        seen.redaction.text(terminal(made, colours=sys.stdout.isatty())),
    )


def _preview(project: Path, name: str, environment: Mapping[str, str], out: Path, *, empty: bool) -> int:
    host = hosts.reviewing(environment)
    with ExitStack() as held:
        stack = _stack(project, name, environment)
        if empty or not stack.exists():
            # nothing of a change that is only proposed goes into the real backend
            stack = _stack(project, name, held.enter_context(empty_backend(environment)))
            held.enter_context(stack.in_passing())
        plan = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="multiport-plan-"))) / "plan.json"
        seen = _reviewed(stack, plan, GITHUB_MOST if host is None else host.most)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comment.md").write_text(seen.comment)
    (folder / "full.md").write_text(seen.full)
    (folder / "report.json").write_text(seen.json)
    print(seen.terminal, end="", flush=True)
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as text:
            text.write(seen.comment)
    if host is not None:
        mark = marker(seen.report.project, seen.report.stack)
        print(f"{name}: {hosts.stick(host, mark, seen.comment, silent=seen.report.silent)}")
    return 1 if seen.report.outcome in ("failed", "refused") else 0


def _update(project: Path, name: str, environment: Mapping[str, str], *, unreviewed: bool) -> int:
    stack = _stack(project, name, environment)
    if not stack.exists():
        stack.create()
    host = hosts.reviewed(environment)
    with tempfile.TemporaryDirectory(prefix="multiport-plan-") as folder:
        plan = Path(folder) / "plan.json"
        seen = _reviewed(stack, plan, GITHUB_MOST if host is None else host.most)
        print(seen.terminal, end="", flush=True)
        if seen.report.outcome in ("failed", "refused"):
            return 1
        if not unreviewed and (fault := _not_reviewed(host, seen)):
            print(f"{name}: {fault}. Nothing was updated.", file=sys.stderr)
            return 1
        return 1 if stack.up(plan) else 0


def _not_reviewed(host: hosts.Host | None, seen: _Reviewed) -> str | None:
    """What is wrong if this is not the change that was reviewed; None if it is, or if there is nothing to change."""
    if seen.report.outcome == "no change":
        return None
    if host is None:
        return f"no change that was merged into the default branch is known for this commit, so {_UNSEEN}"
    comments = hosts.of_stack(host, marker(seen.report.project, seen.report.stack))
    if not comments:
        return f"the merged change has no comment on this stack, so {_UNSEEN}"
    if len(comments) > 1:
        return f"the merged change has {len(comments)} comments on this stack, where the review makes one: delete the others"
    # the whole text, not its digest alone: what the reader saw is what was approved
    if hosts.plain(comments[0].body) == hosts.plain(seen.comment):
        return None
    return (
        "this is not what was reviewed: something else changed meanwhile, or the comment was edited; "
        "look at what is said above, then --unreviewed updates all the same"
    )


def _stack(project: Path, name: str, environment: Mapping[str, str]) -> Stack:
    found = toolchain.find(lambda text: print(text, file=sys.stderr), environment)
    return Stack(name, project, str(found.pulumi), environment)


if __name__ == "__main__":
    sys.exit(main())
