"""One recovery from beginning to end: look, mend, look again."""

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
"""What one round mends may show what was hidden behind it: an orphan whose router was in a pending entry, for example."""


class Busy(Exception):  # noqa: N818 - it is no fault, it is somebody at work
    """Somebody is working on the stack; the message says who."""


@dataclass(frozen=True)
class Recovered:
    """What a recovery came to.

    Attributes:
        planned: What the first look found to do.
        left: What failed or was not approved, a line each.
        audited: The audit at the end.
    """

    planned: tuple[Action, ...]
    left: tuple[str, ...]
    audited: Audited


def recover(
    stack: PulumiStack, approve: Approve | None, say: Callable[[str], None], connection: Connection | None = None
) -> Recovered:
    """Mend what an audit finds.

    Args:
        stack: The stack.
        approve: Asked before each action; None for a dry run.
        say: Told what is done.
        connection: The cloud. Default: the one that the state or the process's environment names.

    Raises:
        Busy: The stack is locked by a process that may still run.
    """
    state = stack.state()
    locked = list(lock_findings(stack.environment, state.project, state.stack))
    for each in locked:
        if each.remedy == remedies.RUNNING:
            raise Busy(f"{each.problem}: wait for it, or take the lock off with `pulumi cancel` if you know better")
    cloud = connection or connect(state)
    if locked or state.pending:
        say("waiting until nothing moves any more")
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
        refused = {each.removeprefix("not done: ") for each in left if each.startswith("not done: ")}
        wanted = [each for each in actions(made) if each.text not in refused]
        if not wanted:
            break
    else:
        left += [f"still to do: {each.text}" for each in wanted]
    return Recovered(tuple(planned), tuple(left), made)


def _audit(stack: PulumiStack, cloud: Connection) -> Audited:
    return audit(stack.state(), stack.environment, _silent, cloud)


def _silent(_text: str) -> None:
    """Progress of the audits in between interests nobody."""
