"""What identifies a port: its original key, its slot, its place at boot."""

import pytest

from multiport.components.identity import boot_order, original_key, slot_of
from multiport.components.topology import PortOptions
from multiport.guest.slots import derived_slot


@pytest.mark.parametrize(
    ("port", "key", "slot"),
    [
        ({}, "b", derived_slot("b")),
        ({"formerly": []}, "b", derived_slot("b")),
        ({"formerly": ["a"]}, "a", derived_slot("a")),
        ({"formerly": ["a", "z"]}, "a", derived_slot("a")),
        ({"slot": 7}, "b", 7),
        ({"slot": 7, "formerly": ["a"]}, "a", 7),
    ],
    ids=repr,
)
def test_a_port_is_what_it_was_created_as(port: PortOptions, key: str, slot: int) -> None:
    assert original_key("b", port) == key
    assert slot_of("b", port) == slot


@pytest.mark.parametrize(
    ("primary", "order"),
    [(None, ["c", "b"]), ("b", ["b", "c"]), ("c", ["c", "b"])],
)
def test_boot_ports_come_by_their_original_keys_after_the_primary(primary: str | None, order: list[str]) -> None:
    ports: dict[str, PortOptions] = {"b": {}, "h": {"hot": True}, "c": {"formerly": ["a"]}}
    assert boot_order(ports, primary) == order
    assert boot_order(dict(reversed(ports.items())), primary) == order
