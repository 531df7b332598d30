"""What one stack's deployment has made: a JSON file, replaced as a whole after each resource."""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import DirectError
from .urns import PROVIDERS, Urn
from .values import Properties

FORMAT = 1


@dataclass
class Resource:
    """One resource that the program registered and that exists."""

    urn: str
    id: str
    """Id in the API; empty for components."""
    custom: bool
    """Whether it stands for something outside the program; components do not."""
    inputs: Properties
    """The inputs exactly as registered (nothing filled in), for the comparison with the next run."""
    outputs: Properties
    dependencies: list[str]
    """URNs that must outlive it: what it depends on, its parent, its provider."""
    provider: str = ""
    """URN of its explicit provider; empty for the default one."""
    trigger: Any = None
    """replacement_trigger, as registered."""
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    """Only read (`Network.get`), never created: never deleted either."""

    @property
    def made(self) -> bool:
        """Whether it stands for something that we made in the cloud: no component, no provider, nothing only read."""
        provider = Urn.parse(self.urn).type.startswith(PROVIDERS)
        return self.custom and bool(self.id) and not self.external and not provider


@dataclass
class State:
    """A stack's resources in the order of their creation, and its outputs."""

    cloud: str = ""
    """Id of the cloud project that holds the resources: a lab that was reset is another cloud."""
    complete: bool = False
    """Whether the run that made them came to its end without a failure."""
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)

    def made(self) -> list[Resource]:
        """List the resources that we made in the cloud."""
        return [resource for resource in self.resources.values() if resource.made]


class Store:
    """The state file. All changes go through `save`, which is atomic, private (0600) and thread-safe.

    Raises:
        DirectError: the file is not one of ours, or another run holds its lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mutex = threading.RLock()
        self.state = self._load()

    def _load(self) -> State:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            if stored.pop("format") != FORMAT:
                raise DirectError(f"{self.path} was written by another version of the direct driver. {_START_OVER}")
            resources = [Resource(**resource) for resource in stored.pop("resources")]
            return State(**stored, resources={resource.urn: resource for resource in resources})
        except FileNotFoundError:
            return State()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DirectError(f"{self.path} is not a state file of the direct driver ({error}). {_START_OVER}") from error

    def save(self) -> None:
        """Write the state; remove the file when nothing is left to know."""
        with self.mutex:
            if not self.state.resources:
                self.path.unlink(missing_ok=True)
                return
            document = {"format": FORMAT, **asdict(self.state), "resources": [asdict(r) for r in self.state.resources.values()]}
            partial = self.path.with_suffix(".partial")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)

    def record(self, resource: Resource) -> None:
        """Add a resource, or what has become known of it, and save."""
        with self.mutex:
            self.state.resources[resource.urn] = resource
            self.save()

    def forget(self, urn: str) -> None:
        """Drop a resource that no longer exists, and save."""
        with self.mutex:
            del self.state.resources[urn]
            self.save()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Store]:
    """Open the state file for one run at a time; the kernel drops the lock with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DirectError(f"another run is using {path}; wait until it has ended.") from None
        yield Store(path)


_START_OVER = "If nothing of it exists any more, delete the file."
