"""Serves one WSGI application on the socket that `lab up` opened, until SIGTERM."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

import waitress

if TYPE_CHECKING:
    from collections.abc import Callable

LISTENING_SOCKET = "LAB_LISTEN_FD"
"""Environment variable: the inherited file descriptor."""


def run(main: Callable[[], None]) -> None:
    """Run a service's main function; a failure ends the process although the service may have started threads."""
    try:
        main()
    except BaseException:  # noqa: BLE001 - whatever it is, it belongs into the log
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def serve(application, threads: int) -> None:
    """Answer requests; never returns.

    Args:
        application: the service's WSGI callable.
        threads: requests answered at the same time.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is its normal state here
    sock = socket.socket(fileno=int(os.environ[LISTENING_SOCKET]))
    signal.signal(signal.SIGTERM, _end)
    # Channels are kept-alive connections, and every client keeps several: the default of 100 is soon used up.
    server = waitress.create_server(
        application,
        sockets=[sock],
        threads=threads,
        connection_limit=2000,
        asyncore_use_poll=True,
        recv_bytes=1 << 18,  # images come in by this much at a time
        ident="lab",
    )
    # What the imports left stays for ever; looking through it again and again is a tenth of what requests cost (measured).
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    server.run()
    _end()


def _end(*_signal: object) -> None:
    # Threads of oslo.messaging and periodic tasks would keep the process; SQLite needs no farewell.
    sys.stderr.flush()
    os._exit(0)
