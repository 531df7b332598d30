"""Locks on a stack, in the file backend: the CLI leaves one behind when it is killed, and has no command that shows them."""

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
        pid: Process that took it.
        host: Machine on which that process ran.
        user: Who ran it.
        since: When it was taken, as the CLI wrote it.
    """

    pid: int
    host: str
    user: str
    since: str

    @property
    def held(self) -> bool:
        """Whether its process may still run: on another machine nobody here can tell."""
        if self.host != socket.gethostname():
            return True
        try:
            command = Path(f"/proc/{self.pid}/comm").read_text().strip()
        except OSError:
            return False
        return command == "pulumi"  # the kernel may have given the pid to somebody else


def locks(backend: str, project: str, stack: str) -> Iterator[Lock]:
    """The locks on a stack whose state lies in files; none are seen in other backends.

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
            continue  # taken off just now, or still being written


def lock_findings(environment: Mapping[str, str], project: str, stack: str) -> Iterator[Finding]:
    """A finding for each lock."""
    for lock in locks(environment.get("PULUMI_BACKEND_URL", ""), project, stack):
        whose = f"process {lock.pid} of {lock.user} on {lock.host}, since {lock.since}"
        if lock.held:
            yield Finding(Kind.LOCKED, "stack", stack, "", f"it is locked by {whose}", remedies.RUNNING)
        else:
            yield Finding(Kind.LOCKED, "stack", stack, "", f"it is locked by {whose}; that process is no more", remedies.LOCKED)
