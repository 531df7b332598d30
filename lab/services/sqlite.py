"""SQLite under OpenStack's load: one writer at a time, readers beside it, and a busy database reported as a deadlock.

OpenStack retries what its database calls a deadlock. Without this, a read transaction that turns into a write fails with
"database is locked" as soon as somebody else has written.
"""

from __future__ import annotations

from types import SimpleNamespace

from oslo_db import exception
from oslo_db.sqlalchemy import enginefacade, engines, exc_filters
from sqlalchemy import Engine, event, exc, pool

READ_ONLY = "lab_read_only"
"""Execution option of the engines that only read."""


def install() -> None:
    """Prepare every SQLite engine of this process; call it before the service opens its database."""
    engines.pool = SimpleNamespace(**vars(pool) | {"NullPool": _KeptConnections})
    event.listen(Engine, "connect", _connect)
    event.listen(Engine, "begin", _begin)
    exc_filters.filters("sqlite", exc.OperationalError, r".*database is locked.*")(_busy)
    factory = enginefacade._TransactionFactory
    factory._create_session = _reader_on_its_own_snapshot(factory._create_session)


class _KeptConnections(pool.QueuePool):
    """Connections for use again: each new one reads the whole schema, half of what Neutron's requests cost (measured)."""

    def __init__(self, creator, **options):
        super().__init__(creator, pool_size=8, max_overflow=-1, **options)


def _connect(connection, _record):
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection):
    """Take the write lock at once, unless the transaction only reads.

    A reader that took it too would wait for ever for the writer around it: Neutron reads with an elevated context, hence on a
    connection of its own, inside the transaction that deletes a port with a floating IP.
    """
    if "in_transaction" not in connection.info:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
        connection.info["in_transaction"] = True  # oslo.db's own listener, which comes after, then leaves it alone


def _busy(error, _match, _engine_name, _is_disconnect):
    raise exception.DBDeadlock(error)


def _reader_on_its_own_snapshot(create_session):
    def create(self, mode, bind=None):
        if bind is None and mode is not enginefacade._WRITER:
            if not self._started:
                self._start()
            bind = self._writer_engine.execution_options(**{READ_ONLY: True})
        return create_session(self, mode, bind=bind)

    return create
