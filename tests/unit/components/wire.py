"""Property values between the Pulumi SDK and its engine: secrets and unknown values as they travel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the wire's mark of a secret
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that no preview can know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the state keeps encrypted."""

    value: Any


def read(message: Struct) -> dict[str, Any]:
    """The properties of a request."""
    return {key: _read(value) for key, value in MessageToDict(message).items()}


def written(properties: Mapping[str, Any]) -> Struct:
    """Properties of an answer."""
    return ParseDict({key: _written(value) for key, value in properties.items()}, Struct())


def _read(value: Any) -> Any:
    match value:
        case dict() if value.get(_SIGNATURE) == _SECRET:
            return Secret(_read(value["value"]))
        case dict():
            return {key: _read(each) for key, each in value.items()}
        case list():
            return [_read(each) for each in value]
        case str() if value == _UNKNOWN:
            return UNKNOWN
    return value


def _written(value: Any) -> Any:
    match value:
        case Secret():
            return {_SIGNATURE: _SECRET, "value": _written(value.value)}
        case Unknown():
            return _UNKNOWN
        case dict():
            return {key: _written(each) for key, each in value.items()}
        case list():
            return [_written(each) for each in value]
    return value
