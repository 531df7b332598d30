from contextlib import nullcontext

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from multiport.guest.errors import GuestError
from multiport.guest.plan import SLOT_MAX
from multiport.guest.slots import assign_slots, derived_slot

KEYS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
PINNED = st.dictionaries(KEYS, st.none() | st.integers(1, SLOT_MAX), max_size=20)


def assigned(pinned: dict[str, int | None]) -> dict[str, int]:
    try:
        return assign_slots(pinned)
    except GuestError:
        assume(False)
        raise


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
@given(PINNED)
def test_slots_are_unique_and_pins_are_kept(pinned: dict[str, int | None]) -> None:
    slots = assigned(pinned)
    assert list(slots) == list(pinned)
    assert len(set(slots.values())) == len(pinned)
    assert all(1 <= slot <= SLOT_MAX for slot in slots.values())
    assert all(slots[key] == slot for key, slot in pinned.items() if slot is not None)


@settings(deadline=None, max_examples=40)
@given(PINNED, st.data())
def test_siblings_do_not_matter(pinned: dict[str, int | None], data: st.DataObject) -> None:
    slots = assigned(pinned)
    some = data.draw(st.lists(st.sampled_from(sorted(pinned)), unique=True)) if pinned else []
    assert assign_slots({key: pinned[key] for key in some}) == {key: slots[key] for key in some}


@settings(deadline=None, max_examples=40)
@given(PINNED)
def test_refused_exactly_where_two_share_a_slot(pinned: dict[str, int | None]) -> None:
    wanted = [derived_slot(key) if slot is None else slot for key, slot in pinned.items()]
    shared = len(set(wanted)) < len(wanted)
    with pytest.raises(GuestError, match="Pin slot") if shared else nullcontext():
        assign_slots(pinned)


def test_the_derived_port_is_asked_to_move() -> None:
    with pytest.raises(GuestError) as error:
        assign_slots({"a": None, "b": derived_slot("a")})
    assert error.value.key == "ports.a.slot"
    with pytest.raises(GuestError) as error:
        assign_slots({"b": derived_slot("a"), "a": None})
    assert error.value.key == "ports.a.slot"


@pytest.mark.parametrize("slot", [0, 512, True])
def test_pin_out_of_range(slot: int) -> None:
    with pytest.raises(GuestError) as error:
        assign_slots({"a": slot})
    assert error.value.key == "ports.a.slot"
