"""The openstack provider of the direct driver: its resource types and look-ups, and the calls that they make to the cloud."""

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
    """What the engine needs of a provider. Inputs and arguments contain no secrets, nulls or unknown values."""

    def identity(self) -> str:
        """Return the id of the cloud project in which resources are created."""

    def check(self, resource_type: str, name: str, inputs: Properties) -> Properties:
        """Return the inputs, completed with the name if the program gives none. No call is made.

        Raises:
            NeedsCliError: the type, or one of its inputs, is not supported.
        """

    def create(self, resource_type: str, inputs: Properties, tell: Callable[[str], None]) -> None:
        """Create an object from checked inputs. `tell` is called with the id as soon as the object has one."""

    def read(self, resource_type: str, id_: str, inputs: Properties) -> Properties:
        """Return the outputs of an existing object."""

    def delete(self, resource_type: str, id_: str, inputs: Properties) -> None:
        """Delete an object. It is no error if it does not exist."""

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Answer a look-up."""


Connect = Callable[[Mapping[str, Any]], Provider]
"""Creates a provider from its settings (by Pulumi names). It connects at its first use."""


class OpenStack:
    """The provider for the local cloud."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._cloud = Cloud(settings)

    def identity(self) -> str:
        """Return the id of the cloud project."""
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
    """The default provider and the providers that a program declares, by URN.

    Args:
        connect: creates a provider from its settings.
        settings: settings of the default provider.
    """

    def __init__(self, connect: Connect, settings: Mapping[str, Any]) -> None:
        self._connect = connect
        self._made = {"": connect(settings)}

    def declare(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Create the provider that a resource of the program declares."""
        resource_type = Urn.parse(urn).type
        if resource_type != PROVIDER_TYPE:
            raise NeedsCliError(f"provider {resource_type} is not supported by the direct driver")
        self._made[urn] = self._connect(plain(inputs))

    def of(self, urn: str) -> Provider:
        """Return the provider of a URN; an empty URN means the default provider."""
        return self._made[urn]
