"""The preview and the update of a stack, as the CI workflows run them; they also run without CI."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from multiport import terminal, toolchain
from multiport.project import Project, stack_of
from multiport.review import crash, digest, hosts
from multiport.review.markdown import GITHUB_MOST, markdown, marker
from multiport.review.pulumi_cli import CliError, Stack, empty_backend
from multiport.review.rendered import rendered
from multiport.review.report import Report, report
from multiport.review.terminal import terminal as text_of
from multiport.terminal import Say

NOT_DEPLOYED: Final = frozenset({"local"})
"""Stacks of the developers' own machines."""

_NO_STACK: Final = re.compile(r"(docs|examples|tests|bench)/.*|[^/]*\.md|LICENSE", re.DOTALL)
"""Files that no stack depends on. Any other file may change every stack: the program, its imports or its lock files."""

_UNSEEN: Final = "nobody has seen what would happen; --unreviewed updates all the same"
_WHOLE: Final = 1 << 40  # bytes: no limit


def touched(project: Project, since: str) -> list[str]:
    """Return the stacks that a change touches: those whose file it changes, or all if it changes anything of the program.

    Args:
        project: The project; it may be a folder of a larger repository.
        since: The revision that the branch left.

    Raises:
        CliError: git does not know the revision, or the project is in no repository.
    """
    top = _git(project, "rev-parse", "--show-toplevel").removesuffix("\n")
    # a file that is moved away counts where it was, too
    paths = _git(project, "diff", "--name-only", "--no-renames", "-z", f"{since}...HEAD", "--").split("\0")
    changed = [Path(top, path) for path in paths if path and not _NO_STACK.fullmatch(path)]
    known = set(project.stacks()) - NOT_DEPLOYED
    files = {path for path in changed if path.parent == project.stacks_folder and path.match("Pulumi.*.yaml")}
    if any(path not in files for path in changed):
        return sorted(known)
    return sorted(known & {stack_of(path) for path in files})


def _git(project: Project, *arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=project.folder, text=True, capture_output=True, check=False)
    if answer.returncode != 0:
        raise CliError(answer.stderr)
    return answer.stdout


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """The texts of a preview, from which secrets are removed after they are rendered."""

    report: Report
    comment: str
    full: str
    json: str
    terminal: str


def _reviewed(stack: Stack, plan: Path, most: int) -> _Reviewed:
    """Preview a stack and render the report: `preview` shows it, and `update` compares it with the comment."""
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
        seen.redaction.json(made.json()),
        seen.redaction.text(text_of(made, colours=terminal.coloured(sys.stdout))),
    )


def preview(project: Project, name: str, environment: Mapping[str, str], out: Path | None, *, empty: bool) -> int:
    """Preview a stack, show the report, and keep the comment on the change up to date where there is one.

    Args:
        project: The project.
        name: The stack.
        environment: Environment for the CLI, and for finding the host of the change.
        out: Folder for the whole texts; None: none are written.
        empty: Whether to compare with nothing instead of with the stack's state.

    Returns:
        0, or 1 if the preview fails or a policy refuses it.

    Raises:
        CliError: There is nothing to show.
        ProjectError: Neither the backend nor the project knows the stack.
    """
    host = hosts.reviewing(environment)
    with ExitStack() as held:
        say = held.enter_context(terminal.progress(f"Previewing {name}"))
        stack = _stack(project, name, environment, say)
        known = empty or stack.exists()
        if not known:
            project.known_stack_file(name)  # a new stack has at least a file, else its name is a slip
        if empty or not known:
            # nothing of a change that is only proposed goes into the real backend
            stack = _stack(project, name, held.enter_context(empty_backend(environment)), say)
            held.enter_context(stack.in_passing())
        plan = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="multiport-plan-"))) / "plan.json"
        try:
            seen = _reviewed(stack, plan, GITHUB_MOST if host is None else host.most)
        except CliError:
            _tell_failure(project, name, crash.NO_PREVIEW, out, host)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, a change without a comment would look harmless
            print(f"{name}: the review failed.\n{crash.trace(error)}", file=sys.stderr)
            _tell_failure(project, name, crash.review_failed(error), out, host)
            return 1
    _write(out, name, {"comment.md": seen.comment, "full.md": seen.full, "report.json": seen.json})
    print(seen.terminal, end="", flush=True)
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as text:
            text.write(seen.comment)
    if host is not None:
        mark = marker(seen.report.project, seen.report.stack)
        print(f"{name}: {hosts.stick(host, mark, seen.comment, silent=seen.report.silent)}")
    return 1 if seen.report.outcome in ("failed", "refused") else 0


def _tell_failure(project: Project, name: str, why: str, out: Path | None, host: hosts.Host | None) -> None:
    """Replace the comment by one that says that the change could not be reviewed."""
    body = crash.comment(project.name, name, why)
    _write(out, name, {"comment.md": body})
    if host is not None:
        print(f"{name}: {hosts.stick(host, marker(project.name, name), body, silent=False)}")


def _write(out: Path | None, name: str, texts: Mapping[str, str]) -> None:
    """Write texts about a stack, if a folder is given."""
    if out is not None:
        (out / name).mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (out / name / file).write_text(text)


def update(project: Project, name: str, environment: Mapping[str, str], *, unreviewed: bool) -> int:
    """Update a stack, if the change is the one that was reviewed.

    Args:
        project: The project.
        name: The stack.
        environment: Environment for the CLI, and for finding the host of the change.
        unreviewed: Whether to update whatever the change is now.

    Returns:
        0, or 1 if the update failed, was refused, or is not what was reviewed.

    Raises:
        CliError: There is nothing to update.
        ProjectError: Neither the backend nor the project knows the stack.
    """
    host = None if unreviewed else hosts.reviewed(environment)
    with tempfile.TemporaryDirectory(prefix="multiport-plan-") as folder:
        plan = Path(folder) / "plan.json"
        with terminal.progress(f"Previewing {name}") as say:
            stack = _stack(project, name, environment, say)
            if not stack.exists():
                project.known_stack_file(name)
                stack.create()
            try:
                seen = _reviewed(stack, plan, GITHUB_MOST if host is None else host.most)
            except CliError:
                raise
            except Exception as error:  # noqa: BLE001 - what cannot be read cannot have been reviewed
                print(f"{name}: the review failed, so nothing was updated.\n{crash.trace(error)}", file=sys.stderr)
                return 1
        print(seen.terminal, end="", flush=True)
        if seen.report.outcome in ("failed", "refused"):
            return 1
        if not unreviewed and (fault := _not_reviewed(host, seen)):
            print(f"{name}: {fault}. Nothing was updated.", file=sys.stderr)
            return 1
        return 1 if stack.up(plan) else 0


def _not_reviewed(host: hosts.Host | None, seen: _Reviewed) -> str | None:
    """Return why this is not the reviewed change; None if it is, or if nothing changes."""
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


def _stack(project: Project, name: str, environment: Mapping[str, str], say: Say) -> Stack:
    found = toolchain.find(say, environment)
    return Stack(name, project, str(found.pulumi), environment)
