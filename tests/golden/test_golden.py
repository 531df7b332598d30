import pytest

from tests.golden.case import CASES, STATIC, case_names, expected, folded, rendered, static, unfolded


def test_static_files() -> None:
    assert static() == expected(STATIC)


@pytest.mark.parametrize("name", case_names())
def test_case(name: str) -> None:
    golden = expected(CASES / name / "expected")
    if "user_data" in golden:
        # Byte for byte: the case's file with the golden static files in their places.
        golden["user_data"] = unfolded(golden["user_data"], expected(STATIC))
    assert rendered(name) == golden


def test_cases_name_every_static_file_once() -> None:
    short = folded(rendered("one-port")["user_data"], static())
    assert [line.strip() for line in short.splitlines() if "<<" in line] == [f"<< {path} >>" for path in static()]
