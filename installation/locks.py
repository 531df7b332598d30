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
    """Hold a lock that the kernel releases with the process.

    Args:
        path: the lock file; it is not removed.
        why: reason of the wait, reported once if there is a wait.
        say: is called with that line.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {why}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
