"""Records whether the data of a service were created completely, so that an interrupted first start begins again."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.settings import Settings


@contextmanager
def first_start(settings: Settings, service: str) -> Iterator[bool]:
    """Yield whether the data must be created. The end of the block records that they are complete."""
    data = settings.data(service)
    made = data / "made"
    first = not made.exists()
    if first:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
    yield first
    made.touch()
