"""Configuration files of the five services. They are written again at every start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lab.settings import ADDRESS, CHECKOUT, HOST, REGION, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Settings

    Section = Mapping[str, object]

IN_PROCESS = "fake:/"
"""oslo.messaging's transport inside one process. It suffices: no agent and no second process takes part in the messaging."""
TENANT_MTU = 1442
"""The MTU of a Geneve network on Rackspace Flex: 1500 minus 38 bytes for Geneve and 20 bytes for IPv4."""
AVAILABILITY_ZONE = "az1"


def write(settings: Settings, changes: Mapping[str, Mapping[str, Section]]) -> None:
    """Write every service's configuration, and the entry point by which Neutron finds the lab's mechanism driver.

    Args:
        settings: the lab.
        changes: options that the lab's mode sets differently, by service, section and option.
    """
    for service, defaults in {
        "keystone": _keystone(settings),
        "glance": _glance(settings),
        "placement": _placement(settings),
        "neutron": _neutron(settings),
        "nova": _nova(settings),
    }.items():
        changed = changes.get(service, {})
        sections = {name: {**defaults.get(name, {}), **changed.get(name, {})} for name in (*defaults, *changed)}
        policy = settings.etc(service) / "policy.yaml"
        for folder in (settings.etc(service), settings.data(service), settings.log(service).parent):
            folder.mkdir(parents=True, exist_ok=True)
        write_private(config_file(settings, service), ini({**sections, "oslo_policy": {"policy_file": policy}}))
        # Without this file oslo.policy would search a dozen places for it on every request. An empty file means the defaults.
        policy.write_text("{}\n")
    distribution = _entry_points(settings) / "multiport_lab-0.dist-info"
    distribution.mkdir(parents=True, exist_ok=True)
    distribution.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: multiport-lab\nVersion: 0\n")
    distribution.joinpath("entry_points.txt").write_text(
        "[neutron.ml2.mechanism_drivers]\nlab = lab.services.port_binding:PortBindingDriver\n",
    )
    settings.directory.joinpath("tmp").mkdir(exist_ok=True)


def config_file(settings: Settings, service: str) -> Path:
    """Path of the configuration file that a service reads."""
    return settings.etc(service) / ("glance-api.conf" if service == "glance" else f"{service}.conf")


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables of the services. The services read and write nothing in the user's home directory."""
    # PATH and LANG are inherited: no program of the lab is found by PATH, and LANG affects nothing but messages.
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "LAB_DIR": str(settings.directory),
        "HOME": str(settings.directory),
        "TMPDIR": str(settings.directory / "tmp"),  # Neutron stores its start time there
        "XDG_CACHE_HOME": str(settings.directory / "cache"),  # for the cache of stevedore
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(_entry_points(settings))]),
        "PYTHONSAFEPATH": "1",  # no module is imported from the working directory
        "PYTHONUNBUFFERED": "1",
        "OS_KEYSTONE_CONFIG_DIR": str(settings.etc("keystone")),
        "OS_GLANCE_CONFIG_DIR": str(settings.etc("glance")),
        "OS_PLACEMENT_CONFIG_DIR": str(settings.etc("placement")),
        "OS_NEUTRON_CONFIG_DIR": str(settings.etc("neutron")),
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        "OS_NOVA_CONFIG_FILES": f"{settings.venv}/etc/nova/api-paste.ini;{config_file(settings, 'nova')}",
        "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
    }


def write_clouds_yaml(settings: Settings) -> None:
    """Write `clouds.yaml` with the clouds `local` (user `demo`, an ordinary project member) and `local-admin` (user `admin`)."""
    write_private(
        settings.clouds_yaml,
        "clouds:\n"
        + _cloud("local", settings.auth_url, "demo", settings.demo_password)
        + _cloud("local-admin", settings.auth_url, "admin", settings.admin_password),
    )


def _cloud(cloud: str, auth_url: str, user: str, password: str) -> str:
    return f"""\
  {cloud}:
    auth:
      auth_url: {auth_url}
      username: {user}
      password: "{password}"
      project_name: {user}
      user_domain_name: Default
      project_domain_name: Default
    region_name: {REGION}
    interface: public
    identity_api_version: 3
"""


def _entry_points(settings: Settings) -> Path:
    return settings.directory / "etc" / "entry-points"


def ini(sections: Mapping[str, Section]) -> str:
    """Return the text of a configuration file in the format of oslo.config."""
    return "".join(
        f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in section.items()) + "\n"
        for name, section in sections.items()
    )


def _database(settings: Settings, service: str, name: str = "") -> dict[str, object]:
    path = settings.data(service) / f"{name or service}.sqlite"
    # timeout: seconds that a transaction waits for SQLite's write lock. After that it counts as a deadlock and is retried.
    return {"connection": f"sqlite:///{path}?timeout=30", "sqlite_synchronous": "false"}


def _client(settings: Settings) -> dict[str, object]:
    return {
        "auth_type": "password",
        "auth_url": settings.auth_url,
        "username": "service",
        "password": settings.service_password,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": REGION,
    }


def _token_validation(settings: Settings) -> dict[str, object]:
    return _client(settings) | {
        "www_authenticate_uri": settings.auth_url,
        "interface": "internal",
        "service_token_roles_required": "true",
    }


def _keystone(settings: Settings) -> dict[str, Section]:
    data = settings.data("keystone")
    return {
        "DEFAULT": {"public_endpoint": settings.url("keystone")},
        "database": _database(settings, "keystone"),
        "token": {"provider": "fernet", "expiration": 24 * 3600},
        "fernet_tokens": {"key_repository": data / "fernet-keys"},
        "fernet_receipts": {"key_repository": data / "fernet-keys"},  # Keystone does not start if this is not set
        "credential": {"key_repository": data / "credential-keys"},
        "identity": {"password_hash_rounds": 4},  # bcrypt's minimum, for speed: the passwords are random
        "cache": {"enabled": "true", "backend": "dogpile.cache.memory"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def _glance(settings: Settings) -> dict[str, Section]:
    return {
        "DEFAULT": {
            "transport_url": IN_PROCESS,
            "enabled_backends": "local:file",
            "worker_self_reference_url": settings.url("glance"),
            "enabled_import_methods": "[glance-direct]",
        },
        "database": _database(settings, "glance"),
        "glance_store": {"default_backend": "local"},
        "local": {"filesystem_store_datadir": settings.data("glance") / "images"},
        "os_glance_staging_store": {"filesystem_store_datadir": settings.data("glance") / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": settings.data("glance") / "tasks"},
        "paste_deploy": {"flavor": "keystone", "config_file": settings.venv / "etc" / "glance" / "glance-api-paste.ini"},
        "keystone_authtoken": _token_validation(settings),
        "oslo_concurrency": {"lock_path": settings.data("glance") / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def _placement(settings: Settings) -> dict[str, Section]:
    return {
        "DEFAULT": {"state_path": settings.data("placement")},
        "api": {"auth_strategy": "keystone"},
        "placement_database": _database(settings, "placement") | {"sync_on_startup": "true"},
        "keystone_authtoken": _token_validation(settings),
    }


def _neutron(settings: Settings) -> dict[str, Section]:
    return {
        "DEFAULT": {
            "state_path": settings.data("neutron"),
            "api_paste_config": settings.venv / "etc" / "neutron" / "api-paste.ini",
            "transport_url": IN_PROCESS,
            "auth_strategy": "keystone",
            "host": HOST,
            "core_plugin": "ml2",
            "service_plugins": "router",  # without the trunk plugin: deleting a trunk hangs on SQLite
            "api_workers": 1,
            "rpc_workers": 0,
            "enable_dvr": "false",
            "enable_traditional_dhcp": "false",  # there is no DHCP agent that ports would have to wait for
            "global_physnet_mtu": 1500,
            "vlan_transparent": "false",
        },
        "database": _database(settings, "neutron"),
        "ml2": {
            "type_drivers": "flat,geneve",
            "project_network_types": "geneve",
            "mechanism_drivers": "lab",
            "extension_drivers": "port_security",
            "overlay_ip_version": 4,
        },
        "ml2_type_flat": {"flat_networks": "*"},
        "ml2_type_geneve": {"vni_ranges": "1:65535", "max_header_size": 1500 - 20 - TENANT_MTU},
        "securitygroup": {"enable_security_group": "true"},
        "quotas": {
            "quota_network": 100,
            "quota_subnet": 200,
            "quota_port": 500,
            "quota_router": 50,
            "quota_floatingip": 100,
            "quota_security_group": 100,
            "quota_security_group_rule": 1000,
        },
        "keystone_authtoken": _token_validation(settings),
        "nova": _client(settings) | {"endpoint_type": "internal"},
        "placement": _client(settings) | {"endpoint_type": "internal"},
        "oslo_concurrency": {"lock_path": settings.data("neutron") / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def _nova(settings: Settings) -> dict[str, Section]:
    data = settings.data("nova")
    client = _client(settings) | {"valid_interfaces": "internal"}
    return {
        "DEFAULT": {
            "state_path": data,
            "instances_path": data / "instances",
            "transport_url": IN_PROCESS,
            "host": HOST,
            "my_ip": ADDRESS,
            "compute_driver": "fake.LabDriver",  # Nova adds the prefix nova.virt.; see `lab.services.nova`
            "default_availability_zone": AVAILABILITY_ZONE,
            "allow_resize_to_same_host": "true",
            "vif_plugging_is_fatal": "false",  # no agent reports that a VIF is plugged
            "vif_plugging_timeout": 0,
            "reserved_host_memory_mb": 0,
        },
        "api": {"auth_strategy": "keystone"},
        "api_database": _database(settings, "nova", "nova_api"),
        "database": _database(settings, "nova"),
        "quota": {"instances": 100, "cores": -1, "ram": -1, "server_groups": 50, "server_group_members": 50},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1},
        "glance": {"service_type": "image", "valid_interfaces": "internal", "region_name": REGION},
        "placement": client,
        "neutron": client,
        "service_user": client | {"send_service_user_token": "true"},
        "keystone_authtoken": _token_validation(settings),
        "vnc": {"enabled": "false"},
        "oslo_concurrency": {"lock_path": data / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
