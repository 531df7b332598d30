"""The operations of a resource type, and the rules that convert Pulumi's names to those of the API."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .cloud import Cloud, Json


@dataclass(frozen=True)
class ResourceType:
    """One type of the openstack provider."""

    inputs: frozenset[str]
    """Inputs that are supported; any other is refused, not ignored."""
    create: Callable[[Cloud, Json, Callable[[str], None]], None]
    """Creates an object from plain inputs, and reports its id at once, so that it is recorded even if a later step fails."""
    read: Callable[[Cloud, str, Json], Json]
    """Returns the outputs of an id. The inputs supply what the API does not return."""
    delete: Callable[[Cloud, str, Json], None]
    """Deletes an id, which may have been deleted already."""


def words(text: str) -> frozenset[str]:
    """Split a list of names that are separated by spaces."""
    return frozenset(text.split())


def given(inputs: Mapping[str, Any]) -> Json:
    """Omit what the provider treats like a missing value: zeros, empty texts and lists. False and the values of maps are kept."""

    def there(value: Any) -> bool:
        return value is False or value not in (0, "", [], {})

    def item(value: Any) -> Any:
        return {key: inner for key, inner in value.items() if there(inner)} if isinstance(value, dict) else value

    values = {name: [item(entry) for entry in value] if isinstance(value, list) else value for name, value in inputs.items()}
    return {name: value for name, value in values.items() if there(value)}


def snake(name: str) -> str:
    """Convert a Pulumi name to that of the API: adminStateUp -> admin_state_up."""
    return re.sub("([A-Z])", r"_\1", name).lower()


def snake_keys(value: Any) -> Any:
    """Convert the keys of nested inputs to those of the API."""
    if isinstance(value, dict):
        return {snake(key): snake_keys(item) for key, item in value.items()}
    return [snake_keys(item) for item in value] if isinstance(value, list) else value


def camel_keys(value: Any) -> Any:
    """Convert the keys of a nested answer to those of Pulumi."""
    if isinstance(value, dict):
        return {re.sub("_([a-z])", lambda match: match[1].upper(), key): camel_keys(item) for key, item in value.items()}
    return [camel_keys(item) for item in value] if isinstance(value, list) else value


def with_name(inputs: Mapping[str, Any], logical_name: str) -> Json:
    """Add a name if the program gives none, as the provider does: the logical name and seven random hexadecimal digits."""
    return {"name": f"{logical_name}-{secrets.token_hex(4)[:7]}", **inputs}
