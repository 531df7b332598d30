"""Nova's metadata service as the guest sees it, and as an attacker or an outage would have it."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from tests.netns.topology import Cloud

UUID: Final = "12345678-9abc-4def-8123-456789abcdef"
"""The server's uuid, as Nova and cloud-init know it."""


def meta_data(records: Mapping[str, object], uuid: str = UUID) -> str:
    """Return ``meta_data.json`` as Nova writes it: with much that is none of our business."""
    return json.dumps(
        {
            "uuid": uuid,
            "admin_pass": 'p"\\{}[],: \u00fc\n',
            "hostname": "web.novalocal",
            "keys": [{"name": "k", "type": "ssh", "data": "ssh-ed25519 " + "A" * 700}],
            "launch_index": 0,
            "meta": {"role": "web", **records},
            "project_id": "p" * 32,
            "random_seed": "q" * 684,
            "devices": [],
            "dedicated_cpus": [],
            "availability_zone": None,
        }
    )


class MetadataService:
    """Answers every request with ``answer``, byte for byte; closes at once if there is none."""

    def __init__(self, address: str) -> None:
        self.answer = b""
        self.asked = 0
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(socket.getaddrinfo(address, 80, family, socket.SOCK_STREAM)[0][4])
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2)
                    request = b""
                    while not request.endswith(b"\r\n\r\n") and (more := connection.recv(4096)):
                        request += more
                    if request.startswith(b"GET /openstack/latest/meta_data.json HTTP/1.0\r\n"):
                        self.asked += 1
                        connection.sendall(self.answer)

    def says(self, body: str) -> None:
        """Answer as Nova does from now on."""
        data = body.encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def metadata_service(cloud: Cloud, address: str = "169.254.169.254") -> Iterator[MetadataService]:
    """Serve metadata on the router; the guest knows its uuid."""
    cloud.guest.write("/var/lib/cloud/data/instance-id", f"{UUID}\n")
    if ":" in address:
        cloud.router.ip(f"addr add {address}/64 dev br1 nodad\n")
        address += "%br1"
    else:
        cloud.router.ip(f"addr add {address}/32 dev lo\n")
    service = cloud.router.call(MetadataService, address)
    try:
        yield service
    finally:
        service.stop()
