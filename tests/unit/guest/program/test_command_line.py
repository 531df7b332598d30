"""Verbs, what they print, and how the program applies and watches, on a kernel of plain data."""

import json
import os
import sys
import threading
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from multiport.guest.files import packed_files
from multiport.guest.packing import pack
from multiport.guest.program import apply as applying
from multiport.guest.program import inputs as reader
from multiport.guest.program import kernel, launcher, main, metadata_service, netlink, options, state
from multiport.guest.program import verify as verifying
from multiport.guest.program import watch as watching
from multiport.guest.program.apply import Applier
from multiport.guest.program.desired import Moment
from multiport.guest.program.kernel import Link, Snapshot
from multiport.guest.program.operations import Operation
from tests.unit.guest.program.kernel_model import MACS, PLAN, carry_out, link, two_ports

RECORD = f"multiport.port.web slot=53 mac={MACS[1]} v4=10.0.1.11/24 v4=10.0.1.60/24 gw4=10.0.1.1\n"


class FakeKernel:
    """Carries out what is sent; refuses what it is told to refuse."""

    port = 1

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.refused: list[tuple[int, int, str]] = []
        self.written = 0

    def send(self, todo: list[Operation]) -> list[str]:
        if self.refused:
            self.refused.pop()
            return ["ip rule add: no"]
        for each in todo:
            carry_out(self.snapshot, each)
        self.written += len(todo)
        return []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """Two ports, a plan and all of the program's files below a temporary folder, and nothing that needs root."""
    found = FakeKernel(two_ports())
    for module in (applying, main, watching, state, options, metadata_service, reader):
        for name, value in list(vars(module).items()):
            if isinstance(value, str) and value.startswith(("/run/policy-routing", "/var/lib/", "/etc/")):
                monkeypatch.setattr(module, name, f"{tmp_path}{value}")
    monkeypatch.setattr(Snapshot, "refresh", lambda *_: None)
    monkeypatch.setattr(kernel, "Snapshot", lambda: found.snapshot)
    monkeypatch.setattr(Applier, "_send", lambda _, todo: found.send(todo))
    monkeypatch.setattr(vars(main)["posix"], "geteuid", lambda: 0)
    state.write(vars(reader)["PLAN_PATH"], PLAN)
    state.write(vars(reader)["CACHE_PATH"], f"multiport-metadata 1 service any\n{RECORD}refused multiport.x: odd\n")
    state.make_folder(f"{tmp_path}/run/policy-routing")
    return found


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main.run(list(words))
    said = capsys.readouterr()
    return status, said.out, said.err


def test_apply_check_status_down(fake: FakeKernel, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, told, _ = run(capsys, "apply", "--dry-run")
    assert (status, fake.written) == (0, 0)
    assert run(capsys, "check") == (1, told, "")
    assert "ip -4 addr add 10.0.1.60/32 dev eth1\n" in told
    assert run(capsys, "apply") == (0, "", "")
    assert run(capsys, "check") == (0, "", "")
    status, told, _ = run(capsys, "status")
    assert status == 0
    lines = told.splitlines()
    assert lines[0].split() == ["PORT", "NIC", "ADDRESSES", "GATEWAY", "TABLE", "STATE"]
    assert lines[1].split() == ["slot", "37", "(primary)", "eth0", "10.0.1.10/24", "10.0.1.1", "21037", "ok"]
    assert lines[2].split() == ["web", "eth1", "10.0.1.11/24", "10.0.1.60/32", "10.0.1.1", "21053", "ok"]
    assert "watch:    not running: systemctl start policy-routing.service" in lines
    assert "refused metadata: multiport.x: odd" in lines
    status, told, _ = run(capsys, "status", "--json")
    read = json.loads(told)
    assert (read["version"], read["converged"], read["metadata"], len(read["ports"])) == (1, True, "service", 2)
    assert run(capsys, "down") == (0, "", "")
    assert not (tmp_path / "run/policy-routing").exists()
    assert fake.snapshot.rules == {}


def test_what_is_missing_is_said(fake: FakeKernel, capsys: pytest.CaptureFixture[str]) -> None:
    fake.snapshot.links.pop(3)
    fake.snapshot.links[9] = link(9, "02:00:00:00:00:09", "eth9")
    fake.snapshot.hardware.add(9)
    fake.snapshot.links[2].ipv6 = False
    state.write(vars(reader)["CACHE_PATH"], "multiport-metadata 1 drive any\nmultiport.options connmark\n")
    _, told, _ = run(capsys, "status")
    assert "no interface has this MAC address" in told
    assert "eth9: no metadata names it and it has no address: left alone" in told
    assert "IPv6 is switched off on eth0" in told
    assert "to do: ip -4 rule add" in told
    for clone in (20, 21):
        fake.snapshot.links[clone] = link(clone, MACS[1], f"eth{clone}")
    assert "several interfaces have this MAC address: eth20, eth21" in run(capsys, "status")[1]
    fake.snapshot.links = {2: link(2), 3: Link(3, "a;b", MACS[1])}
    assert "odd name, which no command takes: a;b" in run(capsys, "status")[1]


def test_what_the_kernel_refuses_is_said_and_tried_again(fake: FakeKernel, capsys: pytest.CaptureFixture[str]) -> None:
    fake.refused = [(0, 1, "")]
    assert run(capsys, "apply")[0] == 0
    fake.snapshot.rules.clear()
    fake.refused = [(0, 1, "")] * 4
    status, _, said = run(capsys, "apply")
    assert (status, said) == (1, "policy-routing: the kernel refused: ip rule add: no\n")


@pytest.mark.usefixtures("fake")
def test_refresh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [b"", b"HTTP/1.0 500 no\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n{}"]
    monkeypatch.setattr(metadata_service, "_fetch", lambda *_: answers.pop(0) if answers else b"")
    for _ in range(3):
        status, _, said = run(capsys, "apply", "--refresh")
        assert status == 0
        assert "the metadata service gave no good answer" in said


@pytest.mark.usefixtures("fake")
def test_options_are_kept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def nft(*words: str, text: str = "") -> str:
        ran.append(" ".join(words) + text)
        return "listed"

    monkeypatch.setattr(options, "_nft", nft)
    monkeypatch.setattr(options, "nft", lambda: "/usr/sbin/nft")
    state.write(vars(reader)["CACHE_PATH"], f"multiport-metadata 1 service any\n{RECORD}multiport.options connmark table_names\n")
    assert run(capsys, "apply")[0] == 0
    assert Path(vars(options)["TABLE_NAMES_PATH"]).read_text() == "21037 multiport-37\n21053 multiport-web\n"
    assert any("iifname eth1 ct state new ct mark 0 ct mark set 21053;" in each for each in ran)
    assert run(capsys, "check")[:2] == (0, "")
    state.write(vars(reader)["CACHE_PATH"], f"multiport-metadata 1 service any\n{RECORD}")
    assert "rm " in run(capsys, "check")[1]
    assert run(capsys, "apply")[0] == 0
    assert not Path(vars(options)["TABLE_NAMES_PATH"]).exists()


@pytest.mark.usefixtures("fake")
def test_verify(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        verifying, "run", lambda words: "--- 10.0.1.1 ping statistics ---\n3 sent" if words[0] == "ping" else None
    )
    run(capsys, "apply")
    assert run(capsys, "verify")[:2] == (0, "eth0: gateway 10.0.1.1: 3 sent\neth1: gateway 10.0.1.1: 3 sent\n")
    status, told, _ = run(capsys, "verify", "--echo", "http://192.0.2.1/ip")
    assert (status, told.count("no answer")) == (1, 2)


@pytest.mark.parametrize(
    "words", [[], ["help"], ["apply", "x"], ["apply", "--interface"], ["apply", "--interface", "a b"], ["verify", "--echo", "x"]]
)
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, told, said = run(capsys, *words)
    assert (status, told) == (2, "")
    assert "apply [--refresh] [--interface DEV] [--dry-run]" in said


def test_help_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "journalctl -u policy-routing" in run(capsys, "--help")[1]
    for verb in main.VERBS:
        status, told, _ = run(capsys, verb, "--help")
        assert status == 0
        assert told.startswith(verb)


@pytest.mark.usefixtures("fake")
def test_refusals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(vars(reader)["PLAN_PATH"]).write_text("odd\n")
    for words in (["apply"], ["check"], ["down", "--interface", "eth1"], ["drive"]):
        status, _, said = run(capsys, *words)
        assert status == 2
        assert "plan: it is not a plan of version 1" in said
    assert run(capsys, "down")[0] == 0
    monkeypatch.setattr(vars(main)["posix"], "geteuid", lambda: 1000)
    assert run(capsys, "apply") == (2, "", "policy-routing: apply needs root\n")


@pytest.mark.usefixtures("fake")
def test_an_interface_alone_is_not_taken_back_beside_a_watch(capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching.Watch()
    assert watch._lock()
    status, _, said = run(capsys, "down", "--interface", "eth1")
    assert status == 2
    assert "systemctl stop" in said
    os.close(watch.lock)


def test_the_watch_repairs_says_so_and_ends(
    fake: FakeKernel, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching.Watch, "_ask", lambda self: setattr(self, "wants_answer", False))
    watch = watching.Watch()
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(watch.run()))
    thread.start()
    while not watch.outcome or watch.news:
        thread.join(0.01)
    gone = next(key for key, values in fake.snapshot.rules.items() if values["priority"] == 21594)
    del fake.snapshot.rules[gone]
    pipe = os.open(watching.PIPE_PATH, os.O_WRONLY)
    os.write(pipe, b"told\n")
    while gone not in fake.snapshot.rules:
        thread.join(0.01)
    os.write(pipe, b"asked\ndown\n")
    thread.join(10)
    os.close(pipe)
    assert statuses == [0]
    said = capsys.readouterr().err
    assert "changes were necessary to begin with" in said
    assert "repaired: ip -4 rule add pref 21594 from 10.0.1.10 lookup 21037 proto 77" in said


@pytest.mark.usefixtures("fake")
def test_new_metadata_has_everything_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of an interface that nobody had named yet were not listened to."""
    applier = Applier(Moment("watch"))
    applier.compare()
    assert applier.dirty == frozenset()
    read: list[frozenset[str]] = []
    monkeypatch.setattr(Snapshot, "refresh", lambda *arguments: read.append(arguments[2]))
    applier.compare()
    state.write(vars(reader)["CACHE_PATH"], f"multiport-metadata 1 service any\n{RECORD}multiport.options forward\n")
    applier.compare()
    assert read == [frozenset(), kernel.EVERYTHING]


def test_what_the_watch_hears() -> None:
    watch = watching.Watch()
    watch.applier.dirty, watch.news = frozenset(), False
    told = {
        "foreign route": (netlink.NEW_ROUTE, kernel.ROUTE.encode({"family": 2, "table": 4242, "small_table": 252, "type": 1})),
        "link-local address": (netlink.NEW_ADDRESS, kernel.ADDRESS.encode({"family": 10, "scope": 253, "address": bytes(16)})),
        "bridge port": (netlink.NEW_LINK, kernel.LINK.encode({"family": 7})),
        "other": (99, b""),
    }
    for kind, body in told.values():
        watch._hear_of(kind, body)
    assert watch.applier.dirty == set()
    for kind, body, parts in (
        (netlink.DELETE_RULE, b"", {"rules"}),
        (netlink.NEW_ROUTE, kernel.ROUTE.encode({"family": 2, "table": 21053, "small_table": 252}), {"rules", "routes"}),
        (netlink.DELETE_ADDRESS, kernel.ADDRESS.encode({"family": 2, "address": bytes(4)}), {"rules", "routes", "addresses"}),
        (netlink.NEW_LINK, kernel.LINK.encode({"index": 5}), set(kernel.EVERYTHING)),
    ):
        watch._hear_of(kind, body)
        assert watch.applier.dirty == parts
    assert watch._patience() == 0
    watch.news = False
    assert watch._patience() == 1


def test_the_journal_counts_and_is_quiet_in_a_fight() -> None:
    journal = watching.Journal()
    assert journal.lines(["ip a"], 0.0) == ["something had undone this, repaired: ip a"]
    assert journal.lines(["ip a"], 1.0) == ["something had undone this, repaired: ip a; needed 2 times within an hour"]
    assert len(journal.lines([f"ip {number}" for number in range(2000)], 2.0)) == 18
    assert journal.lines(["ip b"], 61.0)[0] == "1982 more repairs in that minute are not listed"
    assert len(journal._times) <= 1000
    assert journal.lines(["ip b"], 9000.0)[-1].endswith("ip b")


def test_launcher_unpacks_once_and_removes_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {f"{tmp_path}{file.path}": file.content for file in packed_files()}
    for name in ("FOLDER", "PACKED", "PACKAGE", "STAMP"):
        monkeypatch.setattr(launcher, name, f"{tmp_path}{getattr(launcher, name)}")
    assert not launcher.is_stale()
    state.write(launcher.PACKED, pack(contents))
    assert launcher.is_stale()
    state.write(f"{launcher.PACKAGE}/gone.py", "")
    launcher.unpack()
    assert not launcher.is_stale()
    assert not Path(f"{launcher.PACKAGE}/gone.py").exists()
    assert {path: Path(path).read_text() for path in contents} == contents
    assert Path(cache_from_source(f"{launcher.PACKAGE}/main.py")).exists()
    os.utime(launcher.PACKED, ns=(1, 1))
    assert launcher.is_stale()


def test_the_end_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(vars(main)["posix"], "_exit", ended.append)
    monkeypatch.setattr(sys, "argv", ["policy-routing", "--help"])
    main.main()
    assert ended == [0]
