"""Asks for the server's metadata: the metadata service while the server lives, the config drive at its boot.

A good answer becomes the cache. An empty, failed, odd or another server's answer changes nothing.
"""

import _socket
import posix
import sys
import time

from . import inputs
from .inputs import Inputs, Refused
from .kernel import Link
from .metadata import cache_text, read_records
from .numbers import CACHE_PATH, FILE_BYTES_MAX, METADATA_PREFIX, RUN_FOLDER, STATE_FOLDER
from .options import make_folder
from .plan import printable
from .state import write

_HOST, _HOST6 = "169.254.169.254", "fe80::a9fe:a9fe"
_PORT = 80
_DOCUMENT = "openstack/latest/meta_data.json"
_REQUEST = f"GET /{_DOCUMENT} HTTP/1.0\r\nHost: metadata\r\n\r\n".encode()
_SECONDS = 5
_HEAD_BYTES_MAX = 4096
_KEY_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:-"
_KEY_CHARACTERS_MAX = 255
_SEED = f"/var/lib/cloud/seed/config_drive/{_DOCUMENT}"
_DRIVES = ("/dev/disk/by-label/config-2", "/dev/disk/by-label/CONFIG-2")
"""Where a config drive is found; cloud-init takes both spellings too."""


def say(text: str) -> None:
    """Write a line to the journal, or to whoever called."""
    sys.stderr.write(f"policy-routing: {printable(text) if len(text) < 200 else text}\n")
    sys.stderr.flush()


def ask(links: "list[Link]") -> bool:
    """Ask the metadata service, at its IPv6 address where IPv4 does not lead there.

    Args:
        links: The interfaces by which its IPv6 address is tried.

    Returns:
        Whether it gave a good answer.
    """
    targets: "list[tuple[int, tuple[object, ...]]]" = [(_socket.AF_INET, (_HOST, _PORT))]
    targets += [(_socket.AF_INET6, (_HOST6, _PORT, 0, link.index)) for link in links]
    for family, target in targets:
        answer = _fetch(family, target)
        if answer:
            body = _body(answer)
            return body is not None and take_answer("service", body)
    return False


def _fetch(family: int, target: "tuple[object, ...]") -> bytes:
    """Return all that the service answers within the time limit; nothing if it does not."""
    until = time.monotonic() + _SECONDS
    answer = b""
    try:
        connection = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
        try:
            connection.settimeout(_SECONDS)
            connection.connect(target)
            connection.send(_REQUEST)
            while len(answer) < FILE_BYTES_MAX:
                left = until - time.monotonic()
                if left <= 0:
                    return b""
                connection.settimeout(left)
                more = connection.recv(65536)
                if not more:
                    break
                answer += more
        finally:
            connection.close()
    except OSError:
        return b""
    return answer


def _body(answer: bytes) -> "bytes | None":
    """Return what a whole and good HTTP answer holds; None for any other."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end or head[:9] not in (b"HTTP/1.0 ", b"HTTP/1.1 ") or head[9:13] != b"200 " or len(body) > FILE_BYTES_MAX - _HEAD_BYTES_MAX:
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip() != str(len(body)).encode():
            return None
    return body


def read_meta_data(body: bytes) -> "tuple[str, dict[str, str]]":
    """Return the server's uuid and our items of its metadata.

    Raises:
        ValueError: It is not as Nova writes it.
    """
    import json

    try:
        answer = json.loads(body.decode(), object_pairs_hook=_first_of_each, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(answer, dict):
        raise ValueError("no object")
    server, items = answer.get("uuid"), answer.get("meta")
    values = {}
    for key, value in items.items() if isinstance(items, dict) else ():
        if key.startswith(METADATA_PREFIX) and isinstance(value, str):
            odd = [character if character in _KEY_CHARACTERS else "?" for character in key[:_KEY_CHARACTERS_MAX]]
            values.setdefault("".join(odd), value)
    return server if isinstance(server, str) else "", values


def _first_of_each(pairs: "list[tuple[str, object]]") -> "dict[str, object]":
    found: "dict[str, object]" = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def _refuse(text: str) -> object:
    raise ValueError(text)


def take_answer(origin: str, body: bytes) -> bool:
    """Make a good answer the cache; where a record is refused, or all are, the old ones stay.

    Raises:
        Refused: There is no good plan.
    """
    told = inputs.read()
    problem = ""
    values: "dict[str, str]" = {}
    try:
        server, values = read_meta_data(body)
    except ValueError:
        problem = "it is not as Nova writes it"
    else:
        if told.server and server != told.server:
            problem = "it is another server's"
        elif not values:
            problem = "it names no port"
    if problem:
        say(f"metadata of the {origin}: {problem}; nothing is changed")
        return False
    records = read_records(values, told.plan, origin)
    text = cache_text(values, records, told.server, told.texts[1])
    for reason in records.refused:
        say(f"metadata of the {origin}: {reason}")
    if text != told.texts[1]:
        make_folder(STATE_FOLDER)
        write(CACHE_PATH, text)
    return True


def read_drive() -> bool:
    """Take the metadata of the config drive, unless the service, which is fresher, has answered before.

    Returns:
        Whether it was taken, or need not be.
    """
    told: Inputs = inputs.read()
    if told.records.origin == "service":
        return True
    text = inputs.read_file(_SEED, FILE_BYTES_MAX)
    body = None if text is None else text.encode("latin-1")
    if body is None:
        for drive in _DRIVES:
            try:
                posix.stat(drive)
            except OSError:
                continue
            body = _read_mounted(drive)
            break
        else:
            say("there is no config drive; the metadata service will be asked")
            return False
    return take_answer("drive", body)


def _read_mounted(drive: str) -> bytes:
    """Read the document from a drive that is mounted where nobody else sees it."""
    import subprocess

    folder = f"{RUN_FOLDER}/drive"
    make_folder(RUN_FOLDER)
    make_folder(folder)
    script = 'mount -o ro,nosuid,nodev,noexec "$1" "$2" && head -c "$3" "$2/$4"'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "drive"]
    done = subprocess.run(
        [*words, drive, folder, str(FILE_BYTES_MAX), _DOCUMENT],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        check=False,
    )
    return done.stdout


__all__ = ["Refused", "ask", "read_drive", "read_meta_data", "say", "take_answer"]
