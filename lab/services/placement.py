"""Runs Placement: the inventory and the allocations of the only compute host."""

from __future__ import annotations

from lab.services import sqlite
from lab.services.serve import run, serve


def main() -> None:
    """Serve. Placement updates its database schema itself."""
    sqlite.install()
    from placement.wsgi import init_application  # noqa: PLC0415 - reads the configuration

    # With more threads SQLite's writers only wait for each other (measured).
    serve(init_application(), threads=1)


if __name__ == "__main__":
    run(main)
