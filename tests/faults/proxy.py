"""A proxy before the local cloud's API: it counts what is asked, and answers some of it wrongly, as clouds do.

Everything goes by one port, each service under its name; Keystone's catalogue and the links in the answers are rewritten, so that
clients stay with the proxy.
"""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final

from lab import settings

_HOP: Final = {"connection", "transfer-encoding", "content-length", "content-encoding", "accept-encoding", "host"}
_ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


@dataclass(frozen=True)
class Request:
    """A request as it came in.

    Attributes:
        service: `neutron`, `nova` and so on.
        method: GET, POST, PUT, DELETE.
        path: Its path at the service, with the query.
    """

    service: str
    method: str
    path: str

    @property
    def kind(self) -> str:
        """The request without ids and query: what faults are counted by."""
        return f"{self.method} {self.service}{_ID.sub('*', self.path.split('?')[0])}"

    @property
    def changes(self) -> bool:
        """Whether it changes something; asking Keystone for a token does not."""
        return self.method in ("POST", "PUT", "DELETE", "PATCH") and self.service != "keystone"


@dataclass(frozen=True)
class Fault:
    """What is done to a request.

    Attributes:
        status: Answer with this status; 0 for none.
        after: Whether the work is done first and its answer is lost.
        drop: Close the connection instead of answering.
        seconds: Wait as long before the request goes on.
    """

    status: int = 0
    after: bool = False
    drop: bool = False
    seconds: float = 0


Choose = Callable[[Request], Fault | None]
Answer = Callable[[Request], bytes | None]


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        clouds_yaml: Leads clients through it.
        requests: Everything that was asked, in order.
        choose: Says which fault a request meets.
        answer: Answers a request in the cloud's place with a JSON body; None for the cloud's own answer.
    """

    clouds_yaml: Path
    requests: list[Request] = field(default_factory=list)
    choose: Choose = lambda _: None
    answer: Answer = lambda _: None

    @property
    def environment(self) -> dict[str, str]:
        """For whoever asks the cloud."""
        return {"OS_CLIENT_CONFIG_FILE": str(self.clouds_yaml), "OS_CLOUD": "local"}

    def changes(self) -> list[Request]:
        """The requests that would have changed something."""
        return [each for each in self.requests if each.changes]


@contextmanager
def before(clouds_yaml: Path, folder: Path) -> Iterator[Proxy]:
    """A proxy before the local cloud that this clouds.yaml leads to.

    Args:
        clouds_yaml: The lab's own, beside its record.
        folder: Where the proxy's own is written.
    """
    found = settings.load(clouds_yaml.parent)
    assert found is not None, f"no local cloud in {clouds_yaml.parent}"
    ports = {service: found.port(service) for service in settings.SERVICES}
    folder.mkdir(parents=True, exist_ok=True)
    proxy = Proxy(folder / "clouds.yaml")
    handler = type("Handler", (_Handler,), {"proxy": proxy, "ports": ports})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    text = clouds_yaml.read_text()
    proxy.clouds_yaml.write_text(_outward(text.encode(), ports, server.server_port).decode())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def _outward(body: bytes, ports: Mapping[str, int], own: int) -> bytes:
    for service, port in ports.items():
        body = body.replace(f"http://127.0.0.1:{port}".encode(), f"http://127.0.0.1:{own}/{service}".encode())
    return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]
    ports: ClassVar[Mapping[str, int]]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: the proxy keeps its own record."""

    def handle(self) -> None:
        """Serve a connection; one that its client has left, as a killed one does, is no error."""
        with suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        service, _, rest = self.path.lstrip("/").partition("/")
        request = Request(service, self.command, f"/{rest}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.requests.append(request)
        made_up = self.proxy.answer(request)
        if made_up is not None:
            self._reply(200, {"Content-Type": "application/json"}, made_up)
            return
        fault = self.proxy.choose(request) or Fault()
        time.sleep(fault.seconds)
        if (fault.drop or fault.status) and not fault.after:
            self._fail(fault)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=300)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP}
        upstream.request(self.command, request.path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if fault.drop or fault.status:
            self._fail(fault)
            return
        self._reply(answer.status, dict(answer.getheaders()), content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 - the base class's names

    def _fail(self, fault: Fault) -> None:
        if fault.drop:
            self.close_connection = True
            self.connection.close()
            return
        headers = {"Content-Type": "application/json", **({"Retry-After": "1"} if fault.status in (429, 503) else {})}
        self._reply(fault.status, headers, b'{"NeutronError": {"type": "Fault", "message": "made by the test", "detail": ""}}')

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        assert isinstance(self.server, ThreadingHTTPServer)
        own = self.server.server_port
        content = _outward(content, self.ports, own)
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in _HOP:
                self.send_header(key, _outward(value.encode(), self.ports, own).decode())
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
