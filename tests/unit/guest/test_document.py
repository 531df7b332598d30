import datetime as dt
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport import guest
from multiport.guest.document import dump, load

TEXTS = st.text() | st.text(alphabet="aé \t\n\r\x85\u2028\u2029\ufeff\U0001f642#:-|>'\"%@`{}[],&*!?~\\0\x00\x7f\ud800")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.sampled_from(["0644", "0o644", "1_000", "12:30", "yes", "null", "1e3", ".inf", "2026-01-01", "=", "<<", ""])
    | st.dates()
    | st.datetimes()
    | st.binary()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)


@settings(deadline=None, max_examples=40)
@given(VALUES)
def test_values_come_back_as_they_were(value: object) -> None:
    text = dump(value)
    assert yaml.safe_load(text) == value
    assert type(load(text)) is type(value)
    assert dump(load(text)) == text


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1), min_size=2))
def test_lines_of_text_stand_as_a_block(lines: list[str]) -> None:
    content = "\n".join(lines) + "\n"
    assert dump({"content": content}) == "content: |\n" + "".join(f"  {line}\n" for line in lines)


def test_long_lines_are_not_folded() -> None:
    assert dump(["word " * 1000 + "end"]) == f"- {'word ' * 1000}end\n"


def test_keys_keep_their_order() -> None:
    assert dump({"b": 1, "a": 2}) == "b: 1\na: 2\n"


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet="ab01: -\n[]{}&*!|>?'\"#%,~.=<_xXuU\\\t\r"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        again = dump(load(text))
    except ValueError:
        return
    assert yaml.safe_load(again) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: b: c",
        "- \x00",
        "!!python/object/apply:os.system [id]",
        "!mine a",
        "*nowhere",
        "!!int x",
        "!!int ''",
        "!!bool maybe",
        "!!timestamp x",
        "2026-13-01",
        "!!binary é",
        "!!float x",
        "? [a]\n: b\n",
        "a: &a [*a]",
        "&a {b: *a}",
        "[" * 1000,
        "9" * 5000,
    ],
)
def test_what_cloud_init_cannot_read_either(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^(line [0-9]+, column [0-9]+: .+|a value in it is not valid \([A-Za-z]+\)|its aliases .+)$"
    ):
        load(text)


def test_aliases_of_aliases_of_aliases() -> None:
    laughs = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(ValueError, match="too many values"):
        load("\n".join(laughs))
    assert load("\n".join(laughs[:4])) == yaml.safe_load("\n".join(laughs[:4]))


def test_shared_values_stay_shared() -> None:
    assert dump(load("a: &x [1, 2]\nb: *x\n")) == "a: &id001\n- 1\n- 2\nb: *id001\n"


@pytest.mark.parametrize("text", ["!!omap [a: 1]", "!!pairs [a: 1, a: 2]"])
def test_values_that_would_change(text: str) -> None:
    value = load(text)
    with pytest.raises(ValueError, match="does not survive"):
        dump(value)


@settings(deadline=None, max_examples=40)
@given(st.lists(VALUES, min_size=1), st.lists(VALUES, min_size=1))
def test_lists_may_be_written_one_after_the_other(first: list[object], second: list[object]) -> None:
    assert load(dump(first) + dump(second)) == [*first, *second]


@settings(deadline=None, max_examples=40)
@given(VALUES, VALUES)
def test_keys_may_be_written_one_after_the_other(first: object, second: object) -> None:
    assert load(dump({"a": first}) + dump({"b": second})) == {"a": first, "b": second}


def run_python(code: str, seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    root = Path(guest.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def test_same_bytes_in_every_process() -> None:
    text = "{set: !!set {one, two, three, four, 5, 6.5}, mapping: {b: 1, a: 2}}"
    code = f"from multiport.guest.document import dump, load; print(dump(load({text!r})), end='')"
    outputs = {run_python(code, seed) for seed in range(5)}
    assert outputs == {dump(load(text))}
    assert yaml.safe_load(outputs.pop()) == yaml.safe_load(text)


def test_not_a_number() -> None:
    assert dump(load("a: .nan")) == "a: .nan\n"


def test_values_that_yaml_does_not_know() -> None:
    with pytest.raises(ValueError, match="RepresenterError"):
        dump(object())


def test_all_of_yaml_that_cloud_init_reads() -> None:
    value = load(
        "a: 0644\nb: 2026-01-02\nc: 12:30\nd: !!set {x, y}\ne: !!binary aGk=\nf: -.inf\ng: on\nh: 2026-01-02T03:04:05+01:00\n"
    )
    assert value == {
        "a": 0o644,
        "b": dt.date(2026, 1, 2),
        "c": 12 * 60 + 30,
        "d": {"x", "y"},
        "e": b"hi",
        "f": -math.inf,
        "g": True,
        "h": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    }
    assert yaml.safe_load(dump(value)) == value
