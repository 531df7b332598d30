"""What the engine asks of a resource type, and the rules by which Pulumi's names become the API's."""

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
    """Inputs that are mapped; any other is refused rather than dropped."""
    create: Callable[[Cloud, Json, Callable[[str], None]], None]
    """Create from plain inputs; tell the id as soon as the API has given it, so that a later failure leaves no stranger."""
    read: Callable[[Cloud, str, Json], Json]
    """Read the outputs of an id; the inputs tell what the API does not."""
    delete: Callable[[Cloud, str, Json], None]
    """Delete an id; it may be gone already."""


def words(text: str) -> frozenset[str]:
    """Split a list of names, written with spaces between them."""
    return frozenset(text.split())


def given(inputs: Mapping[str, Any]) -> Json:
    """Leave out what the provider cannot tell from absent: zeros, empty texts and lists. False and a map's values stay."""

    def there(value: Any) -> bool:
        return value is False or value not in (0, "", [], {})

    def item(value: Any) -> Any:
        return {key: inner for key, inner in value.items() if there(inner)} if isinstance(value, dict) else value

    values = {name: [item(entry) for entry in value] if isinstance(value, list) else value for name, value in inputs.items()}
    return {name: value for name, value in values.items() if there(value)}


def snake(name: str) -> str:
    """Turn a Pulumi name into the API's: adminStateUp -> admin_state_up."""
    return re.sub("([A-Z])", r"_\1", name).lower()


def snake_keys(value: Any) -> Any:
    """Turn the keys of nested inputs into the API's."""
    if isinstance(value, dict):
        return {snake(key): snake_keys(item) for key, item in value.items()}
    return [snake_keys(item) for item in value] if isinstance(value, list) else value


def camel_keys(value: Any) -> Any:
    """Turn the keys of a nested answer into Pulumi's."""
    if isinstance(value, dict):
        return {re.sub("_([a-z])", lambda match: match[1].upper(), key): camel_keys(item) for key, item in value.items()}
    return [camel_keys(item) for item in value] if isinstance(value, list) else value


def with_name(inputs: Mapping[str, Any], logical_name: str) -> Json:
    """Fill in the name where the program gives none, in the provider's way: seven random hex digits."""
    return {"name": f"{logical_name}-{secrets.token_hex(4)[:7]}", **inputs}
