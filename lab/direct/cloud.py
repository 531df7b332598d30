"""Client of the local cloud's APIs. Paths, bodies and errors are those of Neutron, Nova and Glance."""

import functools
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import openstack
from keystoneauth1 import exceptions as keystone
from openstack import exceptions

from .errors import DirectError

Service = Literal["network", "compute", "image"]
Json = dict[str, Any]

REQUEST_TIMEOUT = 300
"""Seconds to wait for an answer. SQLite makes Neutron slow under load, but an answer never takes this long."""
WAIT = 300
"""Seconds to wait for a server to become ACTIVE or to be deleted; the fake hypervisor needs 1 to 5."""
BUSY_WAIT = 60
"""Seconds during which a DELETE is repeated while the answer is 409 because the object is still in use."""
POLL = 0.5
"""Seconds between two requests while waiting."""

_AUTH = {
    "authUrl": "auth_url",
    "userName": "username",
    "userId": "user_id",
    "password": "password",
    "tenantName": "project_name",
    "tenantId": "project_id",
    "userDomainName": "user_domain_name",
    "userDomainId": "user_domain_id",
    "projectDomainName": "project_domain_name",
    "projectDomainId": "project_domain_id",
    "token": "token",
    "applicationCredentialId": "application_credential_id",
    "applicationCredentialName": "application_credential_name",
    "applicationCredentialSecret": "application_credential_secret",
}
_HARMLESS = {"maxRetries", "insecure", "allowReauth", "delayedAuth", "enableLogging", "disableNoCacheHeader", "version"}


class CloudError(Exception):
    """An API has refused a request; `status` is the HTTP status. It is 0 if the request was accepted but failed later."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}" if status else text)
        self.status = status


class Cloud:
    """A connection to one cloud as one user. It connects at its first use, so that errors of the program are reported first.

    Args:
        settings: settings of the openstack provider by their Pulumi names; if empty, clouds.yaml and OS_* apply as usual.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._connecting = threading.Lock()
        self._object_locks: dict[str, threading.Lock] = {}

    @functools.cached_property
    def _connection(self) -> openstack.connection.Connection:
        auth: dict[str, Any] = {}
        options: dict[str, Any] = {"api_timeout": REQUEST_TIMEOUT, "auth": auth}
        for key, value in self._settings.items():
            if key in _AUTH:
                auth[_AUTH[key]] = value
            elif key in ("cloud", "region"):
                options["cloud" if key == "cloud" else "region_name"] = value
            elif key not in _HARMLESS:
                raise DirectError(f"openstack provider setting {key}: the direct driver does not support it; remove it.")
        try:
            connection = openstack.connect(**options)
            _refuse_remote(str(connection.config.get_auth_args().get("auth_url", "")))
            connection.authorize()
            for service in ("network", "compute", "image"):
                getattr(connection, service)  # runs the version discovery now, because later calls come from several threads
        except (exceptions.SDKException, keystone.ClientException, OSError) as error:
            raise DirectError(f"cannot use the local cloud: {error}") from error
        return connection

    @property
    def connection(self) -> openstack.connection.Connection:
        """The authorized connection."""
        with self._connecting:
            return self._connection

    @property
    def region(self) -> str:
        """Name of the region; empty if the cloud has none."""
        return str(self.connection.config.get_region_name() or "")

    @property
    def project_id(self) -> str:
        """Id of the project in which everything is created."""
        return str(self.connection.current_project_id)

    def lock(self, key: str) -> threading.Lock:
        """Return the lock of an object whose changes must read it and write it back as a whole."""
        return self._object_locks.setdefault(key, threading.Lock())

    def call(
        self,
        method: str,
        service: Service,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        microversion: str | None = None,
    ) -> Json:
        """Send one request and return the body of the answer; empty if it has none.

        Raises:
            CloudError: the answer is an error, or no answer came.
        """
        adapter = getattr(self.connection, service)
        arguments: dict[str, Any] = {"json": body} if body is not None else {}
        try:
            response = adapter.request(path, method, params=query or {}, microversion=microversion, **arguments)
        except (exceptions.SDKException, keystone.ClientException) as error:
            raise CloudError(getattr(error, "http_status", 0) or 0, str(error)) from error
        if response.status_code >= 400:  # noqa: PLR2004 -- every status from here on is an error
            raise CloudError(response.status_code, _reason(response.text))
        return dict(response.json()) if response.content else {}

    def get(self, service: Service, path: str, **query: Any) -> Json:
        """GET a path."""
        return self.call("GET", service, path, query=query)

    def find(self, service: Service, path: str, key: str, **query: Any) -> list[Json]:
        """GET a collection and return the list that the answer holds under `key`."""
        return list(self.get(service, path, **query)[key])

    def delete(self, service: Service, path: str) -> None:
        """DELETE a path. It is no error if it does not exist. While it is in use (409), the request is repeated."""
        until_free(lambda: self.call("DELETE", service, path))

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Wait until `done` returns true.

        Raises:
            CloudError: it takes longer than WAIT seconds.
        """
        deadline = time.monotonic() + WAIT
        while not done():
            if time.monotonic() > deadline:
                raise CloudError(0, f"{what} took longer than {WAIT} s")
            time.sleep(POLL)

    def gone(self, service: Service, path: str) -> bool:
        """Tell whether a GET answers 404."""
        try:
            self.get(service, path)
        except CloudError as error:
            if error.status == 404:  # noqa: PLR2004
                return True
            raise
        return False


def until_free(request: Callable[[], object]) -> None:
    """Send a request that deletes: 404 counts as success, and 409 repeats the request.

    Raises:
        CloudError: the answer is another error, or still 409 after BUSY_WAIT seconds.
    """
    deadline = time.monotonic() + BUSY_WAIT
    while True:
        try:
            request()
        except CloudError as error:
            if error.status == 404:  # noqa: PLR2004
                return
            if error.status != 409 or time.monotonic() > deadline:  # noqa: PLR2004
                raise
            time.sleep(POLL)
        else:
            return


def _refuse_remote(auth_url: str) -> None:
    host = urlsplit(auth_url).hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise DirectError(
            f"{auth_url or 'this cloud'} is not the local cloud: the direct driver deploys only there; use the Pulumi CLI."
        )


def _reason(text: str) -> str:
    """Return the message of an error body: {"NeutronError": {"message": ...}}, {"conflictingRequest": {...}}, or HTML."""
    try:
        body = json.loads(text)
        inner = next(iter(body.values())) if len(body) == 1 else body
        if not isinstance(inner, dict):
            return str(inner)
        return f"{inner['type']}: {inner['message']}" if inner.get("type") else str(inner["message"])
    except (AttributeError, KeyError, TypeError, ValueError, StopIteration):
        return " ".join(text.split())[:500]
