"""Runs Keystone, and creates its users, projects, roles and the catalogue of the five services."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lab.services import schema, sqlite
from lab.services.serve import run, serve
from lab.settings import REGION, from_environment

if TYPE_CHECKING:
    from lab.settings import Settings

DOMAIN = "default"
CATALOGUE = {
    "glance": ("image", ""),
    "placement": ("placement", ""),
    "neutron": ("network", ""),
    "nova": ("compute", "/v2.1"),
}
"""Type in the catalogue and path of the API, by service."""


def main() -> None:
    """Create schema, keys and users on the first start, update the catalogue, then serve."""
    settings = from_environment()
    sqlite.install()
    with schema.first_start(settings, "keystone") as first:
        if first:
            _create_keys(settings)
        from keystone.server import wsgi  # noqa: PLC0415 - reads the configuration

        application = wsgi.initialize_public_application()
        if first:
            from keystone.common.sql import upgrades  # noqa: PLC0415

            upgrades.offline_sync_database_to_version()
            _create_users(settings)
        _update_catalogue(settings)
    serve(application, threads=8)


def _create_keys(settings: Settings) -> None:
    from cryptography.fernet import Fernet  # noqa: PLC0415

    for folder in ("fernet-keys", "credential-keys"):
        repository = settings.data("keystone") / folder
        repository.mkdir(mode=0o700)
        for index in ("0", "1"):
            key = repository / index
            key.touch(0o600)
            key.write_bytes(Fernet.generate_key())


def _create_users(settings: Settings) -> None:
    from keystone.cmd import bootstrap  # noqa: PLC0415
    from keystone.common.provider_api import ProviderAPIs  # noqa: PLC0415

    # The application has already loaded the backends, which cannot be loaded twice.
    bootstrap.backends = SimpleNamespace(load_backends=lambda: None)
    bootstrapper = bootstrap.Bootstrapper()
    bootstrapper.admin_username = bootstrapper.admin_role_name = bootstrapper.project_name = "admin"
    bootstrapper.admin_password = settings.admin_password
    bootstrapper.region_id = REGION
    bootstrapper.service_name = "keystone"
    bootstrapper.public_url = bootstrapper.internal_url = settings.auth_url
    bootstrapper.bootstrap()
    roles = {
        "service": (settings.service_password, [bootstrapper.admin_role_id, bootstrapper.service_role_id]),
        "demo": (settings.demo_password, [bootstrapper.member_role_id, bootstrapper.reader_role_id]),
    }
    for name, (password, role_ids) in roles.items():
        project = {"id": uuid.uuid4().hex, "name": name, "domain_id": DOMAIN, "enabled": True}
        ProviderAPIs.resource_api.create_project(project["id"], project)
        user = ProviderAPIs.identity_api.create_user(
            {"name": name, "domain_id": DOMAIN, "enabled": True, "password": password},
        )
        for role_id in role_ids:
            ProviderAPIs.assignment_api.add_role_to_user_and_project(user["id"], project["id"], role_id)


def _update_catalogue(settings: Settings) -> None:
    """Write the TCP ports of this start into the catalogue: they may differ from those of the last start."""
    from keystone.common.provider_api import ProviderAPIs  # noqa: PLC0415

    catalogue = ProviderAPIs.catalog_api
    urls = {"keystone": ("identity", settings.auth_url)} | {
        service: (kind, settings.url(service, path)) for service, (kind, path) in CATALOGUE.items()
    }
    services = {service["type"]: service["id"] for service in catalogue.list_services()}
    for name, (kind, _url) in urls.items():
        if kind not in services:
            services[kind] = uuid.uuid4().hex
            catalogue.create_service(services[kind], {"id": services[kind], "type": kind, "name": name, "enabled": True})
    endpoints = {(endpoint["service_id"], endpoint["interface"]): endpoint for endpoint in catalogue.list_endpoints()}
    for kind, url in urls.values():
        for interface in ("public", "internal"):
            known = endpoints.get((services[kind], interface))
            if known is None:
                endpoint = {
                    "id": uuid.uuid4().hex,
                    "service_id": services[kind],
                    "interface": interface,
                    "region_id": REGION,
                    "url": url,
                    "enabled": True,
                }
                catalogue.create_endpoint(endpoint["id"], endpoint)
            elif known["url"] != url:
                catalogue.update_endpoint(known["id"], {"url": url})


if __name__ == "__main__":
    run(main)
