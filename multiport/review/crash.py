"""The comment for a review that has itself failed: without a comment, reviewers might think that the change does nothing."""

import traceback
from pathlib import Path
from typing import Final

from multiport.review.markdown import marker
from multiport.review.wording import code

PACKAGE: Final = Path(__file__).resolve().parents[1]


NO_PREVIEW: Final = "The Pulumi CLI gave no preview; the job's log has its words."


def comment(project: str, stack: str, why: str) -> str:
    """Return the comment for a change that could not be reviewed. It contains no digest, so that it cannot approve an update."""
    unknown = f"**{code(stack)}: nothing is known of what this change does. Do not merge it because of this comment.**"
    return f"{marker(project, stack)}\n{unknown}\n\n{why}\n"


def review_failed(error: BaseException) -> str:
    """Return the place and the kind of the failure, without the error's text, which may quote secret values of the stack."""
    kind, where = code(type(error).__name__), code(place(error))
    return f"multiport's review failed with {kind} at {where}, which is a fault of its own; the job's log has the trace."


def place(error: BaseException) -> str:
    """Return the file and line of this package where the error was raised, for example `review/topology.py:316`."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if Path(each.filename).resolve().is_relative_to(PACKAGE)]
    last = ours[-1] if ours else frames[-1] if frames else None
    if last is None:
        return "an unknown place"
    file = Path(last.filename).resolve()
    return f"{file.relative_to(PACKAGE) if file.is_relative_to(PACKAGE) else file.name}:{last.lineno}"


def trace(error: BaseException) -> str:
    """Return the traceback without the error's text, for a log that others can read."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__, "\n"])
