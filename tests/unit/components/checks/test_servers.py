"""What a server may be."""

from typing import Any

import pytest

from tests.unit.components.configurations import faults, one_port


@pytest.mark.parametrize(
    "raw",
    [
        one_port(config_drive=False),
        one_port(boot_volume={"size": 1}),
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []
