"""Runs one audit: reads the locks and the cloud, and compares the cloud with the state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openstack.connection import Connection

from multiport.audit.cloud import Cloud, connect, look
from multiport.audit.compare import compare
from multiport.audit.finding import Finding, ordered
from multiport.audit.locks import lock_findings
from multiport.audit.state import State


@dataclass(frozen=True)
class Audited:
    """The result of an audit.

    Attributes:
        state: The stack's state.
        cloud: The objects in the cloud.
        findings: Everything that is not as declared, the worst first.
    """

    state: State
    cloud: Cloud
    findings: tuple[Finding, ...]


def audit(
    state: State, environment: Mapping[str, str], say: Callable[[str], None], connection: Connection | None = None
) -> Audited:
    """Compare a state with the cloud.

    Args:
        state: The stack's state.
        environment: Environment variables; they name the backend, whose locks are read.
        say: Receives lines of progress.
        connection: The cloud. Default: the one that the state or the environment of this process names.

    Raises:
        openstack.exceptions.SDKException: The cloud cannot be read.
    """
    cloud = look(connection or connect(state), state, say)
    found = [*lock_findings(environment, state.project, state.stack), *compare(state, cloud)]
    return Audited(state, cloud, tuple(ordered(found)))
