"""Runs Nova: API, conductor, scheduler and compute in one process, connected by a message bus inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.services import schema, sqlite
from lab.services.serve import run, serve
from lab.settings import PACKETS, from_environment

if TYPE_CHECKING:
    from lab.settings import Settings

CELL_NAME = "cell1"


def main() -> None:
    """Create schemas on the first start, map the cells, start the three workers, then serve the API."""
    settings = from_environment()
    sqlite.install()
    with schema.first_start(settings, "nova") as first:
        from nova import monkey_patch  # noqa: PLC0415 - chooses native threads, so it must be imported before the rest of Nova

        monkey_patch.patch(backend="threading")
        from nova.api.openstack import wsgi_app  # noqa: PLC0415

        wsgi_app.init_global_data(wsgi_app._get_config_files(), "osapi_compute", "nova-api-os-compute")
        if first:
            _create_schema("api", None)
        cell0, cell = _map_cells()
        if first:
            _create_schema("main", cell0)
            _create_schema("main", cell)
        if settings.mode == PACKETS:
            settings.data("nova").joinpath("instances").mkdir(exist_ok=True)  # the libvirt driver reads its size at the start
            _serve_metadata(settings)
        else:
            from nova.virt import fake  # noqa: PLC0415

            from lab.services.hypervisor import LabDriver  # noqa: PLC0415

            fake.LabDriver = LabDriver  # Nova looks for its driver in nova.virt only
        _start_workers()
        application = wsgi_app.init_application("osapi_compute", "nova-api-os-compute")
    serve(application, threads=8)


def _create_schema(database: str, cell) -> None:
    from nova import context  # noqa: PLC0415
    from nova.db import migration  # noqa: PLC0415

    if cell is None:
        migration.db_sync(database=database)
        return
    with context.target_cell(context.get_admin_context(), cell) as cell_context:
        migration.db_sync(database=database, context=cell_context)


def _map_cells():
    """Record the database of each cell. The paths change if the checkout is moved."""
    import nova.conf  # noqa: PLC0415
    from nova import context, objects  # noqa: PLC0415

    admin = context.get_admin_context()
    connection = nova.conf.CONF.database.connection
    wanted = {
        "cell0": ("none:///", connection.replace("nova.sqlite", "nova_cell0.sqlite")),
        CELL_NAME: (nova.conf.CONF.transport_url, connection),
    }
    known = {cell.name: cell for cell in objects.CellMappingList.get_all(admin)}
    for name, (transport_url, database) in wanted.items():
        cell = known.get(name)
        if cell is None:
            uuid = objects.CellMapping.CELL0_UUID if name == "cell0" else "00000000-0000-4000-8000-000000000001"
            cell = objects.CellMapping(
                admin,
                uuid=uuid,
                name=name,
                transport_url=transport_url,
                database_connection=database,
                disabled=False,
            )
            cell.create()
            known[name] = cell
        elif cell.database_connection != database:
            cell.database_connection = database
            cell.save()
    return known["cell0"], known[CELL_NAME]


def _serve_metadata(settings: Settings) -> None:
    """Serve the metadata API in the network of the host namespace, where the metadata agent calls it."""
    import socket  # noqa: PLC0415
    import threading  # noqa: PLC0415

    import waitress  # noqa: PLC0415
    from nova.api.openstack import wsgi_app  # noqa: PLC0415

    from lab.packets import namespaces  # noqa: PLC0415
    from lab.packets.configuration import METADATA_PORT  # noqa: PLC0415

    def listen() -> socket.socket:
        return socket.create_server(("127.0.0.1", METADATA_PORT))

    listening = namespaces.call(settings, namespaces.HOST, listen)
    application = wsgi_app.init_application("metadata", "nova-api-metadata")
    server = waitress.create_server(application, sockets=[listening], threads=4, ident="lab")
    threading.Thread(target=server.run, daemon=True).start()


def _start_workers() -> None:
    import os_vif  # noqa: PLC0415
    from nova import context, objects, service  # noqa: PLC0415
    from nova.compute import rpcapi as compute_rpcapi  # noqa: PLC0415
    from nova.conductor import rpcapi as conductor_rpcapi  # noqa: PLC0415
    from nova.objects import host_mapping  # noqa: PLC0415
    from nova.scheduler import rpcapi as scheduler_rpcapi  # noqa: PLC0415

    os_vif.initialize()
    objects.Service.enable_min_version_cache()
    service.Service.create(binary="nova-conductor", topic=conductor_rpcapi.RPC_TOPIC).start()
    service.Service.create(binary="nova-scheduler", topic=scheduler_rpcapi.RPC_TOPIC).start()
    service.Service.create(
        binary="nova-compute",
        topic=compute_rpcapi.RPC_TOPIC,
        topic_alt=compute_rpcapi.RPC_TOPIC_ALT,
    ).start()
    host_mapping.discover_hosts(context.get_admin_context())


if __name__ == "__main__":
    run(main)
