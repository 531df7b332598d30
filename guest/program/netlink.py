"""The wire format of rtnetlink: messages, their fields and attributes, and a socket that sends and receives them.

Numbers and layouts are those of the kernel's headers linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h and
linux/fib_rules.h. `_socket` is used instead of `socket`, because importing the latter takes 6 ms, most of a start.
"""

import _socket
from struct import Struct, error as StructError

HEADER = Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence number, port of the sender."""
ATTRIBUTE = Struct("=HH")
"""struct nlattr: length, type."""
LINK = Struct("=BxHiII")
"""struct ifinfomsg: family, hardware type, index, flags, mask of the flags that change."""
ADDRESS = Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
ROUTE = Struct("=BBBBBBBBI")
"""struct rtmsg: family, destination length, source length, TOS, table, protocol, scope, type, flags."""
RULE = Struct("=BBBBBxxBI")
"""struct fib_rule_hdr: family, destination length, source length, TOS, table, action, flags."""
NEXT_HOP = Struct("=HBBi")
"""struct rtnexthop: length, flags, weight less one, index."""
NUMBER = Struct("=I")
SIGNED = Struct("=i")

# Types of messages.
DONE, ERROR = 3, 2
NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34

# Flags of messages.
REQUEST, ACKNOWLEDGE, INTERRUPTED, DUMP = 1, 4, 0x10, 0x300
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400

# Multicast groups: links, addresses, routes and rules of both families.
GROUPS = (1, 5, 9, 7, 11, 8, 19)

INET, INET6 = 2, 10
FAMILY = {4: INET, 6: INET6}
"""The kernel's number of each IP version."""
VERSION = {INET: 4, INET6: 6}

BATCH = 100
"""How many messages are sent at once: only the last is acknowledged, but 100 failures fit into the receive buffer."""
_RECEIVE_BYTES = 1 << 17
_EVENT_BUFFER_BYTES = 4 << 20
_TRIES = 4
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_SO_RCVBUFFORCE = 33


class Unreadable(Exception):
    """The kernel did not give a whole answer."""


class EventsLost(Exception):
    """More happened than the socket could hold, so everything has to be looked at."""


def attributes(body: bytes, start: int) -> "dict[int, bytes]":
    """Return the attributes that begin at an offset of a message, by type; of several of one type the last.

    Raises:
        Unreadable: The lengths do not fit.
    """
    found = {}
    end = len(body)
    unpack = ATTRIBUTE.unpack_from
    while start + 4 <= end:
        length, kind = unpack(body, start)
        if length < 4 or start + length > end:
            raise Unreadable("an attribute is longer than its message")
        found[kind & 0x3FFF] = body[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    return ATTRIBUTE.pack(len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def number(value: int) -> bytes:
    """Return a 32 bit number as the kernel reads it."""
    return NUMBER.pack(value)


def name(value: str) -> bytes:
    """Return an interface name as the kernel reads it."""
    return value.encode("utf-8", "surrogateescape") + b"\0"


def messages(data: bytes) -> "list[tuple[int, int, int, int, bytes]]":
    """Split what one read of a socket gave into type, flags, sequence number, sender's port and body of each message.

    Raises:
        Unreadable: The lengths do not fit.
    """
    found = []
    start, end = 0, len(data)
    unpack = HEADER.unpack_from
    while start + 16 <= end:
        length, kind, flags, sequence, port = unpack(data, start)
        if length < 16 or start + length > end:
            raise Unreadable("a message is longer than what was received")
        found.append((kind, flags, sequence, port, data[start + 16 : start + length]))
        start += (length + 3) & ~3
    return found


class Connection:
    """A socket for requests to the kernel. It can ask for one dump at a time."""

    def __init__(self) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self.port: int = self._socket.getsockname()[0]
        self._sequence = 0
        for option in (_CAP_ACK, _EXT_ACK):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError:  # Linux before 4.12 has no words for its errors
                pass

    def dump(self, kind: int, body: bytes) -> "list[bytes]":
        """Return the body of every message of a dump.

        Raises:
            Unreadable: The kernel refused, or changed under each of several tries.
        """
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
                if flags & INTERRUPTED:
                    whole = False
                if kind in (DONE, ERROR):
                    code = SIGNED.unpack_from(body)[0] if len(body) >= 4 else 0
                    if code:
                        raise Unreadable(f"the kernel does not tell: error {-code}")
                    return whole
                found.append(body)

    def write(self, requests: "list[tuple[int, int, bytes]]") -> "list[tuple[int, int, str]]":
        """Send requests, given by type, flags and body, in their order; a failed one does not stop those behind it.

        Returns:
            The position, the error number and the kernel's words of each that failed.
        """
        failed = []
        for start in range(0, len(requests), BATCH):
            chosen = requests[start : start + BATCH]
            first = self._sequence + 1
            parts = []
            for position, (kind, flags, body) in enumerate(chosen):
                self._sequence += 1
                flags |= REQUEST | (ACKNOWLEDGE if position == len(chosen) - 1 else 0)
                padding = b"\0" * (-len(body) % 4)
                parts.append(HEADER.pack(16 + len(body), kind, flags, self._sequence, 0) + body + padding)
            self._socket.send(b"".join(parts))
            failed += [(start + at - first, code, words) for at, code, words in self._receive_errors()]
        return failed

    def _receive_errors(self) -> "list[tuple[int, int, str]]":
        failed = []
        while True:
            for kind, flags, sequence, _, body in messages(self._socket.recv(_RECEIVE_BYTES)):
                if kind != ERROR:
                    continue
                code = -SIGNED.unpack_from(body)[0]
                if code:
                    # NLM_F_ACK_TLVS: behind the code and the header of the request come attributes, 1 is the text
                    told = attributes(body, 20) if flags & 0x200 else {}
                    failed.append((sequence, code, told.get(1, b"").rstrip(b"\0").decode("ascii", "replace")))
                if sequence == self._sequence:
                    return failed


class Events:
    """A socket that hears of every change of links, addresses, routes and rules."""

    def __init__(self) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK, 0)
        for option in (_SO_RCVBUFFORCE, _socket.SO_RCVBUF):
            try:
                self._socket.setsockopt(_socket.SOL_SOCKET, option, _EVENT_BUFFER_BYTES)
                break
            except OSError:  # without CAP_NET_ADMIN the second one gives as much as the system allows
                continue
        mask = 0
        for group in GROUPS:
            mask |= 1 << (group - 1)
        self._socket.bind((0, mask))

    def fileno(self) -> int:
        """Return the file descriptor, for select."""
        return self._socket.fileno()

    def read(self) -> "list[tuple[int, int, bytes]]":
        """Return type, sender's port and body of all messages that are waiting.

        Raises:
            EventsLost: Some were lost.
        """
        found = []
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return found
            except OSError as error:
                raise EventsLost from error
            try:
                found += [(kind, port, body) for kind, _, _, port, body in messages(data)]
            except (Unreadable, StructError) as error:
                raise EventsLost from error
