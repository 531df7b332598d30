"""Asks for the server's metadata: the metadata service while the server lives, the config drive at its boot.

A good answer becomes the cache. An empty, failed, odd or another server's answer changes nothing.
"""

import _socket
import sys
import time

from . import inputs
from .inputs import FILE_BYTES_MAX
from .kernel import Link, exists
from .metadata import cache_text, read_records
from .numbers import CACHE_PATH, METADATA_PREFIX, RUN_FOLDER
from .options import ENVIRONMENT
from .plan import printable
from .state import make_folder, write

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes longer than an apply
    from typing import Any

_DOCUMENT = "openstack/latest/meta_data.json"
_REQUEST = f"GET /{_DOCUMENT} HTTP/1.0\r\nHost: metadata\r\n\r\n".encode()
_SECONDS = 5
_HEAD_BYTES_MAX = 4096
_KEY_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:-"
_SEED = f"/var/lib/cloud/seed/config_drive/{_DOCUMENT}"
_DRIVES = ("/dev/disk/by-label/config-2", "/dev/disk/by-label/CONFIG-2")
"""Where a config drive is found; cloud-init takes both spellings too."""


def say(text: str) -> None:
    """Write a line to the journal, or to whoever called."""
    sys.stderr.write(f"policy-routing: {printable(text)}\n")
    sys.stderr.flush()


def ask(links: "list[Link]") -> bool:
    """Ask the metadata service, by each link at its IPv6 address if IPv4 does not lead there; return whether it was good."""
    targets: "list[Any]" = [(_socket.AF_INET, ("169.254.169.254", 80))]
    targets += [(_socket.AF_INET6, ("fe80::a9fe:a9fe", 80, 0, link.index)) for link in links]
    for family, target in targets:
        answer = _fetch(family, target)
        if answer:
            body = body_of(answer)
            return body is not None and take_answer("service", body)
    return False


def _fetch(family: int, target: "Any") -> bytes:
    """Return all that is answered within the time limit, or nothing."""
    until = time.monotonic() + _SECONDS
    answer = b""
    connection = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
    try:
        connection.settimeout(_SECONDS)
        connection.connect(target)
        connection.send(_REQUEST)
        while len(answer) < FILE_BYTES_MAX:
            connection.settimeout(max(until - time.monotonic(), 0.001))
            more = connection.recv(65536)
            if not more:
                break
            answer += more
    except OSError:
        return b""
    finally:
        connection.close()
    return answer


def body_of(answer: bytes) -> "bytes | None":
    """Return what a whole and good HTTP answer holds; None for any other."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end or head[:13] not in (b"HTTP/1.0 200 ", b"HTTP/1.1 200 ") or len(body) > FILE_BYTES_MAX - _HEAD_BYTES_MAX:
        return None
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip() != str(len(body)).encode():
            return None
    return body


def read_answer(body: bytes) -> "tuple[object, dict[str, str]]":
    """Return the server's uuid and our items of its metadata. Raises ValueError if it is not as Nova writes it."""
    import json

    def first_of_each(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
        return dict(reversed(pairs))

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        answer = json.loads(body.decode(), object_pairs_hook=first_of_each, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if not isinstance(answer, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - one kind of error for all that is wrong
    items = answer.get("meta")
    values: "dict[str, str]" = {}
    # the pairs were turned round, so that the first of several with one key counts
    for key, value in reversed(list(items.items())) if isinstance(items, dict) else ():
        if key.startswith(METADATA_PREFIX) and isinstance(value, str):
            values.setdefault("".join([each if each in _KEY_CHARACTERS else "?" for each in key[:255]]), value)
    return answer.get("uuid"), values


def take_answer(origin: str, body: bytes) -> bool:
    """Make a good answer the cache; where a record is refused, or all are, the old ones stay."""
    told = inputs.read()
    problem = ""
    values: "dict[str, str]" = {}
    try:
        server, values = read_answer(body)
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
    text = cache_text(values, records, told.server, told.cached)
    for reason in records.refused:
        say(f"metadata of the {origin}: {reason}")
    if text != told.cached:
        write(CACHE_PATH, text)
    return True


def read_drive() -> bool:
    """Take the metadata of the config drive, unless the service, which is fresher, has answered; return whether it is well."""
    if inputs.read().records.origin == "service":
        return True
    seed = inputs.read_file(_SEED)
    if seed is not None:
        return take_answer("drive", seed.encode("latin-1"))
    for drive in _DRIVES:
        if exists(drive):
            return take_answer("drive", _read_mounted(drive))
    say("there is no config drive; the metadata service will be asked")
    return False


def _read_mounted(drive: str) -> bytes:
    """Return the document on a drive, which is mounted where nobody else sees it."""
    import subprocess

    folder = f"{RUN_FOLDER}/drive"
    make_folder(folder)
    script = 'mount -o ro,nosuid,nodev,noexec "$1" "$2" && head -c "$3" "$2/$4"'
    words = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        "drive",
        drive,
        folder,
        str(FILE_BYTES_MAX),
        _DOCUMENT,
    ]
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=ENVIRONMENT, check=False).stdout
