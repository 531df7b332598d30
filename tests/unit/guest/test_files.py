import re
from pathlib import Path

import pytest

from multiport import guest
from multiport.guest import plan
from multiport.guest.files import CHECK_TIMER, PLAN_PATH, SERVICE, GuestFile, guest_files, static_files
from multiport.guest.plan import BootPort, RoutingPlan, plan_text

PLAN = RoutingPlan((BootPort(37, "fa:16:3e:00:00:01", primary=True),))


def test_all_but_the_plan_are_the_same_for_every_server() -> None:
    other = RoutingPlan((BootPort(1, "fa:16:3e:00:00:09", primary=True), BootPort(2, "fa:16:3e:00:00:08")))
    assert guest_files(PLAN)[:-1] == guest_files(other)[:-1] == static_files()
    # The unit that starts us waits for the plan: it must be written after all else.
    assert guest_files(PLAN)[-1].path == PLAN_PATH
    assert guest_files(PLAN)[-1].content == plan_text(PLAN)


def test_every_template_becomes_one_file() -> None:
    templates = {path.name for path in (Path(guest.__file__).parent / "templates").iterdir()}
    assert sorted(file.path.rsplit("/", 1)[1] for file in static_files()) == sorted(templates)
    assert {SERVICE, CHECK_TIMER} < templates


def test_modes() -> None:
    assert {file.path: file.mode for file in guest_files(PLAN) if file.mode != 0o644} == {"/usr/local/sbin/policy-routing": 0o755}


@pytest.mark.parametrize("file", guest_files(PLAN), ids=lambda file: file.path)
def test_text_that_yaml_shows_as_a_block(file: GuestFile) -> None:
    assert re.search(r"[^\n]\n\Z", file.content)
    assert not file.content.startswith((" ", "\n"))
    assert re.search(r"[ \t]$|[^\n\x20-\x7e]", file.content, re.MULTILINE) is None


def test_numbers_come_from_the_plan_module() -> None:
    script = static_files()[0].content
    for number in (plan.TABLE_BASE, plan.PRIORITY_BASE, plan.PRIORITIES_PER_SLOT, plan.SLOT_MAX, plan.LINK_GROUP, plan.PROTOCOL):
        assert re.search(rf"\b{number}\b", script), number
    assert plan.METADATA_PREFIX in script
    template = (Path(guest.__file__).parent / "templates" / "policy-routing").read_text()
    assert not re.search(rf"\b({plan.TABLE_BASE}|{plan.SLOT_MAX})\b", template)
