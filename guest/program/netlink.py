"""Sends and receives rtnetlink messages. The numbers are those of linux/netlink.h and linux/rtnetlink.h.

`_socket` is used instead of `socket`, because importing that takes 6 ms, most of a start.
"""

import _socket
from struct import Struct

HEADER = Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence number, port of the sender."""
ATTRIBUTE = Struct("=HH")
"""struct nlattr: length, type."""
NUMBER = Struct("=I")

ERROR, DONE = 2, 3
NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34
REQUEST, ACKNOWLEDGE, INTERRUPTED, TOLD_IN_WORDS, DUMP = 1, 4, 0x10, 0x200, 0x300
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400

BATCH = 100
"""How many requests are sent at once. Only the last is acknowledged, but 100 failures fit into the receive buffer too."""
_GROUPS = (1, 5, 9, 7, 11, 8, 19)
"""Who hears of links, addresses, routes and rules of both families."""
_RECEIVE_BYTES = 1 << 17
_EVENT_BUFFER_BYTES = 4 << 20
_TRIES = 4
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _SO_RCVBUFFORCE = 270, 10, 11, 33


class Unreadable(Exception):
    """The kernel did not give a whole answer, or its events were lost."""


def attributes(body: bytes, start: int = 0) -> "dict[int, bytes]":
    """Return the attributes that begin at an offset, by type. Raises Unreadable if their lengths do not fit."""
    found = {}
    while start + 4 <= len(body):
        length, kind = ATTRIBUTE.unpack_from(body, start)
        if length < 4 or start + length > len(body):
            raise Unreadable("an attribute is longer than its message")
        found[kind & 0x3FFF] = body[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    return ATTRIBUTE.pack(len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def messages(data: bytes) -> "list[tuple[int, int, int, int, bytes]]":
    """Split what was received into type, flags, sequence number, sender and body of each message."""
    found = []
    start = 0
    while start + 16 <= len(data):
        length, kind, flags, sequence, port = HEADER.unpack_from(data, start)
        if length < 16 or start + length > len(data):
            raise Unreadable("a message is longer than what was received")
        found.append((kind, flags, sequence, port, data[start + 16 : start + length]))
        start += (length + 3) & ~3
    return found


def _code(body: bytes) -> int:
    """Return the error number of an answer, 0 for success; the kernel writes it negative."""
    return -NUMBER.unpack_from(body)[0] & 0xFFFFFFFF if len(body) >= 4 else 0


class Connection:
    """A socket for requests. It can ask for one dump at a time."""

    def __init__(self) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self.port: int = self._socket.getsockname()[0]
        self._sequence = 0
        try:
            for option in (_CAP_ACK, _EXT_ACK):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        except OSError:  # Linux before 4.12 has no words for its errors
            pass

    def dump(self, kind: int, body: bytes) -> "list[bytes]":
        """Return the body of every message of a dump. Raises Unreadable if it was not whole in several tries."""
        for _ in range(_TRIES):
            self._sequence += 1
            self._socket.send(HEADER.pack(16 + len(body), kind, REQUEST | DUMP, self._sequence, 0) + body)
            found: "list[bytes]" = []
            if self._receive_dump(found):
                return found
        raise Unreadable("the kernel changes faster than it can be read")

    def _receive_dump(self, found: "list[bytes]") -> bool:
        whole = True
        while True:
            for kind, flags, sequence, _, body in messages(self._socket.recv(_RECEIVE_BYTES)):
                if sequence != self._sequence:
                    continue
                whole = whole and not flags & INTERRUPTED
                if kind in (DONE, ERROR):
                    if _code(body):
                        raise Unreadable(f"the kernel answers with error {_code(body)}")
                    return whole
                found.append(body)

    def write(self, requests: "list[tuple[int, int, bytes]]") -> "list[tuple[int, int, str]]":
        """Send requests: type, flags, body. One that fails does not stop those behind it.

        Returns:
            Position, error number and the kernel's own words for each that failed.
        """
        failed = []
        for start in range(0, len(requests), BATCH):
            data, first = b"", self._sequence + 1
            chosen = requests[start : start + BATCH]
            for position, (kind, flags, body) in enumerate(chosen, 1):
                self._sequence += 1
                more = REQUEST | (ACKNOWLEDGE if position == len(chosen) else 0)
                data += HEADER.pack(16 + len(body), kind, flags | more, self._sequence, 0) + body + b"\0" * (-len(body) % 4)
            self._socket.send(data)
            failed += [(start + sequence - first, code, words) for sequence, code, words in self._receive_errors()]
        return failed

    def _receive_errors(self) -> "list[tuple[int, int, str]]":
        failed = []
        while True:
            for kind, flags, sequence, _, body in messages(self._socket.recv(_RECEIVE_BYTES)):
                if kind == ERROR and _code(body):
                    # attributes follow the header of the request; 1 is the text
                    words = attributes(body, 20).get(1, b"") if flags & TOLD_IN_WORDS else b""
                    failed.append((sequence, _code(body), words.rstrip(b"\0").decode("ascii", "replace")))
                if kind == ERROR and sequence == self._sequence:
                    return failed


class Events:
    """A socket that hears of every change of links, addresses, routes and rules."""

    def __init__(self) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK, 0)
        try:
            self._socket.setsockopt(_socket.SOL_SOCKET, _SO_RCVBUFFORCE, _EVENT_BUFFER_BYTES)
        except OSError:  # without CAP_NET_ADMIN; what is lost then is looked for
            pass
        self._socket.bind((0, sum([1 << (group - 1) for group in _GROUPS])))
        self.fileno = self._socket.fileno

    def read(self) -> "list[tuple[int, int, bytes]]":
        """Return type, sender and body of all that is waiting. Raises Unreadable if something was lost."""
        found: "list[tuple[int, int, bytes]]" = []
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return found
            except OSError as error:
                raise Unreadable("events were lost") from error
            found += [(kind, port, body) for kind, _, _, port, body in messages(data)]
