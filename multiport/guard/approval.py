"""Decides whether a change may be carried out: asks at a terminal, and otherwise reads environment variables or refuses."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from multiport.guard.losses import lost, protected, word
from multiport.review.report import Report
from multiport.review.wording import visible

YES: Final = "YES"
"""Environment variable: `1` means yes to the question if there is no terminal."""
APPROVE: Final = "APPROVE"
"""Environment variable: the word of the reviewed change, needed if something is lost and there is no terminal."""


@dataclass(frozen=True)
class Asking:
    """How questions are answered.

    Attributes:
        terminal: Asks a person and returns the answer; None without a terminal.
        environment: The environment variables with YES and APPROVE, for use without a terminal.
    """

    terminal: Callable[[str], str] | None
    environment: Mapping[str, str]


def asking(environment: Mapping[str, str] = os.environ) -> Asking:
    """Return how to ask: a person can answer only if both the input and the output are a terminal."""
    return Asking(_ask if sys.stdin.isatty() and sys.stdout.isatty() else None, environment)


def refusal(verb: str, report: Report, how: Asking) -> str | None:
    """Ask for consent to an update or a destruction that has just been shown.

    Args:
        verb: `up` or `down`.
        report: The change.
        how: How questions are answered.

    Returns:
        None if the change is approved, else why not.
    """
    if kept := protected(report):
        return (
            f"{visible(', '.join(kept))} must not be deleted or replaced: the stack file says `protect: true`. To allow it, "
            f"remove `protect` from the stack file, run `make up`, and then repeat this command"
        )
    if report.outcome in ("failed", "refused"):
        return f"the preview's verdict is: {report.verdict}"
    if verb == "up" and report.outcome == "no change":
        return None
    losses = lost(report)
    if how.terminal is not None:
        return _asked(verb, report, losses, how.terminal)
    if how.environment.get(YES) != "1":
        return f"there is no terminal to ask at. To approve this, set {YES}=1{_and_word(verb, report, losses)}"
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
