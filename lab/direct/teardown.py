"""Deletes the resources of a stack: each one after those that depend on it, and independent ones in parallel."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from .cloud import CloudError
from .errors import DirectError
from .provider import Providers
from .report import Report
from .state import Resource, Store
from .urns import Urn
from .values import plain


def take_down(store: Store, providers: Providers, report: Report, parallel: int) -> dict[str, str]:
    """Delete all resources of a state. Those that could not be deleted remain in it for the next attempt.

    Args:
        store: the stack's state.
        providers: the providers that created the resources.
        report: receives the progress.
        parallel: number of deletions that may run at the same time.

    Returns:
        The reason for each resource that could not be deleted. The resources that it depends on remain too and were not tried.
    """
    failed: dict[str, str] = {}

    def delete(resource: Resource) -> None:
        started = time.monotonic()
        if resource.made and not resource.retain_on_delete:
            provider = providers.of(resource.provider)
            provider.delete(Urn.parse(resource.urn).type, resource.id, plain(resource.inputs))
            report.resource("-", resource.urn, "deleted", time.monotonic() - started)
        elif resource.made:
            report.resource(" ", resource.urn, "kept in the cloud (retain_on_delete)")
        store.forget(resource.urn)

    def fail(resource: Resource, error: BaseException) -> None:
        failed[resource.urn] = str(error) if isinstance(error, CloudError | DirectError) else repr(error)
        report.resource("!", resource.urn, "not deleted")

    in_order(dict(store.state.resources), delete, fail, parallel)
    return failed


def in_order(
    resources: Mapping[str, Resource],
    delete: Callable[[Resource], None],
    fail: Callable[[Resource, BaseException], None],
    parallel: int,
) -> None:
    """Call `delete` for each resource after its dependents are deleted. After a failure, skip what the failed one depends on."""
    dependents = {urn: {other for other in resources if urn in resources[other].dependencies} for urn in resources}
    running: dict[Future[None], str] = {}
    untried = list(reversed(list(resources)))
    with ThreadPoolExecutor(parallel) as pool:
        try:
            while True:
                for urn in [urn for urn in untried if not dependents[urn]]:
                    running[pool.submit(delete, resources[urn])] = urn
                    untried.remove(urn)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    urn = running.pop(future)
                    error = future.exception()
                    if error is not None:
                        fail(resources[urn], error)
                        continue
                    for others in dependents.values():
                        others.discard(urn)
        except KeyboardInterrupt:
            for future in running:
                future.cancel()  # the pool waits for deletions that already run
            raise
