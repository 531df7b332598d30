"""The openstack provider's part: which types and look-ups there are, and what is made of them in the cloud."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from . import compute, networking
from .cloud import Cloud
from .errors import NeedsCliError
from .lookups import LOOKUPS
from .resource_type import ResourceType, given, with_name
from .urns import PROVIDERS, Urn
from .values import Properties, plain

PROVIDER_TYPE = f"{PROVIDERS}openstack"

TYPES: Mapping[str, ResourceType] = networking.TYPES | compute.TYPES


class Provider(Protocol):
    """What the engine needs of a provider. Inputs and arguments are plain: no secrets, nulls or unknowns inside."""

    def identity(self) -> str:
        """Name the cloud project that everything is made in."""

    def check(self, resource_type: str, name: str, inputs: Properties) -> Properties:
        """Fill in what the program may leave out (the name), without any call.

        Raises:
            NeedsCliError: the type, or one of its inputs, is not mapped.
        """

    def create(self, resource_type: str, inputs: Properties, tell: Callable[[str], None]) -> None:
        """Create from checked inputs; `tell` gets the id as soon as there is one."""

    def read(self, resource_type: str, id_: str, inputs: Properties) -> Properties:
        """Read the outputs of what exists."""

    def delete(self, resource_type: str, id_: str, inputs: Properties) -> None:
        """Delete; what is gone already is fine."""

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Answer a look-up."""


Connect = Callable[[Mapping[str, Any]], Provider]
"""Makes a provider of its settings (Pulumi names); connecting itself waits for the first use."""


class OpenStack:
    """The provider on the local cloud."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._cloud = Cloud(settings)

    def identity(self) -> str:
        """Give the project's id."""
        return self._cloud.project_id

    def check(self, resource_type: str, name: str, inputs: Properties) -> Properties:
        """See `Provider.check`."""
        known = TYPES.get(resource_type)
        if known is None:
            raise NeedsCliError(f"resource type {resource_type} is not supported by the direct driver")
        strange = sorted(inputs.keys() - known.inputs)
        if strange:
            raise NeedsCliError(f"{resource_type}: the direct driver does not map {', '.join(strange)}")
        return with_name(inputs, name) if "name" in known.inputs else inputs

    def create(self, resource_type: str, inputs: Properties, tell: Callable[[str], None]) -> None:
        """See `Provider.create`."""
        TYPES[resource_type].create(self._cloud, given(inputs), tell)

    def read(self, resource_type: str, id_: str, inputs: Properties) -> Properties:
        """See `Provider.read`."""
        return TYPES[resource_type].read(self._cloud, id_, inputs)

    def delete(self, resource_type: str, id_: str, inputs: Properties) -> None:
        """See `Provider.delete`."""
        TYPES[resource_type].delete(self._cloud, id_, inputs)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """See `Provider.invoke`."""
        known, look_up = LOOKUPS.get(token, ("", None))
        if look_up is None:
            raise NeedsCliError(f"function {token} is not supported by the direct driver")
        strange = sorted(arguments.keys() - {*known.split(), "region"})
        if strange:
            raise NeedsCliError(f"{token}: the direct driver does not map {', '.join(strange)}")
        return {"region": self._cloud.region, **arguments, **look_up(self._cloud, arguments)}


class Providers:
    """The default provider and those that a program declares itself, by URN.

    Args:
        connect: makes a provider of its settings.
        settings: the default provider's settings.
    """

    def __init__(self, connect: Connect, settings: Mapping[str, Any]) -> None:
        self._connect = connect
        self._made = {"": connect(settings)}

    def declare(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Make the provider that a resource of the program stands for."""
        resource_type = Urn.parse(urn).type
        if resource_type != PROVIDER_TYPE:
            raise NeedsCliError(f"provider {resource_type} is not supported by the direct driver")
        self._made[urn] = self._connect(plain(inputs))

    def of(self, urn: str) -> Provider:
        """Give the provider of a URN; the empty one is the default provider's."""
        return self._made[urn]
