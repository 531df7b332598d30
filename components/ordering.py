"""Adds dependencies to an output and keeps it known in previews; and an output that is not known yet."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

import pulumi

T = TypeVar("T")


def after(value: pulumi.Output[T], *others: pulumi.Output[object]) -> pulumi.Output[T]:
    """The same value, which depends on the resources of the others as well.

    `Output.all` would make the value unknown in a preview in which any of the others is about to change, and a property
    that forces replacement would then look as if it changed.
    """

    async def resources() -> set[pulumi.Resource]:
        found = set(await value.resources())
        for other in others:
            found |= await other.resources()
        return found

    async def future() -> T:
        for other in others:
            await other.future()
        return await _value(value)

    return pulumi.Output(_Later(resources), _Later(future), _Later(value.is_known), _Later(value.is_secret))


def unknown() -> pulumi.Output[Any]:
    """An output whose value nothing knows before the update."""

    async def value(given: Any) -> Any:
        return given

    return pulumi.Output(set(), value(None), value(False))


class _Later(Generic[T]):
    """An awaitable that starts when it is awaited: Python warns of every coroutine that a failed program never awaited."""

    def __init__(self, start: Callable[[], Awaitable[T]]) -> None:
        self._start = start

    def __await__(self) -> Generator[Any, Any, T]:
        return self._start().__await__()


def _value(output: pulumi.Output[T]) -> Awaitable[T]:
    # an unknown output's future yields None: the type says T, as pulumi.Output's own constructor does
    return output.future()  # type: ignore[return-value]
