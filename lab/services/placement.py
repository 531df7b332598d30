"""Placement: the inventory and the allocations of the one compute host."""

from __future__ import annotations

from lab.services import sqlite
from lab.services.serve import run, serve


def main() -> None:
    """Serve; Placement brings its schema up to date by itself."""
    sqlite.install()
    from placement.wsgi import init_application  # noqa: PLC0415 - reads the configuration

    # More threads only make SQLite's writers wait for each other here (measured).
    serve(init_application(), threads=1)


if __name__ == "__main__":
    run(main)
