"""A lock file, so that only one command at a time works on the same files."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def exclusive(path: Path, why: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock, which the kernel releases when the process ends.

    Args:
        path: The lock file; it is not removed.
        why: The reason for waiting, reported once if there is a wait.
        say: Receives that line.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {why}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
