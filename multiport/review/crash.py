"""What a reviewer is told when the review itself fails: never silence, for silence looks like a change that does nothing."""

import traceback
from pathlib import Path
from typing import Final

from multiport.review.markdown import marker
from multiport.review.wording import code

PACKAGE: Final = Path(__file__).resolve().parents[1]


NO_PREVIEW: Final = "The Pulumi CLI gave no preview; the job's log has its words."


def comment(project: str, stack: str, why: str) -> str:
    """The comment on a change of which nothing can be said. It bears no digest, so that it approves nothing."""
    unknown = f"**{code(stack)}: nothing is known of what this change does. Do not merge it because of this comment.**"
    return f"{marker(project, stack)}\n{unknown}\n\n{why}\n"


def review_failed(error: BaseException) -> str:
    """Where the review failed and how; the error's text is left out, for it may quote any value of the stack, secret ones too."""
    kind, where = code(type(error).__name__), code(place(error))
    return f"multiport's review failed with {kind} at {where}, which is a fault of its own; the job's log has the trace."


def place(error: BaseException) -> str:
    """File and line of ours where the error arose, for example `review/topology.py:316`."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if Path(each.filename).resolve().is_relative_to(PACKAGE)]
    last = ours[-1] if ours else frames[-1] if frames else None
    if last is None:
        return "an unknown place"
    file = Path(last.filename).resolve()
    return f"{file.relative_to(PACKAGE) if file.is_relative_to(PACKAGE) else file.name}:{last.lineno}"


def trace(error: BaseException) -> str:
    """The trace without the error's text, for a log that others read."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__, "\n"])
