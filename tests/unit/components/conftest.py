import asyncio
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # the provider's SDK warns of its own old names when it is first imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_openstack  # noqa: F401


@pytest.fixture
def event_loop() -> Iterator[None]:
    """Outputs are made of futures, and futures need a loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
