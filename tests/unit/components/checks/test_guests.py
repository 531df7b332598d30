"""What a server's guest may be told."""

from typing import Any

import pytest

from multiport.guest.cloud_config import BYTES_MAX
from tests.unit.components.configurations import faults, one_port


@pytest.mark.parametrize(
    "raw",
    [
        one_port(metadata={f"k{n}": "v" * 255 for n in range(126)}),
        one_port(guest_generation=0),
        one_port(guest_update="keep", guest_generation=1),
        one_port(return_path="none", cloud_config="#cloud-config\n#" + "x" * (BYTES_MAX - 15)),
    ],
    ids=str,
)
def test_the_edge_of_what_is_right_passes(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


def test_user_data_that_only_our_part_makes_too_big() -> None:
    text = "#cloud-config\nfinal_message: " + "x" * (BYTES_MAX - 100)
    assert faults(one_port(return_path="none", cloud_config=text)) == []
    [fault] = faults(one_port(cloud_config=text))
    assert fault.startswith("servers.web.cloud_config: ")
