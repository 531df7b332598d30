from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest.metadata import PORT_KEY
from multiport.guest.plan import SLOT_MAX
from multiport.guest.slots import derived_slot


def test_derived_slots_never_change() -> None:
    # A change of these figures would move the tables of every server there is.
    assert {key: derived_slot(key) for key in ("a", "b", "web", "eth1", "x" * 32)} == {
        "a": 366,
        "b": 343,
        "web": 63,
        "eth1": 4,
        "x" * 32: 35,
    }


@settings(deadline=None, max_examples=40)
@given(st.from_regex(PORT_KEY, fullmatch=True))
def test_a_derived_slot_is_a_slot(key: str) -> None:
    assert 1 <= derived_slot(key) <= SLOT_MAX
