"""Reads the locks of a stack in the file backend: a killed CLI leaves one behind, and the CLI has no command that shows them."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from multiport.audit import remedies
from multiport.audit.finding import Finding, Kind

_FOLDER: Final = ".pulumi/locks"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock.

    Attributes:
        pid: The process that took it.
        host: The machine on which that process ran.
        user: The user who ran it.
        since: The time at which it was taken, as the CLI wrote it.
    """

    pid: int
    host: str
    user: str
    since: str

    @property
    def held(self) -> bool:
        """Whether its process may still run; if it ran on another machine, this cannot be seen here, so that it may."""
        if self.host != socket.gethostname():
            return True
        try:
            command = Path(f"/proc/{self.pid}/comm").read_text().strip()
        except OSError:
            return False
        return command == "pulumi"  # the kernel may have given the pid to another program


def locks(backend: str, project: str, stack: str) -> Iterator[Lock]:
    """Yield the locks of a stack whose state is in files; those of other backends cannot be seen.

    Args:
        backend: PULUMI_BACKEND_URL.
        project: The project's name.
        stack: The stack's name.
    """
    url = urlsplit(backend)
    if url.scheme != "file":
        return
    root = Path(os.path.expanduser(unquote(url.netloc + url.path))) / _FOLDER  # noqa: PTH111 - file://~ is Pulumi's own form
    for file in sorted(root.glob(f"organization/{project}/{stack}/*.json")):
        try:
            content = json.loads(file.read_text())
            yield Lock(int(content["pid"]), content["hostname"], content["username"], content["timestamp"])
        except (OSError, json.JSONDecodeError, KeyError, ValueError, TypeError):
            continue  # just removed, or still being written


def lock_findings(environment: Mapping[str, str], project: str, stack: str) -> Iterator[Finding]:
    """Yield a finding for each lock."""
    for lock in locks(environment.get("PULUMI_BACKEND_URL", ""), project, stack):
        whose = f"process {lock.pid} of {lock.user} on {lock.host}, since {lock.since}"
        if lock.held:
            yield Finding(Kind.LOCKED, "stack", stack, "", f"it is locked by {whose}", remedies.RUNNING)
        else:
            yield Finding(Kind.LOCKED, "stack", stack, "", f"it is locked by {whose}; that process has ended", remedies.LOCKED)
