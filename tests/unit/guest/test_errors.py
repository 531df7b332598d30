from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest.errors import LONGEST_SHOWN, GuestError, shown


def test_error_reads_as_one_line() -> None:
    error = GuestError("ports.a.mac", "'x' is not a MAC address", "Write another")
    assert (error.key, error.problem, error.remedy) == ("ports.a.mac", "'x' is not a MAC address", "Write another")
    assert str(error) == "ports.a.mac: 'x' is not a MAC address. Write another."
    assert isinstance(error, ValueError)


@settings(deadline=None, max_examples=40)
@given(st.text() | st.binary() | st.integers() | st.lists(st.text()))
def test_shown_values_are_harmless(value: object) -> None:
    text = shown(value)
    assert text.isprintable()
    assert len(text) <= 10 * LONGEST_SHOWN + 5  # a character that cannot be printed is up to ten characters, as \U0010ffff
