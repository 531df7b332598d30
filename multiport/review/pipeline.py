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
from pathlib import Path
from typing import Final

import yaml

from multiport import toolchain
from multiport.review import crash, hosts
from multiport.review.markdown import GITHUB_MOST, markdown, marker
from multiport.review.pulumi_cli import CliError, Stack, clouds_file, empty_backend
from multiport.review.rendered import rendered
from multiport.review.report import Report, report
from multiport.review.terminal import terminal

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_DEPLOYED: Final = frozenset({"local"})
"""Stacks of the developers' own machines."""

_EVERY_STACK: Final = re.compile(r"(components|guest|multiport)/.*|__main__\.py|Pulumi\.yaml|requirements\.lock")
_ONE_STACK: Final = re.compile(r"stacks/Pulumi\.([^/]+)\.yaml")
_DIGEST: Final = re.compile(r"<!-- change ([0-9a-f]{16}) -->")
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
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2


def touched(project: Path, since: str) -> list[str]:
    """Stacks that a change touches: all of them if it touches the program, else those whose file it touches."""
    answer = subprocess.run(
        ["git", "diff", "--name-only", "-z", f"{since}...HEAD", "--"], cwd=project, text=True, capture_output=True, check=False
    )
    if answer.returncode != 0:
        raise CliError(answer.stderr)
    known = {
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in (project / "stacks").glob("Pulumi.*.yaml")
    } - NOT_DEPLOYED
    paths = [path for path in answer.stdout.split("\0") if path]
    if any(_EVERY_STACK.fullmatch(path) for path in paths):
        return sorted(known)
    return sorted(known & {match[1] for path in paths if (match := _ONE_STACK.fullmatch(path))})


def _preview(project: Path, name: str, environment: Mapping[str, str], out: Path, *, empty: bool) -> int:
    with ExitStack() as held:
        stack = _stack(project, name, environment)
        if empty or not stack.exists():
            # nothing of a change that is only proposed goes into the real backend
            stack = _stack(project, name, held.enter_context(empty_backend(environment)))
            held.enter_context(stack.in_passing())
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        host = hosts.reviewing(environment)
        try:
            preview, redaction, _ = stack.preview()
            made, topology = report(preview, redaction.values(rendered(preview)))
            body = markdown(made, topology, GITHUB_MOST if host is None else host.most)
            whole, shown = markdown(made, topology, _WHOLE), terminal(made, colours=sys.stdout.isatty())
        except CliError:
            _tell_failure(project, name, crash.NO_PREVIEW, folder, host)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, a change without a comment would look harmless
            print(f"{name}: the review failed.\n{crash.trace(error)}", file=sys.stderr)
            _tell_failure(project, name, crash.review_failed(error), folder, host)
            return 1
    (folder / "comment.md").write_text(body)
    (folder / "full.md").write_text(whole)
    (folder / "report.json").write_text(made.json())
    print(shown, end="", flush=True)
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as text:
            text.write(body)
    if host is not None:
        print(f"{name}: {hosts.stick(host, marker(made.project, made.stack), body, silent=made.silent)}")
    return 1 if made.outcome in ("failed", "refused") else 0


def _tell_failure(project: Path, name: str, why: str, folder: Path, host: hosts.Host | None) -> None:
    """Say that nothing is known of the change, where its comment would have been."""
    called = yaml.safe_load((project / "Pulumi.yaml").read_text())["name"]
    body = crash.comment(called, name, why)
    (folder / "comment.md").write_text(body)
    if host is not None:
        print(f"{name}: {hosts.stick(host, marker(called, name), body, silent=False)}")


def _update(project: Path, name: str, environment: Mapping[str, str], *, unreviewed: bool) -> int:
    stack = _stack(project, name, environment)
    if not stack.exists():
        stack.create()
    with tempfile.TemporaryDirectory(prefix="multiport-plan-") as folder:
        plan = Path(folder) / "plan.json"
        preview, redaction, _ = stack.preview(plan)
        try:
            made, _ = report(preview, redaction.values(rendered(preview)))
        except Exception as error:  # noqa: BLE001 - what cannot be read cannot have been reviewed
            print(f"{name}: the review failed, so nothing was updated.\n{crash.trace(error)}", file=sys.stderr)
            return 1
        print(terminal(made, colours=sys.stdout.isatty()), end="", flush=True)
        if made.outcome in ("failed", "refused"):
            return 1
        if not unreviewed and (fault := _not_reviewed(environment, made)):
            print(f"{name}: {fault}. Nothing was updated.", file=sys.stderr)
            return 1
        return 1 if stack.up(plan) else 0


def _not_reviewed(environment: Mapping[str, str], made: Report) -> str | None:
    """What is wrong if this is not the change that was reviewed; None if it is, or if there is nothing to change."""
    if made.outcome == "no change":
        return None
    host = hosts.reviewed(environment)
    if host is None:
        return (
            "no merged change is known for this commit, so nobody has seen what would happen; --unreviewed updates all the same"
        )
    first = marker(made.project, made.stack)
    digests = [found[1] for each in host.comments() if each.body.startswith(first) if (found := _DIGEST.search(each.body))]
    if made.digest in digests:
        return None
    return "this is not what was reviewed: something else changed meanwhile; --unreviewed updates all the same"


def _stack(project: Path, name: str, environment: Mapping[str, str]) -> Stack:
    found = toolchain.find(lambda text: print(text, file=sys.stderr), environment)
    return Stack(name, project, str(found.pulumi), environment)


if __name__ == "__main__":
    sys.exit(main())
