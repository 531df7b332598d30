import base64
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest.cloud_config import BYTES_MAX, ENCODED_CHARACTERS_MAX, HEADER, user_data
from multiport.guest.errors import GuestError
from multiport.guest.files import guest_files
from multiport.guest.first_boot import BOOTCMD, RUNCMD
from multiport.guest.plan import BootPort, RoutingPlan

PLAN = RoutingPlan((BootPort(37, "fa:16:3e:00:00:01", primary=True),))
OURS: dict[str, list[Any]] = {
    "bootcmd": [BOOTCMD],
    "runcmd": [RUNCMD],
    "write_files": [
        {"path": file.path, "permissions": f"{file.mode:04o}", "content": file.content} for file in guest_files(PLAN)
    ],
}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
COMMANDS = st.none() | st.lists(st.none() | st.text() | st.lists(st.text() | st.integers()))
FILES = st.none() | st.lists(
    st.fixed_dictionaries({"path": st.text(), "content": st.text(), "permissions": st.sampled_from(["0644", 0o644])})
)
ROOM = 3000
"""Bytes; what random text takes more, user data may have no room for."""
CONFIGS = (
    st.builds(
        lambda anything, lists: anything | lists,
        st.dictionaries(st.text().filter(lambda key: key not in {"bootcmd", "runcmd", "write_files"}), VALUES),
        st.fixed_dictionaries({}, optional={"bootcmd": COMMANDS, "runcmd": COMMANDS, "write_files": FILES, "packages": VALUES}),
    )
    .filter(lambda config: all(config.get(key) is None or isinstance(config[key], list) for key in OURS))
    .filter(lambda config: len(written(config)) < ROOM)
)


def written(config: Mapping[str, object]) -> str:
    return f"{HEADER}\n{yaml.safe_dump(dict(config), sort_keys=False)}"


@settings(deadline=None, max_examples=25)
@given(CONFIGS)
def test_users_values_are_kept_and_ours_come_first(config: dict[str, object]) -> None:
    text = user_data(PLAN, written(config))
    merged = yaml.safe_load(text)
    assert text.startswith(f"{HEADER}\n")
    for key, entries in OURS.items():
        theirs = config.get(key)
        assert merged.pop(key) == [*entries, *(theirs if isinstance(theirs, list) else [])]
    assert merged == {key: value for key, value in config.items() if key not in OURS}


@settings(deadline=None, max_examples=25)
@given(CONFIGS, st.randoms())
def test_order_of_keys_and_comments_mean_nothing(config: dict[str, object], random: Random) -> None:
    shuffled = dict(random.sample(sorted(config.items()), len(config)))
    assert user_data(PLAN, f"{written(shuffled)}# a comment\n") == user_data(PLAN, written(config))


def test_without_a_users_part() -> None:
    text = user_data(PLAN, None)
    assert yaml.safe_load(text) == OURS
    assert (
        text
        == user_data(PLAN, "#cloud-config")
        == user_data(PLAN, "#cloud-config\n# nothing\n")
        == user_data(PLAN, "#cloud-config\n{}")
    )


def test_the_script_stands_line_by_line() -> None:
    lines = user_data(PLAN, None).splitlines()
    for file in guest_files(PLAN):
        start = lines.index(f" path: {file.path}")
        assert lines[start + 2] == " content: |"
        block = [line.removeprefix("  ") for line in lines[start + 3 : start + 3 + len(file.content.splitlines())]]
        assert block == file.content.splitlines()


def test_without_a_plan() -> None:
    text = "#cloud-config  what we want\n# a comment\nruncmd:   [ [ls] ]\n"
    assert user_data(None, text) == text
    assert user_data(None, None) == ""
    ours = "#cloud-config\nwrite_files: [{path: /etc/policy-routing/plan}]\n"
    assert user_data(None, ours) == ours, "without a plan the file is the user's"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "its first line is not"),
        ("packages: [a]", "its first line is not"),
        (" #cloud-config", "its first line is"),
        ("\n#cloud-config", "its first line is"),
        ("\ufeff#cloud-config", "its first line is"),
        ("#Cloud-Config", "its first line is"),
        ("#cloud-config-archive\n[]", "its first line is"),
        ("#cloud-config-jsonp\n[]", "its first line is"),
        ("#cloud-boothook\n", "its first line is"),
        ("#!/bin/bash\n", "its first line is"),
        ("#include http://x/", "its first line is"),
        ("Content-Type: multipart/mixed", "its first line is"),
        ("## template: jinja\n#cloud-config\n", "templates cannot be merged"),
        ("## TEMPLATE:jinja\n#cloud-config\n", "templates cannot be merged"),
        ("#cloud-config\n[a]", "not a mapping"),
        ("#cloud-config\na", "not a mapping"),
        ("#cloud-config\n1: a", "not a mapping"),
        ("#cloud-config\na: [", "cannot read it: line 2, column"),
        ("#cloud-config\na: !mine b", "cannot read it"),
        ("#cloud-config\na: !!omap [b: 1]", "cannot be carried"),
        ("#cloud-config\nbootcmd: ls", "not a list"),
        ("#cloud-config\nruncmd: {a: b}", "not a list"),
        ("#cloud-config\nwrite_files: {a: b}", "not a list"),
        ("#cloud-config\nbootcmd: [{a: b}]", "not a command"),
        ("#cloud-config\nruncmd: [ls, 1]", "a number is not a command"),
    ],
)
@pytest.mark.parametrize("plan", [PLAN, None], ids=["plan", "no-plan"])
def test_no_cloud_config(text: str, problem: str, plan: RoutingPlan | None) -> None:
    carried = plan is None and ("carried" in problem or "list" in problem or "command" in problem)
    if carried:
        assert user_data(plan, text) == text, "without a plan nothing is merged"
        return
    with pytest.raises(GuestError) as error:
        user_data(plan, text)
    assert error.value.key.startswith("cloud_config")
    assert problem in error.value.problem
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", OURS["write_files"], ids=lambda file: file["path"])
@pytest.mark.parametrize("spelling", ["{}", "/{}", "//{}", "/etc/../{}", "/.{}", "{}/", "{}/../{name}"])
def test_our_paths_are_ours(file: dict[str, str], spelling: str) -> None:
    path = spelling.format(file["path"], name=file["path"].rsplit("/", 1)[1])
    with pytest.raises(GuestError, match="is a file of policy routing") as error:
        user_data(PLAN, written({"write_files": [{"path": "/etc/motd"}, {"path": path, "append": True}]}))
    assert error.value.key == "cloud_config.write_files[1]"


@pytest.mark.parametrize(
    "path", ["/etc/policy-routing", "/etc/policy-routing/plan.mine", "/etc/systemd/system/policy-routing.service.d/mine.conf"]
)
def test_paths_beside_ours_are_the_users(path: str) -> None:
    assert yaml.safe_load(user_data(PLAN, written({"write_files": [{"path": path}]})))["write_files"][-1] == {"path": path}


@pytest.mark.parametrize("entry", [None, "text", {}, {"path": None}, {"path": 7}])
def test_entries_without_a_path_are_carried(entry: object) -> None:
    assert yaml.safe_load(user_data(PLAN, written({"write_files": [entry]})))["write_files"][-1] == entry


@pytest.mark.parametrize("letter", ["x", "é"])
@pytest.mark.parametrize("plan", [PLAN, None], ids=["plan", "no-plan"])
def test_limit(plan: RoutingPlan | None, letter: str) -> None:
    def filled(size: int) -> str:
        return f"#cloud-config\nfinal_message: {letter * (size // len(letter.encode()))}{'x' * (size % len(letter.encode()))}\n"

    room = BYTES_MAX - len(user_data(plan, filled(10)).encode()) + 10
    largest = user_data(plan, filled(room)).encode()
    assert len(largest) == BYTES_MAX
    assert len(base64.b64encode(largest)) <= ENCODED_CHARACTERS_MAX < len(base64.b64encode(largest + b"x"))
    with pytest.raises(GuestError) as error:
        user_data(plan, filled(room + 1))
    ours = 0 if plan is None else len(user_data(plan, None).encode())
    assert error.value.problem == (
        f"{BYTES_MAX + 1:,} bytes of user data ({ours:,} ours, {BYTES_MAX + 1 - ours:,} yours) exceed the {BYTES_MAX:,} of Nova"
    )
    assert error.value.remedy.startswith("Shorten yours by 1 bytes")


def test_ours_leaves_the_user_room() -> None:
    ports = tuple(BootPort(slot, f"fa:16:3e:00:00:{slot:02x}", primary=slot == 1) for slot in range(1, 17))
    assert len(user_data(RoutingPlan(ports), None).encode()) < BYTES_MAX - 5000


SECRET = "Sw0rdf1shé$x"  # noqa: S105 - nobody's


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"{SECRET}\n#cloud-config",
        f"#cloud-config {SECRET}\na: [",
        f"#cloud-config\na: *{SECRET}",
        f"#cloud-config\na: !{SECRET} b",
        f"#cloud-config\na: !!int {SECRET}",
        f"#cloud-config\na: !!timestamp {SECRET}",
        f"#cloud-config\na: &{SECRET} 1\nb: &{SECRET} 2\n<<: *{SECRET}",
        f'#cloud-config\na: "{SECRET}',
        f'#cloud-config\na: "\\q{SECRET}"',
        f"#cloud-config\n{SECRET}: a\n- b",
        f"#cloud-config\n? [{SECRET}]\n: b",
        f"#cloud-config\n{SECRET}",
        f"#cloud-config\n%{SECRET}",
        f"#cloud-config\na: {SECRET}\x00",
        f"#cloud-config\nruncmd: [{{{SECRET}: a}}]",
        f"#cloud-config\nruncmd: [{{a: {SECRET}}}]",
        f"#cloud-config\nruncmd: {SECRET}",
        f"#cloud-config\n{SECRET}: !!set {{1, a}}",
        f"#cloud-config\n{SECRET}: .nan",
        f"#cloud-config\nwrite_files: [{{path: /etc/policy-routing/plan, content: {SECRET}}}]",
        f"#cloud-config\nwrite_files: [{{path: /etc/{SECRET}/../policy-routing/plan}}]",
        f"## template: {SECRET}",
        f"#cloud-config\na: {SECRET * 5000}",
    ],
)
@pytest.mark.parametrize(
    "form", [str, lambda text: text.replace(SECRET, SECRET.encode("unicode_escape").decode())], ids=["", "ascii"]
)
def test_no_error_quotes_what_may_be_secret(text: str, form: Callable[[str], str]) -> None:
    try:
        user_data(PLAN, form(text))
    except GuestError as error:
        said = f"{error} {error.key} {error.problem} {error.remedy}"
        for part in range(len(SECRET) - 4):
            assert SECRET[part : part + 4] not in said
