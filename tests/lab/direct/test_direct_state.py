"""The state file is written atomically, locked, and refused if it cannot be read; resources are deleted in order."""

import multiprocessing
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.direct.errors import DirectError
from lab.direct.state import Resource, State, Store, locked
from lab.direct.teardown import in_order


def thing(name: str, *dependencies: str) -> Resource:
    return Resource(
        f"urn:pulumi:s::p::openstack:t:T::{name}",
        id=f"id-{name}",
        custom=True,
        inputs={"a": [1, None]},
        outputs={},
        dependencies=[f"urn:pulumi:s::p::openstack:t:T::{other}" for other in dependencies],
    )


def test_a_saved_state_is_loaded_unchanged(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.json")
    assert store.state == State()
    store.state.cloud, store.state.complete, store.state.outputs = "project", True, {"o": {"b": 1}}
    store.record(thing("a"))
    store.record(thing("b", "a"))
    assert Store(store.path).state == store.state
    store.forget(thing("a").urn)
    assert list(Store(store.path).state.resources) == [thing("b").urn]
    store.forget(thing("b").urn)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.json")
    store.record(thing("a"))
    before = store.path.read_bytes()
    broken = thing("b")
    broken.outputs = {"x": object()}
    with pytest.raises(TypeError):
        store.record(broken)
    assert store.path.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1}', '{"format": 0, "resources": []}', '{"format": 1, "resources": [{}]}']
)
def test_the_error_for_a_file_of_another_format_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(DirectError, match=str(path)):
        Store(path)
    assert path.read_text() == text


def hold(path: Path, held: threading.Event, release: threading.Event) -> None:
    with locked(path):
        held.set()
        release.wait(30)


def test_a_second_run_is_refused_until_the_first_has_ended_or_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s.json"
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    process = context.Process(target=hold, args=(path, held, release))
    process.start()
    assert held.wait(30)
    with pytest.raises(DirectError, match="another run is using"), locked(path):
        pass
    process.kill()
    process.join()
    with locked(path) as store:
        assert store.state.resources == {}


def graph_of(edges: list[set[int]]) -> dict[str, Resource]:
    """Return resources that each depend on some earlier ones."""
    made = [thing(str(i), *(str(j % i) for j in others if i)) for i, others in enumerate(edges)]
    return {resource.urn: resource for resource in made}


@given(st.lists(st.sets(st.integers(0, 20), max_size=4), max_size=12), st.sets(st.integers(0, 11)), st.integers(1, 4))
def test_resources_are_deleted_after_their_dependents_and_kept_if_a_dependent_failed(
    edges: list[set[int]], bad: set[int], parallel: int
) -> None:
    resources = graph_of(edges)
    failing = {thing(str(i)).urn for i in bad}
    deleted: list[str] = []
    failed: list[str] = []
    mutex = threading.Lock()

    def delete(resource: Resource) -> None:
        with mutex:
            assert all(other in deleted for other in resources if resource.urn in resources[other].dependencies)
            if resource.urn in failing:
                raise RuntimeError("in use")
            deleted.append(resource.urn)

    in_order(resources, delete, lambda resource, _: failed.append(resource.urn), parallel)

    needed: set[str] = set()
    frontier = list(failing & resources.keys())
    while frontier:
        urn = frontier.pop()
        needed |= {urn}
        frontier += [other for other in resources[urn].dependencies if other not in needed]
    assert set(deleted) == resources.keys() - needed
    assert set(failed) <= failing


def test_the_folder_is_its_owners_alone_whoever_made_it(tmp_path: Path) -> None:
    folder = tmp_path / "direct"
    folder.mkdir(mode=0o755)
    with locked(folder / "s.json"):
        assert folder.stat().st_mode & 0o777 == 0o700
