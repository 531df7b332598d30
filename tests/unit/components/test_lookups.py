"""What a server names in the cloud: looked up when it is new or its name changes, once for all, and told with its key."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi.runtime
import pytest

from multiport.components import lookups
from multiport.components.config_error import ConfigError
from tests.unit.components.deployment import deploy
from tests.unit.components.programs import FRONT, server

SERVER = {"imageName": "Debian-12", "flavorName": "small", "keyPair": "mine"}
NOTHING = "invoke failed: Your query returned no results. Please change your search criteria and try again."


class Cloud:
    """The provider's look-ups: what there is, and what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"getImageIds": {"ids": ["one"]}, "getFlavor": {}, "getKeypair": {}, **answers}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def invoke(self, token: str, args: Mapping[str, Any], _: object = None) -> Any:
        name = token.rpartition(":")[2]
        self.asked.append((name, args))
        answer = self.answers[name]
        if isinstance(answer, str):
            raise Exception(answer)  # noqa: TRY002, TRY004 - what the SDK raises
        return answer


@pytest.fixture
def hook() -> pulumi.ResourceHook:
    """The hook of a server that is declared at `MultiPortInstance web`."""
    found = deploy(lambda: server(ports={"a": {"network": FRONT}}))
    [made] = (each for name, each in found.hooks.items() if name.startswith("look-up-"))
    assert made.opts is not None
    assert made.opts.on_dry_run  # else the preview promises what Nova refuses when the old server is gone
    return made


def refused(
    hook: pulumi.ResourceHook,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Cloud,
    new: Mapping[str, Any],
    old: Mapping[str, Any] | None,
) -> dict[str, str]:
    monkeypatch.setattr(pulumi.runtime, "invoke_async", cloud.invoke)

    async def call() -> None:
        answer = hook.callback(pulumi.ResourceHookArgs("", "", "web", "", new_inputs=dict(new), old_inputs=old and dict(old)))
        assert answer is not None
        await answer

    try:
        asyncio.run(call())
    except ConfigError as error:
        return {fault.key: f"{fault.problem}. {fault.remedy}" for fault in error.faults}
    return {}


def test_a_new_server_is_asked_for_all_that_it_names(hook: pulumi.ResourceHook, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(
        getImageIds={"ids": []}, getFlavor=NOTHING, getKeypair="Unable to get mine: Resource not found", getImage=NOTHING
    )
    found = refused(hook, monkeypatch, cloud, SERVER, None)
    assert sorted(found) == [f"MultiPortInstance web.{key}" for key in ("flavor", "image", "key_pair")]
    assert "there is no image 'Debian-12' in this cloud" in found["MultiPortInstance web.image"]
    assert "this user has no key pair 'mine'" in found["MultiPortInstance web.key_pair"]


def test_the_nearest_image_is_named(hook: pulumi.ResourceHook, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(getImageIds={"ids": []}, getImage={"name": "Debian-13"})
    assert refused(hook, monkeypatch, cloud, SERVER, None)["MultiPortInstance web.image"].endswith("Did you mean Debian-13?")
    assert ("getImage", {"nameRegex": "(?i)Debian", "mostRecent": True}) in cloud.asked


def test_several_images_of_one_name_are_told_by_id(hook: pulumi.ResourceHook, monkeypatch: pytest.MonkeyPatch) -> None:
    found = refused(hook, monkeypatch, Cloud(getImageIds={"ids": ["b", "a"]}), SERVER, None)
    assert found == {
        "MultiPortInstance web.image": "2 images are called 'Debian-12', and Nova takes none of them. Say image_id: a, b"
    }


def test_a_living_server_is_asked_only_for_what_changes(hook: pulumi.ResourceHook, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(getImageIds={"ids": []}, getFlavor=NOTHING, getKeypair=NOTHING)
    assert refused(hook, monkeypatch, cloud, {**SERVER, "name": "shown"}, SERVER) == {}
    assert cloud.asked == []
    assert list(refused(hook, monkeypatch, cloud, {**SERVER, "keyPair": "other"}, SERVER)) == ["MultiPortInstance web.key_pair"]
    assert [name for name, _ in cloud.asked] == ["getKeypair"]


def test_a_cloud_that_cannot_be_asked_refuses_nothing(hook: pulumi.ResourceHook, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = "connection refused"
    cloud = Cloud(getImageIds=silent, getFlavor=silent, getKeypair=silent)
    assert refused(hook, monkeypatch, cloud, SERVER, None) == {}


def test_servers_that_name_one_image_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    monkeypatch.setattr(pulumi.runtime, "invoke_async", cloud.invoke)
    parent: Any = object()

    async def call() -> None:
        await asyncio.gather(*(lookups._ask("a:b:getFlavor", "small", parent) for _ in range(5)))

    asyncio.run(call())
    assert [name for name, _ in cloud.asked] == ["getFlavor"]
