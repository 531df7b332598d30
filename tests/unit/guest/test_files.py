import re
import tokenize
from pathlib import Path

import pytest

from multiport import guest
from multiport.guest import plan
from multiport.guest.files import CHECK_TIMER, PLAN_PATH, SERVICE, GuestFile, guest_files, packed_files, static_files
from multiport.guest.packing import pack, unpack
from multiport.guest.plan import BootPort, RoutingPlan, plan_text
from multiport.guest.program.launcher import HEADING

PLAN = RoutingPlan((BootPort(37, "fa:16:3e:00:00:01", primary=True),))


def test_all_but_the_plan_are_the_same_for_every_server() -> None:
    other = RoutingPlan((BootPort(1, "fa:16:3e:00:00:09", primary=True), BootPort(2, "fa:16:3e:00:00:08")))
    assert guest_files(PLAN)[:-1] == guest_files(other)[:-1] == static_files()
    # The unit that starts us waits for the plan: it must be written after all else.
    assert guest_files(PLAN)[-1].path == PLAN_PATH
    assert guest_files(PLAN)[-1].content == plan_text(PLAN)


def test_every_template_and_module_becomes_one_file() -> None:
    folder = Path(guest.__file__).parent
    templates = {path.name for path in (folder / "templates").iterdir()}
    modules = {path.name for path in (folder / "program").glob("*.py")} - {"launcher.py"}
    assert sorted(file.path.rsplit("/", 1)[1] for file in packed_files()) == sorted(templates | modules)
    assert {SERVICE, CHECK_TIMER} < templates


def test_packed_form_is_that_of_the_files() -> None:
    """After a change of the program: `python -m multiport.guest.packing`, and a line in CHANGELOG under Guest."""
    contents = {file.path: file.content for file in packed_files()}
    assert unpack(static_files()[1].content) == contents
    assert unpack(pack(contents)) == contents


def test_no_line_of_a_packed_file_is_taken_for_a_heading() -> None:
    assert not [file.path for file in packed_files() if f"\n{HEADING}" in f"\n{file.content}"]


@pytest.mark.parametrize("text", ["", "x", "not base85: \u00e9", static_files()[1].content[:-500]])
def test_what_is_no_packed_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(text)


def test_modes() -> None:
    assert {file.path: file.mode for file in guest_files(PLAN) if file.mode != 0o644} == {"/usr/local/sbin/policy-routing": 0o755}


@pytest.mark.parametrize("file", guest_files(PLAN), ids=lambda file: file.path)
def test_text_that_yaml_shows_as_a_block(file: GuestFile) -> None:
    assert re.search(r"[^\n]\n\Z", file.content)
    assert not file.content.startswith((" ", "\n"))
    assert re.search(r"[ \t]$|[^\n\x20-\x7e]", file.content, re.MULTILINE) is None


@pytest.mark.parametrize("file", packed_files(), ids=lambda file: file.path)
def test_packed_text_is_plain(file: GuestFile) -> None:
    assert file.content.isascii()
    assert file.content.endswith("\n")
    assert not file.content.startswith("\n")


def test_numbers_are_in_one_place() -> None:
    numbers = [plan.TABLE_BASE, plan.SLOT_MAX, plan.PRIORITIES_PER_SLOT]
    modules = [path for path in Path(guest.__file__).parent.rglob("*.py") if path.name != "numbers.py"]
    code = {path.name: [token.string for token in tokens(path) if token.type == tokenize.NUMBER] for path in modules}
    assert [(name, number) for name, found in code.items() for number in numbers[:2] if str(number) in found] == []


def tokens(path: Path) -> list[tokenize.TokenInfo]:
    with path.open("rb") as file:
        return list(tokenize.tokenize(file.readline))
