"""Plan, metadata, leases and what was saved: written by the renderer, read by the program, refused whole if odd."""

import json
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiport.guest import plan as renderer
from multiport.guest.metadata import PortFacts, RoutingOptions, options_metadata, port_metadata
from multiport.guest.program import inputs as reader
from multiport.guest.program import metadata_service, options, state
from multiport.guest.program.addresses import parse_address, parse_interface, parse_number, within
from multiport.guest.program.inputs import Inputs, Refused
from multiport.guest.program.metadata import Records, cache_text, is_url, read_cache, read_records
from multiport.guest.program.plan import Plan, is_mac, printable, read_plan
from tests.unit.guest.program.kernel_model import MACS, PLAN
from tests.unit.guest.test_metadata import facts_of_a_port

UUID = "12345678-9abc-4def-8123-456789abcdef"
NO_PLAN = Plan({}, 0)


@pytest.fixture(autouse=True)
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's files below a temporary folder."""
    for module, name in (
        (reader, "PLAN_PATH"),
        (reader, "CACHE_PATH"),
        (reader, "_ID_PATH"),
        (state, "_PATH"),
        (metadata_service, "CACHE_PATH"),
        (metadata_service, "_SEED"),
        (options, "TABLE_NAMES_PATH"),
        (options, "_MARKS_PATH"),
    ):
        monkeypatch.setattr(module, name, str(tmp_path / name.strip("_").lower() / "file"))
    monkeypatch.setattr(metadata_service, "_DRIVES", (str(tmp_path / "drive"),))
    state.write(vars(reader)["PLAN_PATH"], PLAN)
    return tmp_path


@given(st.dictionaries(st.integers(1, 511), st.integers(0, 1 << 40), min_size=1))
def test_plan_is_read_as_it_was_written(slots: dict[int, int]) -> None:
    macs = {
        slot: "02:" + ":".join(f"{low + slot * 7 >> shift & 255:02x}" for shift in (32, 24, 16, 8, 0))
        for slot, low in slots.items()
    }
    if len(set(macs.values())) < len(macs):
        return
    primary = min(macs)
    ports = tuple(renderer.BootPort(slot, mac, primary=slot == primary) for slot, mac in macs.items())
    read = read_plan(renderer.plan_text(renderer.RoutingPlan(ports)))
    assert (read.macs, read.primary) == (dict(sorted(macs.items())), primary)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts_of_a_port())
def test_metadata_is_read_as_it_was_written(facts: PortFacts) -> None:
    records = read_records(port_metadata(facts), NO_PLAN, "service")
    assignable = all(
        not (each.ip.is_multicast or each.ip.is_unspecified or each.ip.is_loopback)
        and int(each.ip) >> (24 if each.version == 4 else 96)
        for each in (*facts.v4, *facts.v6, *facts.vips, *facts.pairs)
    )
    if records.refused or not assignable:
        return
    record = records.ports[facts.slot]
    assert (record.key, record.mac, record.mtu, record.hot) == (facts.key, facts.mac, facts.mtu or 0, facts.hot)
    assert sorted(record.fixed[4]) == sorted((each.packed, each.network.prefixlen) for each in facts.v4)
    assert sorted(record.fixed[6]) == sorted((each.packed, each.network.prefixlen) for each in facts.v6)


def test_a_whole_record() -> None:
    facts = PortFacts(
        key="web",
        slot=37,
        mac=MACS[0],
        mtu=1442,
        hot=True,
        v4=(IPv4Interface("10.0.1.5/24"),),
        v6=(IPv6Interface("2001:db8::5/64"),),
        gateways=(ip_address("10.0.1.1"), ip_address("fe80::1")),
        vips=(IPv4Interface("10.0.1.9/24"),),
        pairs=(IPv6Interface("2001:db8::9/64"),),
    )
    switches = options_metadata(RoutingOptions(connmark=True, echo_url="http://192.0.2.1/ip"))
    records = read_records(port_metadata(facts) | switches, NO_PLAN, "service")
    assert records.refused == []
    assert records.options == ["connmark", "echo=http://192.0.2.1/ip"]
    assert records.ports[37].gateways == {4: [bytes([10, 0, 1, 1])], 6: [ip_address("fe80::1").packed]}
    assert set(records.owners.values()) == {37}
    assert len(records.owners) == 4
    text = cache_text(port_metadata(facts), records, UUID, "")
    assert vars(read_cache(text, NO_PLAN, UUID).ports[37]) == vars(records.ports[37])
    assert read_cache(text, NO_PLAN, UUID.replace("1", "2")).ports == {}


@given(st.text() | st.from_regex(r"multiport-plan 1\n(port [0-9]+ [0-9a-f:]+( primary)?\n)*", fullmatch=True))
def test_any_plan_is_read_or_refused_whole(text: str) -> None:
    try:
        plan = read_plan(text)
    except ValueError:
        pass
    else:
        assert plan.primary in plan.macs
        assert all(is_mac(mac) for mac in plan.macs.values())


@given(st.dictionaries(st.text(), st.text()))
def test_any_metadata_is_read_or_refused(values: dict[str, str]) -> None:
    records = read_records(values, NO_PLAN, "service")
    assert set(records.used) <= set(values)
    assert "\n" not in "".join(records.refused)


@given(st.binary())
def test_any_answer_is_refused_whole(body: bytes) -> None:
    try:
        _, values = metadata_service.read_answer(body)
    except ValueError:
        return
    assert all(key.startswith("multiport.") for key in values)


def answer(meta: object, **more: object) -> bytes:
    return json.dumps({"uuid": UUID, "meta": meta} | more).encode()


GOOD = {"multiport.port.a": f"slot=37 mac={MACS[0]}", "role": "web", "multiport.x": 3}


def test_a_good_answer_becomes_the_cache(capsys: pytest.CaptureFixture[str]) -> None:
    state.write(reader._ID_PATH, UUID + "\n")
    assert metadata_service.take_answer("service", answer(GOOD))
    told = reader.read()
    assert told.cached == f"multiport-metadata 1 service {UUID}\nmultiport.port.a slot=37 mac={MACS[0]}\n"
    assert told is reader.read(told)
    assert told.records.ports[37].key == "a"
    assert metadata_service.take_answer("service", answer({"multiport.port.a": "slot=37 oops"}))
    assert f"multiport.port.a slot=37 mac={MACS[0]}\n" in reader.read().cached
    assert reader.read().records.refused[0].startswith("multiport.port.a: it says 'oops'")
    assert "it says 'oops'" in capsys.readouterr().err
    assert metadata_service.read_drive()
    for body, problem in (
        (b"[]", "not as Nova writes it"),
        (b'{"a": NaN}', "not as Nova writes it"),
        (b"[" * 100_000, "not as Nova writes it"),
        (answer(GOOD, uuid="x"), "another server's"),
        (answer({}), "names no port"),
        (answer([]), "names no port"),
    ):
        assert not metadata_service.take_answer("service", body)
        assert problem in capsys.readouterr().err


def test_first_of_two_keys_counts() -> None:
    body = f'{{"uuid": "{UUID}", "uuid": "x", "meta": {{"multiport.a": "1", "multiport.b": "2", "multiport.a": "3"}}}}'.encode()
    assert metadata_service.read_answer(body) == (UUID, {"multiport.a": "1", "multiport.b": "2"})


def test_config_drive(capsys: pytest.CaptureFixture[str]) -> None:
    assert not metadata_service.read_drive()
    assert "there is no config drive" in capsys.readouterr().err
    state.write(metadata_service._SEED, answer(GOOD).decode())
    assert metadata_service.read_drive()
    assert reader.read().records.origin == "drive"


@pytest.mark.parametrize(
    ("head", "good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", False),
        (b"HTTP/1.0 302 Found\r\n\r\n", False),
        (b"HTTP/2 200 OK\r\n\r\n", False),
        (b"", False),
    ],
)
def test_answer_of_http(head: bytes, good: bool) -> None:
    assert metadata_service.body_of(head + b"{}") == (b"{}" if good else None)
    assert metadata_service.body_of(head + b"x" * 300_000) is None


def test_plan_that_cannot_be_read(paths: Path) -> None:
    Path(vars(reader)["PLAN_PATH"]).write_bytes(b"\0")
    with pytest.raises(Refused, match="not a plan of version 1"):
        reader.read()
    Path(vars(reader)["PLAN_PATH"]).unlink()
    with pytest.raises(Refused, match="cannot be read"):
        reader.read()
    assert reader.read_file(str(paths)) is None
    (paths / "long").write_text("x" * 11)
    assert reader.read_file(str(paths / "long"), 10) == ""


def test_saved_state_survives(paths: Path) -> None:
    assert state.load() == {}
    state.make_folder(str(Path(state._PATH).parent))
    saved = {(2, "group"): "0", (3, "address 10.0.1.60/32"): "1", (3, "ipv4/conf/DEV/rp_filter"): "2"}
    state.save(saved)
    state.save({(2, "group"): "5"})
    state.write(state._PATH, Path(state._PATH).read_text() + "odd\n2 a;b=1\nx y=1\n=\n")
    assert state.load() == saved | {(2, "group"): "5"}
    state.drop({(2, "group")})
    assert (2, "group") not in state.load()
    state.drop(set())
    assert list(paths.glob("**/*.new")) == []


@given(st.text())
def test_texts(text: str) -> None:
    assert printable(text).isascii()
    number = parse_number(text, 511)
    assert number is None or str(number) == text
    for version in (4, 6):
        parse_interface(version, text)
        packed = parse_address(version, text)
        assert packed is None or str(ip_address(packed)) == text


def test_urls_and_networks() -> None:
    assert is_url("http://192.0.2.1/ip")
    assert is_url("https://x")
    assert not any(map(is_url, ["http://", "ftp://x", "http://x;id", "xhttp://y"]))
    assert within(bytes([10, 0, 1, 9]), bytes([10, 0, 1, 1]), 24)
    assert not within(bytes([10, 0, 2, 9]), bytes([10, 0, 1, 1]), 24)
    assert not within(bytes(16), bytes(4), 0)


def test_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "option routers 10.0.0.1;\n}\nlease {\n  option routers 10.0.1.1,10.0.1.2;\n"
    monkeypatch.setattr(reader, "read_file", lambda path, _: text if path.endswith("dhclient.eth1.leases") else None)
    assert reader.read_router("eth1") == bytes([10, 0, 1, 1])
    assert reader.read_router("eth2") is None


def test_nothing_told() -> None:
    assert Inputs(NO_PLAN, Records()).server == ""
