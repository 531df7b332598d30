"""Serves a WSGI application on the socket that `lab up` has opened, until SIGTERM."""

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
"""Environment variable with the number of the inherited file descriptor."""


def run(main: Callable[[], None]) -> None:
    """Run the main function of a service. A failure ends the process even if the service has started threads."""
    try:
        main()
    except BaseException:  # noqa: BLE001 - every error belongs in the log
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def serve(application, threads: int) -> None:
    """Answer requests. This function never returns.

    Args:
        application: the service's WSGI callable.
        threads: number of requests that are answered at the same time.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it would warn of a full queue, which is normal here
    sock = socket.socket(fileno=int(os.environ[LISTENING_SOCKET]))
    signal.signal(signal.SIGTERM, _end)
    # Each client keeps several connections alive, so that the default limit of 100 would soon be reached.
    server = waitress.create_server(
        application,
        sockets=[sock],
        threads=threads,
        connection_limit=2000,
        asyncore_use_poll=True,
        recv_bytes=1 << 18,  # bytes read at once, chosen for uploads of images
        ident="lab",
    )
    # The imported modules are never freed. If the garbage collector visits them, requests take a tenth longer (measured).
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    server.run()
    _end()


def _end(*_signal: object) -> None:
    # A normal exit would wait for the threads of oslo.messaging and of periodic tasks. SQLite needs no shutdown.
    sys.stderr.flush()
    os._exit(0)
