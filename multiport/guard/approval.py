"""Whether a change may be carried out: asked at a terminal, told by the environment elsewhere, refused otherwise."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from multiport.guard.losses import lost, protected, word
from multiport.review.report import Report
from multiport.review.wording import visible

YES: Final = "YES"
"""Environment variable: `1` stands for the answer to the question, where there is no terminal."""
APPROVE: Final = "APPROVE"
"""Environment variable: the word of the change that was reviewed, where something is lost and there is no terminal."""


@dataclass(frozen=True)
class Asking:
    """How questions are answered.

    Attributes:
        terminal: Asks a person and returns the answer; None where there is no person.
        environment: YES and APPROVE, for where there is none.
    """

    terminal: Callable[[str], str] | None
    environment: Mapping[str, str]


def asking(environment: Mapping[str, str] = os.environ) -> Asking:
    """A person is there if both input and output are a terminal: a question that nobody reads is none."""
    return Asking(_ask if sys.stdin.isatty() and sys.stdout.isatty() else None, environment)


def refusal(verb: str, report: Report, how: Asking) -> str | None:
    """Ask for an update or a destruction that has just been shown.

    Args:
        verb: `up` or `down`.
        report: The change.
        how: How questions are answered.

    Returns:
        None if the change is approved, else why not.
    """
    if kept := protected(report):
        return (
            f"{visible(', '.join(kept))} must not go: the stack file says `protect: true`. To let it go, take that out of "
            f"the stack file, run `make up`, and then do this again"
        )
    if report.outcome in ("failed", "refused"):
        return f"the preview says {report.verdict}"
    if verb == "up" and report.outcome == "no change":
        return None
    losses = lost(report)
    if how.terminal is not None:
        return _asked(verb, report, losses, how.terminal)
    if how.environment.get(YES) != "1":
        return f"there is no terminal to ask at. {YES}=1 says yes to this{_and_word(verb, report, losses)}"
    if (losses or verb == "down") and how.environment.get(APPROVE) != word(report):
        said = how.environment.get(APPROVE)
        other = f"{APPROVE}={visible(said)} names another change. " if said else ""
        return f"{other}{_told(losses)}{APPROVE}={word(report)} approves exactly this change"
    return None


def _asked(verb: str, report: Report, losses: Sequence[str], ask: Callable[[str], str]) -> str | None:
    if verb == "down":
        answer = ask(f"Everything of stack {report.stack} will be deleted. Type the stack's name to go on: ")
        return None if answer.strip() == report.stack else "that is not the stack's name"
    text = f"{_told(losses)}Carry this out on stack {report.stack}? Type yes to go on: "
    return None if ask(text).strip() == "yes" else "you did not say yes"


def _and_word(verb: str, report: Report, losses: Sequence[str]) -> str:
    return f" together with {APPROVE}={word(report)}" if losses or verb == "down" else ""


def _told(losses: Sequence[str]) -> str:
    return f"This would {visible('; '.join(losses))}. " if losses else ""


def _ask(text: str) -> str:
    try:
        return input(text)
    except EOFError:
        return ""
