"""Runs one recovery: audits the stack, repairs what it finds, and audits again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from openstack.connection import Connection

from multiport.audit import remedies
from multiport.audit.audit import Audited, audit
from multiport.audit.cloud import connect, look
from multiport.audit.locks import lock_findings
from multiport.recover.actions import Action, actions
from multiport.recover.carry_out import Approve, carry_out
from multiport.recover.pulumi_stack import PulumiStack
from multiport.recover.quiet import quiet

_ROUNDS: Final = 3
"""Rounds of repairs: one round may reveal more, for example an orphaned object whose router was in a pending operation."""


class Busy(Exception):  # noqa: N818 - not an error: somebody else is working on the stack
    """Another process is working on the stack; the message says which."""


@dataclass(frozen=True)
class Recovered:
    """The result of a recovery.

    Attributes:
        planned: The actions that the first audit called for.
        left: A line for each action that failed or was not approved.
        audited: The final audit.
    """

    planned: tuple[Action, ...]
    left: tuple[str, ...]
    audited: Audited


def recover(
    stack: PulumiStack, approve: Approve | None, say: Callable[[str], None], connection: Connection | None = None
) -> Recovered:
    """Repair what an audit finds.

    Args:
        stack: The stack.
        approve: Called before each action, which is carried out if it returns true; None for a dry run.
        say: Receives lines of progress.
        connection: The cloud. Default: the one that the state or the environment of this process names.

    Raises:
        Busy: The stack is locked by a process that may still run.
    """
    state = stack.state()
    locked = list(lock_findings(stack.environment, state.project, state.stack))
    for finding in locked:
        if finding.remedy == remedies.RUNNING:
            raise Busy(
                f"{finding.problem}: wait for it, or remove the lock with `pulumi cancel` if you are sure that it has ended"
            )
    cloud = connection or connect(state)
    if locked or state.pending:
        say("waiting until the cloud stops changing")
        quiet(lambda: look(cloud, stack.state(), _silent))
    made = _audit(stack, cloud)
    planned = actions(made)
    if approve is None:
        return Recovered(tuple(planned), (), made)
    left: list[str] = []
    wanted: Sequence[Action] = planned
    for _ in range(_ROUNDS):
        left = carry_out(wanted, stack, cloud, approve, say)
        made = _audit(stack, cloud)
        refused = {line.removeprefix("not done: ") for line in left if line.startswith("not done: ")}
        wanted = [action for action in actions(made) if action.text not in refused]
        if not wanted:
            break
    else:
        left += [f"still to do: {action.text}" for action in wanted]
    return Recovered(tuple(planned), tuple(left), made)


def _audit(stack: PulumiStack, cloud: Connection) -> Audited:
    return audit(stack.state(), stack.environment, _silent, cloud)


def _silent(_text: str) -> None:
    """Drop the progress of the audits within a recovery."""
