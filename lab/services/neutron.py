"""Neutron: ML2 and the L3 plugin with their own database code; only the binding of ports is the lab's."""

from __future__ import annotations

from lab.services import schema, sqlite
from lab.services.serve import run, serve
from lab.settings import from_environment


def main() -> None:
    """Create the schema on the first start, then serve."""
    settings = from_environment()
    sqlite.install()
    with schema.first_start(settings, "neutron") as first:
        if first:
            _create_schema(str(settings.data("neutron") / "neutron.sqlite"))
        from neutron.wsgi.api import application  # noqa: PLC0415 - reads the configuration and opens the database
    serve(application, threads=4)


def _create_schema(path: str) -> None:
    """Create the tables from the models.

    Neutron's migrations cannot run on SQLite, which cannot alter constraints. What they insert besides is the templates of the
    rules that a new security group gets.
    """
    from neutron.db.migration.models import head  # noqa: PLC0415
    from sqlalchemy import create_engine, insert  # noqa: PLC0415

    metadata = head.get_metadata()
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    attributes, templates = metadata.tables["standardattributes"], metadata.tables["securitygroupdefaultrules"]
    with engine.begin() as connection:
        for rule in _default_rules():
            key = connection.execute(insert(attributes).values(resource_type=templates.name)).inserted_primary_key[0]
            connection.execute(insert(templates).values(standard_attr_id=key, **rule))
    engine.dispose()


def _default_rules():
    from neutron_lib import constants  # noqa: PLC0415
    from oslo_utils.uuidutils import generate_uuid  # noqa: PLC0415

    for ethertype in (constants.IPv4, constants.IPv6):
        yield {
            "id": generate_uuid(),
            "direction": constants.EGRESS_DIRECTION,
            "ethertype": ethertype,
            "used_in_default_sg": True,
            "used_in_non_default_sg": True,
        }
        yield {
            "id": generate_uuid(),
            "direction": constants.INGRESS_DIRECTION,
            "ethertype": ethertype,
            "remote_group_id": "PARENT",
            "used_in_default_sg": True,
            "used_in_non_default_sg": False,
        }


if __name__ == "__main__":
    run(main)
