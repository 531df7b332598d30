"""The faults that `python -m tools.mutate` makes are faults, each of one place."""

from pathlib import Path

from tools.mutate import faults

SOURCE = '''\
"""A module."""

from typing import cast

__all__ = ["larger"]


def larger(one: int, other: "int" = 1) -> "bool":
    """Whether one is larger, 1 of 2."""
    found = cast("int", one) > other and not one == 2
    print(f"{one} and {other}: é")
    return found
'''


def changed(source: str) -> list[str]:
    text = source.encode()
    return [(text[: each.start] + each.new.encode() + text[each.end :]).decode() for each in faults(Path("x.py"), text)]


def test_each_fault_is_another_program() -> None:
    results = changed(SOURCE)
    assert len(set(results)) == len(results)
    for each in results:
        compile(each, "x.py", "exec")
        assert each != SOURCE


def test_which_faults_there_are() -> None:
    told = {(fault.line, fault.old, fault.new) for fault in faults(Path("x.py"), SOURCE.encode())}
    condition = 'cast("int", one) > other and not one == 2'
    assert told == {
        (8, "1", "(2)"),
        (10, f"found = {condition}", "pass"),
        (10, condition, "(cast('int', one) > other or not one == 2)"),
        (10, 'cast("int", one) > other', "(cast('int', one) >= other)"),
        (10, "not one == 2", "(one == 2)"),
        (10, "one == 2", "(one != 2)"),
        (10, "2", "(3)"),
        (11, 'print(f"{one} and {other}: é")', "pass"),
        (12, "return found", "return"),
    }
