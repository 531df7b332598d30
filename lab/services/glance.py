"""Runs Glance."""

from __future__ import annotations

from lab.services import schema, sqlite
from lab.services.serve import run, serve
from lab.settings import from_environment


def main() -> None:
    """Create the schema on the first start, then serve."""
    settings = from_environment()
    sqlite.install()
    with schema.first_start(settings, "glance") as first:
        for folder in ("images", "staging", "tasks"):
            settings.data("glance").joinpath(folder).mkdir(exist_ok=True)
        from glance.common.wsgi_app import init_app  # noqa: PLC0415 - reads the configuration

        application = init_app()
        if first:
            _create_schema()
    serve(application, threads=4)


def _create_schema() -> None:
    from alembic import command  # noqa: PLC0415
    from glance.db.sqlalchemy import alembic_migrations  # noqa: PLC0415

    command.upgrade(alembic_migrations.get_alembic_config(), "heads")


if __name__ == "__main__":
    run(main)
