"""Tests of the API client that need no cloud: refused clouds, error messages, bodies of requests."""

import base64
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.direct import compute
from lab.direct.cloud import Cloud, CloudError, _reason, until_free
from lab.direct.errors import DirectError
from lab.direct.provider import OpenStack
from lab.direct.resource_type import given


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def write(auth_url: str) -> None:
        auth = {"auth_url": auth_url, "username": "u", "password": "p", "project_name": "x"}
        (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"local": {"auth": auth}}}))
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
        monkeypatch.setenv("OS_CLOUD", "local")

    return write


@pytest.mark.parametrize(
    "auth_url",
    [
        "https://keystone.example.com/v3",
        "http://192.0.2.1:5000/v3",
        "http://127.0.0.1.example.com/v3",
        "http://127.0.0.1@192.0.2.1/v3",
        "http://[2001:db8::1]/v3",
        "nonsense",
    ],
)
def test_a_cloud_that_is_not_on_loopback_is_refused_without_a_request(clouds: Callable[[str], None], auth_url: str) -> None:
    clouds(auth_url)
    with pytest.raises(DirectError, match="is not the local cloud: the direct driver deploys only there"):
        OpenStack({}).identity()


@pytest.mark.parametrize("auth_url", ["http://127.0.0.1:1/v3", "http://localhost:1/v3", "http://[::1]:1/v3"])
def test_a_local_cloud_that_does_not_answer_is_reported(clouds: Callable[[str], None], auth_url: str) -> None:
    clouds(auth_url)
    with pytest.raises(DirectError, match="cannot use the local cloud"):
        OpenStack({}).identity()


def test_an_explicit_provider_of_another_cloud_is_refused(clouds: Callable[[str], None]) -> None:
    clouds("http://127.0.0.1:1/v3")
    with pytest.raises(DirectError, match=r"https://example\.com/v3 is not the local cloud"):
        OpenStack({"authUrl": "https://example.com/v3"}).identity()


def test_an_unsupported_provider_setting_is_refused(clouds: Callable[[str], None]) -> None:
    clouds("http://127.0.0.1:1/v3")
    with pytest.raises(DirectError, match="openstack provider setting endpointOverrides"):
        OpenStack({"maxRetries": 3, "endpointOverrides": {}}).identity()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"NeutronError": {"type": "IpAddressInUse", "message": "Taken.", "detail": ""}}', "IpAddressInUse: Taken."),
        ('{"conflictingRequest": {"code": 409, "message": "Port is still in use."}}', "Port is still in use."),
        ('{"message": "x", "code": 1}', "x"),
        ('{"error": "plain"}', "plain"),
        ("<html>\n  Bad   Gateway</html>", "<html> Bad Gateway</html>"),
        ("[]", "[]"),
        ("", ""),
    ],
)
def test_the_message_is_found_in_every_form_of_error_body(text: str, expected: str) -> None:
    assert _reason(text) == expected


def answers(*statuses: int) -> tuple[list[int], Callable[[], None]]:
    left = list(statuses)

    def request() -> None:
        status = left.pop(0)
        if status >= 400:
            raise CloudError(status, "no")

    return left, request


@pytest.mark.parametrize("statuses", [(204,), (404,), (409, 204), (409, 409, 404)])
def test_a_deletion_is_repeated_only_while_the_object_is_in_use(
    statuses: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.direct.cloud.POLL", 0)
    left, request = answers(*statuses, 500)
    until_free(request)
    assert left == [500]


@pytest.mark.parametrize("statuses", [(403,), (409, 500)])
def test_a_deletion_that_is_refused_for_another_reason_fails_at_once(
    statuses: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.direct.cloud.POLL", 0)
    left, request = answers(*statuses, 204)
    with pytest.raises(CloudError) as error:
        until_free(request)
    assert error.value.status == statuses[-1]
    assert left == [204]


def test_a_deletion_gives_up_if_the_object_stays_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.direct.cloud.POLL", 0)
    monkeypatch.setattr("lab.direct.cloud.BUSY_WAIT", -1)
    with pytest.raises(CloudError, match="409 no"):
        until_free(answers(409, 409)[1])


def test_values_that_the_provider_treats_as_missing_are_not_sent() -> None:
    inputs = {
        "description": "",
        "mtu": 0,
        "allowedAddressPairs": [],
        "shared": False,
        "metadata": {"key": ""},
        "fixedIps": [{"subnetId": "s", "ipAddress": ""}],
        "tags": ["a"],
        "powerState": "active",
    }
    assert given(inputs) == {
        "shared": False,
        "metadata": {"key": ""},
        "fixedIps": [{"subnetId": "s"}],
        "tags": ["a"],
        "powerState": "active",
    }


def test_user_data_is_encoded_exactly_once() -> None:
    script = "#!/bin/sh\necho ä\n"
    assert base64.b64decode(compute.encoded(script)).decode() == script
    packed = base64.b64encode(gzip.compress(script.encode())).decode()
    assert compute.encoded(packed) == packed


BASE: dict[str, Any] = {"name": "s", "flavorId": "f", "imageId": "i"}


@pytest.mark.parametrize(
    ("inputs", "microversion", "expected"),
    [
        ({}, None, {"imageRef": "i", "flavorRef": "f", "config_drive": False, "metadata": {}}),
        ({"tags": ["a"]}, "2.52", {"tags": ["a"]}),
        ({"networkMode": "auto"}, "2.37", {"networks": "auto"}),
        ({"networks": [{"port": "p", "uuid": "u"}, {"uuid": "u", "fixedIpV4": "10.0.0.5"}]}, None,
         {"networks": [{"port": "p"}, {"uuid": "u", "fixed_ip": "10.0.0.5"}]}),
        ({"blockDevices": [{"sourceType": "image", "destinationType": "volume", "uuid": "i", "volumeSize": 10,
                             "volumeType": "ssd", "multiattach": False}], "tags": ["a"]}, "2.67",
         {"block_device_mapping_v2": [{"boot_index": 0, "delete_on_termination": False, "source_type": "image",
                                       "destination_type": "volume", "uuid": "i", "volume_size": 10, "volume_type": "ssd"}]}),
        ({"availabilityZoneHints": "az1:host"}, None, {"availability_zone": "az1:host"}),
    ],
)  # fmt: skip
def test_the_request_for_a_server_has_novas_keys(
    inputs: dict[str, Any], microversion: str | None, expected: dict[str, Any]
) -> None:
    body, needed = compute.server_body(Cloud({}), BASE | inputs)
    assert needed == microversion
    assert expected.items() <= body["server"].items()
    assert ("imageRef" in body["server"]) is ("blockDevices" not in inputs)


def test_scheduler_hints_are_a_sibling_of_the_server_with_the_names_of_the_api() -> None:
    hints = {"group": "g", "differentHosts": ["h"], "queries": ["q"], "targetCell": "c", "additionalProperties": {"myHint": "x"}}
    body, _ = compute.server_body(Cloud({}), BASE | {"schedulerHints": [hints]})
    assert body["os:scheduler_hints"] == {
        "group": "g",
        "different_host": ["h"],
        "query": ["q"],
        "target_cell": "c",
        "myHint": "x",
    }


def nic(address: str, mac: str, version: int = 4) -> dict[str, Any]:
    return {"addr": address, "version": version, "OS-EXT-IPS-MAC:mac_addr": mac, "OS-EXT-IPS:type": "fixed"}


def test_a_server_without_declared_networks_lists_all_its_nics() -> None:
    floating = nic("203.0.113.9", "m1") | {"OS-EXT-IPS:type": "floating"}
    found = compute._networks(Cloud({}), {"net": [nic("10.0.0.5", "m1"), nic("fd00::5", "m1", 6), floating]}, [])
    assert [(network["name"], network["fixedIpV4"], network["fixedIpV6"], network["mac"]) for network in found] == [
        ("net", "10.0.0.5", "fd00::5", "m1")
    ]


@pytest.mark.parametrize(("access", "expected"), [(None, "10.0.0.1"), (1, "10.0.0.2")])
def test_the_access_address_is_the_first_unless_a_network_is_chosen(access: int | None, expected: str) -> None:
    networks = [{"fixedIpV4": f"10.0.0.{n + 1}", "fixedIpV6": "", "accessNetwork": n == access} for n in range(2)]
    assert compute._access_address(networks, "fixedIpV4") == expected
    assert compute._access_address(networks, "fixedIpV6") == ""
