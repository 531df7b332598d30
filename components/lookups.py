"""What a stack names in the cloud, looked up while nothing is lost yet: a wrong name then costs an error and no server.

A server's image, flavor and key pair are asked for only when it is created, or when its name for one of them changes: an image
that an operator renames later does not break the preview of a server that lives.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pulumi
import pulumi.runtime

from multiport.components.config_error import ConfigError, Fault, key_path
from multiport.guest.errors import shown

_IMAGE_IDS: Final = "openstack:images/getImageIds:getImageIds"
_IMAGE: Final = "openstack:images/getImage:getImage"
_FLAVOR: Final = "openstack:compute/getFlavor:getFlavor"
_KEY_PAIR: Final = "openstack:compute/getKeypair:getKeypair"
_NETWORK: Final = "openstack:networking/getNetwork:getNetwork"

# How the provider says that there is no such thing; whatever else goes wrong is not the name's fault, and the API will tell.
_UNKNOWN: Final = re.compile(r"no results|not found|\b404\b|could not find", re.IGNORECASE)

_IDS_SHOWN: Final = 3

_NOT_ASKED: Final[Mapping[str, Any]] = {"ids": ["(not asked)"]}
"""Stands for an answer where the cloud could not be asked: what a server names then counts as there."""

_asked: dict[tuple[str, str, int, int], "asyncio.Task[Mapping[str, Any] | None]"] = {}
"""What was asked in this run, by function, name, provider and event loop: several servers name one image."""


def before_server(name: str, place: str, parent: pulumi.Resource) -> pulumi.ResourceHookBinding:
    """Hooks that look up what a server names, in the preview already.

    Args:
        name: The component's name.
        place: Where the server is declared, for the error.
        parent: The component, whose provider is asked.
    """

    async def look_up(args: pulumi.ResourceHookArgs) -> None:
        new, old = args.new_inputs or {}, args.old_inputs or {}
        faults = [
            fault
            for field, key, check in _NAMED
            if isinstance(value := new.get(field), str) and value and value != old.get(field)
            if (fault := await check(key_path(place, key), value, parent)) is not None
        ]
        if faults:
            raise ConfigError(faults)

    owner = f"{parent.pulumi_resource_type}-" if isinstance(parent, pulumi.ComponentResource) else ""
    hook = pulumi.ResourceHook(f"look-up-{owner}{name}", look_up, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def network_id(name: str, where: str, opts: pulumi.InvokeOptions | None = None, *, external: bool = False) -> pulumi.Output[str]:
    """Id of a network by its exact name.

    Args:
        name: The name.
        where: The key that names it, for the error.
        opts: Options of the look-up, for example the provider.
        external: Whether only an external network will do.
    """

    async def look_up() -> str:
        try:
            found = await pulumi.runtime.invoke_async(_NETWORK, {"name": name} | ({"external": True} if external else {}), opts)
        except Exception as error:
            if not _UNKNOWN.search(str(error)):
                raise
            raise ConfigError(
                [Fault(where, f"there is no external network {shown(name)} in this cloud", _list("network list --external"))]
            ) from error
        return str(found["id"])

    return pulumi.Output.from_input(look_up())


async def _image(where: str, name: str, parent: pulumi.Resource) -> Fault | None:
    found = await _ask(_IMAGE_IDS, name, parent)
    ids = None if found is None else found["ids"]
    if ids is not None and len(ids) > 1:
        some = ", ".join(sorted(ids)[:_IDS_SHOWN])
        return Fault(where, f"{len(ids)} images are called {shown(name)}, and Nova takes none of them", f"Say image_id: {some}")
    if ids:
        return None
    near = re.match(r"[A-Za-z]+", name)
    like = None
    if near is not None:
        like = await _invoked(_IMAGE, {"nameRegex": f"(?i){near[0]}", "mostRecent": True}, parent)
    remedy = _list("image list") if like is None or "name" not in like else f"Did you mean {like['name']}?"
    return Fault(where, f"there is no image {shown(name)} in this cloud", remedy)


async def _flavor(where: str, name: str, parent: pulumi.Resource) -> Fault | None:
    if await _ask(_FLAVOR, name, parent) is not None:
        return None
    return Fault(where, f"there is no flavor {shown(name)} in this cloud", _list("flavor list"))


async def _key_pair(where: str, name: str, parent: pulumi.Resource) -> Fault | None:
    if await _ask(_KEY_PAIR, name, parent) is not None:
        return None
    return Fault(
        where, f"this user has no key pair {shown(name)}", f"{_list('keypair list')}; `openstack keypair create` makes one"
    )


def _list(command: str) -> str:
    return f"Write a name that `openstack {command}` shows"


Check = Callable[[str, str, pulumi.Resource], Awaitable[Fault | None]]

_NAMED: Final[tuple[tuple[str, str, Check], ...]] = (
    ("imageName", "image", _image),
    ("flavorName", "flavor", _flavor),
    ("keyPair", "key_pair", _key_pair),
)
"""Inputs of the server that name something, the keys that they come from, and how each is looked up."""


async def _ask(token: str, name: str, parent: pulumi.Resource) -> Mapping[str, Any] | None:
    """The answer for a name, asked once for all servers of one component's provider; None if there is nothing of the name."""
    provider = getattr(parent, "_providers", {}).get("openstack")
    asked = (token, name, id(provider), id(asyncio.get_running_loop()))
    if asked not in _asked:
        _asked[asked] = asyncio.ensure_future(_invoked(token, {"name": name}, parent))
    return await _asked[asked]


async def _invoked(token: str, args: Mapping[str, Any], parent: pulumi.Resource) -> Mapping[str, Any] | None:
    """The provider's answer; None if there is nothing like it."""
    try:
        found: Mapping[str, Any] = await pulumi.runtime.invoke_async(token, dict(args), pulumi.InvokeOptions(parent=parent))
    except Exception as error:  # noqa: BLE001 - the SDK raises plain exceptions
        return None if _UNKNOWN.search(str(error)) else _NOT_ASKED
    return found
