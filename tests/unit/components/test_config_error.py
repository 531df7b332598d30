import pytest

from multiport.components.config_error import ConfigError, Fault, key_path
from multiport.guest.errors import shown


def test_a_fault_is_one_line() -> None:
    fault = Fault("servers.web.ports.a.slot", "700 is outside 1 to 511", "Choose a slot from 1 to 511")
    assert str(fault) == "servers.web.ports.a.slot: 700 is outside 1 to 511. Choose a slot from 1 to 511."
    assert str(Fault("sever", "there is no such key here", "Did you mean servers?")).endswith(" Did you mean servers?")


def test_an_error_holds_every_fault() -> None:
    faults = [Fault("a", "b", "C"), Fault("d", "e", "F")]
    error = ConfigError(iter(faults))
    assert error.faults == tuple(faults)
    assert str(error) == "a: b. C.\nd: e. F."


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (("servers", "web-1", "fixed_ips"), "servers.web-1.fixed_ips"),
        (("tags", 0), "tags[0]"),
        (("tags", 0, "a"), "tags[0].a"),
        (("a b",), "'a b'"),
        (("a.b",), "'a.b'"),
        (("",), "''"),
        (("\x1b[31m",), "'\\x1b[31m'"),
        (("ä",), "'ä'"),
        (("k" * 60,), "k" * 60),
        (("k" * 61,), f"'{'k' * 60}...'"),
    ],
)
def test_paths(keys: tuple[str | int, ...], path: str) -> None:
    assert key_path("", *keys) == path
    assert key_path("top", *keys) == (f"top{path}" if path.startswith("[") else f"top.{path}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (10**18, "a huge number"),
        (-(10**1000), "a huge number"),
        (1.5, "1.5"),
        (float("inf"), "inf"),
        ("a'b\n\u202e\ud800", '"a\'b\\n\\u202e\\ud800"'),
        ("x" * 61, f"'{'x' * 60}...'"),
        ({"secret": 1}, "a mapping"),
        (["secret"], "a list"),
        (("secret",), "a list"),
        (object(), "a value of a foreign kind"),
        (b"secret", "a value of a foreign kind"),
    ],
)
def test_values_are_shown_safely(value: object, text: str) -> None:
    assert shown(value) == text
