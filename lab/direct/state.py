"""The state of a stack: a JSON file that is replaced as a whole after each resource."""

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
    """An existing resource that the program has registered."""

    urn: str
    id: str
    """Id in the API; empty for components."""
    custom: bool
    """Whether it represents an object outside the program; components do not."""
    inputs: Properties
    """The inputs as registered, without added names, for the comparison with the next run."""
    outputs: Properties
    dependencies: list[str]
    """URNs that must be deleted after it: those that it depends on, its parent, its provider."""
    provider: str = ""
    """URN of its explicit provider; empty for the default one."""
    trigger: Any = None
    """The replacement_trigger as registered."""
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    """Whether it was only read (`Network.get`); it was not created, so it is never deleted."""

    @property
    def made(self) -> bool:
        """Whether the driver created an object in the cloud for it: not so for components, providers and read resources."""
        provider = Urn.parse(self.urn).type.startswith(PROVIDERS)
        return self.custom and bool(self.id) and not self.external and not provider


@dataclass
class State:
    """The resources of a stack in the order of their creation, and its outputs."""

    cloud: str = ""
    """Id of the cloud project that contains the resources. It differs after a reset of the lab."""
    complete: bool = False
    """Whether the run that created them ended without a failure."""
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)

    def made(self) -> list[Resource]:
        """Return the resources that the driver has created in the cloud."""
        return [resource for resource in self.resources.values() if resource.made]


class Store:
    """The state file. `save` writes it atomically, readable by its owner only (0600), and is thread-safe.

    Raises:
        DirectError: the file is not a state file of the direct driver.
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
        """Write the state; remove the file if there are no resources."""
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
        """Add or update a resource, and save."""
        with self.mutex:
            self.state.resources[resource.urn] = resource
            self.save()

    def forget(self, urn: str) -> None:
        """Remove a resource that no longer exists, and save."""
        with self.mutex:
            del self.state.resources[urn]
            self.save()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Store]:
    """Open the state file under a lock. The kernel releases the lock when the process ends.

    Raises:
        DirectError: another run holds the lock, or the file is not a state file of the direct driver.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)  # whoever made it before: the state holds the stack's secrets
    with path.with_suffix(".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DirectError(f"another run is using {path}; wait until it has ended.") from None
        yield Store(path)


_START_OVER = "If the resources in it no longer exist, delete the file."
