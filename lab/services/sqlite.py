"""Makes SQLite usable for OpenStack: one writer at a time, concurrent readers, and a busy database reported as a deadlock.

OpenStack retries transactions that end in a deadlock. Without these changes a read transaction that becomes a write fails with
"database is locked" as soon as another transaction has written.
"""

from __future__ import annotations

from types import SimpleNamespace

from oslo_db import exception
from oslo_db.sqlalchemy import enginefacade, engines, exc_filters
from sqlalchemy import Engine, event, exc, pool

READ_ONLY = "lab_read_only"
"""Execution option that marks engines that only read."""


def install() -> None:
    """Change all SQLite engines of this process. Call it before the service opens its database."""
    engines.pool = SimpleNamespace(**vars(pool) | {"NullPool": _KeptConnections})
    event.listen(Engine, "connect", _connect)
    event.listen(Engine, "begin", _begin)
    exc_filters.filters("sqlite", exc.OperationalError, r".*database is locked.*")(_busy)
    factory = enginefacade._TransactionFactory
    factory._create_session = _reader_on_its_own_snapshot(factory._create_session)


class _KeptConnections(pool.QueuePool):
    """A pool that reuses connections: a new one reads the whole schema, which takes half of the time of Neutron's requests."""

    def __init__(self, creator, **options):
        super().__init__(creator, pool_size=8, max_overflow=-1, **options)


def _connect(connection, _record):
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection):
    """Take the write lock at the start of a transaction, unless it only reads.

    If readers took the lock too, some would wait for their own writer forever: inside the transaction that deletes a port with a
    floating IP, Neutron reads with an elevated context, and therefore on a second connection.
    """
    if "in_transaction" not in connection.info:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
        connection.info["in_transaction"] = True  # so that oslo.db's own listener, which runs next, does not begin another one


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
