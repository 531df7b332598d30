"""Runs Neutron with ML2 and the L3 plugin.

In the mode without packets the lab replaces the mechanism driver that binds ports; everything else is Neutron's own code. In the
mode with packets nothing is replaced.
"""

from __future__ import annotations

from lab.services import schema, sqlite
from lab.services.serve import run, serve
from lab.settings import PACKETS, from_environment


def main() -> None:
    """Create the schema on the first start, then serve."""
    settings = from_environment()
    packets = settings.mode == PACKETS
    if not packets:
        sqlite.install()
    with schema.first_start(settings, "neutron") as first:
        if first:
            _create_schema(_create_database() if packets else f"sqlite:///{settings.data('neutron') / 'neutron.sqlite'}")
        from neutron.wsgi.api import application  # noqa: PLC0415 - reads the configuration and opens the database
    serve(application, threads=4)


def _create_database() -> str:
    """Create an empty database in MariaDB and return its URL."""
    from sqlalchemy import create_engine, text  # noqa: PLC0415

    from lab.packets.daemons import MARIADB_SOCKET  # noqa: PLC0415

    socket = f"?unix_socket={MARIADB_SOCKET}&charset=utf8mb4"
    engine = create_engine(f"mysql+pymysql://root@localhost/{socket}")
    with engine.begin() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS neutron"))
        connection.execute(text("CREATE DATABASE neutron CHARACTER SET utf8mb3"))
    engine.dispose()
    return f"mysql+pymysql://root@localhost/neutron{socket}"


def _create_schema(url: str) -> None:
    """Create the tables from the models.

    Neutron's migrations do not run on SQLite, which cannot alter constraints. The only rows that the migrations insert are the
    templates of the rules of a new security group; they are inserted here too.
    """
    from neutron.db.migration.models import head  # noqa: PLC0415
    from sqlalchemy import create_engine, insert  # noqa: PLC0415

    metadata = head.get_metadata()
    engine = create_engine(url)
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
