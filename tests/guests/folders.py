"""Folders that last as long as one guest."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.guests.images import CACHE


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder on the file system of the checkout, as /tmp may be too small, or one that overlayfs cannot lie over."""
    runs = CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for former in runs.iterdir():
        if not Path("/proc", former.name.split("-")[0]).exists():
            shutil.rmtree(former)  # of a run that was killed
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=runs))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
