"""Settings of a lab: its directories, TCP ports and passwords. They are chosen once and then kept in `<dir>/lab.json`."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parent.parent
SERVICES = ("keystone", "glance", "placement", "neutron", "nova")
FIRST_PORT_BASE = 15000
"""The search for free ports starts here, below the range of Linux's ephemeral ports, which starts at 32768."""
PORT_BASE_STEP = 10
PORT_BASE_TRIES = 200
ADDRESS = "127.0.0.1"
REGION = "RegionOne"
HOST = "lab"
"""Name of the only compute host, in Nova's and Neutron's databases."""
API = "api"
"""Mode of a lab whose servers and networks exist in the databases only."""
PACKETS = "packets"
"""Mode of a lab with booted guests and a data plane (`lab.packets`)."""


class LabError(Exception):
    """An error that the user can correct; the message says how."""


@dataclass(frozen=True)
class Settings:
    """Settings of one lab.

    Attributes:
        directory: folder of everything that this lab writes, except its virtual environment.
        venv: the virtual environment of the services; several labs may share it.
        port_base: the first of five consecutive TCP ports.
        admin_password: password of the user `admin` (cloud `local-admin`).
        service_password: password of the user as which the services call each other.
        demo_password: password of the user `demo` (cloud `local`).
        mode: API or PACKETS. The mode of a lab never changes.
    """

    directory: Path
    venv: Path
    port_base: int
    admin_password: str
    service_password: str
    demo_password: str
    mode: str = API

    def port(self, service: str) -> int:
        """TCP port of a service."""
        return self.port_base + SERVICES.index(service)

    def url(self, service: str, path: str = "") -> str:
        """Address of a service's API."""
        return f"http://{ADDRESS}:{self.port(service)}{path}"

    @property
    def auth_url(self) -> str:
        """Keystone's v3 API."""
        return self.url("keystone", "/v3")

    @property
    def record(self) -> Path:
        """The file that holds these settings."""
        return self.directory / "lab.json"

    @property
    def clouds_yaml(self) -> Path:
        """Credentials for openstacksdk, Pulumi's provider and the `openstack` command."""
        return self.directory / "clouds.yaml"

    @property
    def private_key(self) -> Path:
        """Private half of the key pair `multiport`."""
        return self.directory / "multiport.key"

    @property
    def config_drives(self) -> Path:
        """One folder per server: the tree of files that Nova put on its config drive."""
        return self.directory / "config-drives"

    @property
    def python(self) -> Path:
        """Interpreter of the services' virtual environment."""
        return self.venv / "bin" / "python"

    def data(self, service: str) -> Path:
        """Databases, keys and images of a service."""
        return self.directory / "data" / service

    def etc(self, service: str) -> Path:
        """Configuration of a service."""
        return self.directory / "etc" / service

    def log(self, service: str) -> Path:
        """Log file of a service, including everything that it prints."""
        return self.directory / "log" / f"{service}.log"


def default_directory(mode: str = API, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the lab's directory: `LAB_DIR`, else `.lab` in the checkout, or `.lab/packets` in the mode with packets."""
    return Path(environment.get("LAB_DIR") or CHECKOUT / ".lab" / (PACKETS if mode == PACKETS else "")).absolute()


def default_venv(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the services' virtual environment: `LAB_VENV`, else `.lab/venv` in the checkout."""
    return Path(environment.get("LAB_VENV") or CHECKOUT / ".lab" / "venv").absolute()


def default_port_base(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return `LAB_PORT_BASE`; None if it is not set. The lab then chooses free ports and keeps them."""
    return environment.get("LAB_PORT_BASE") or None


def load(directory: Path) -> Settings | None:
    """Return the settings of an existing lab; None if there is none yet.

    Raises:
        LabError: the settings file cannot be read.
    """
    record = directory / "lab.json"
    try:
        values = json.loads(record.read_text())
        return Settings(**values | {"directory": Path(values["directory"]), "venv": Path(values["venv"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"{record} cannot be read ({error}); `python3 -m lab reset` deletes it and the lab's data") from error


def create(directory: Path, venv: Path, port_base: int | None, mode: str = API) -> Settings:
    """Choose and save the settings of a new lab, or apply the given options to those of an existing one.

    Args:
        directory: see `Settings`.
        venv: see `Settings`.
        port_base: the first port; None keeps the saved one.
        mode: see `Settings`.

    Raises:
        LabError: the settings file cannot be read, or belongs to a lab in another mode.
    """
    known = load(directory)
    if known and known.mode != mode:
        raise LabError(
            f"{directory} contains a local cloud in the mode {known.mode}: choose another folder with --dir or LAB_DIR"
        )
    settings = Settings(
        directory=directory,
        venv=venv,
        port_base=port_base or (known.port_base if known else FIRST_PORT_BASE),
        admin_password=known.admin_password if known else secrets.token_urlsafe(16),
        service_password=known.service_password if known else secrets.token_urlsafe(16),
        demo_password=known.demo_password if known else secrets.token_urlsafe(16),
        mode=mode,
    )
    write(settings)
    return settings


def write(settings: Settings) -> None:
    """Save settings to a file that only its owner can read."""
    directory = settings.directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = asdict(settings) | {"directory": str(directory), "venv": str(settings.venv)}
    write_private(settings.record, json.dumps(values, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file atomically; only its owner can read it."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def listen(port: int) -> socket.socket:
    """Return a listening socket on the loopback interface.

    The services inherit it. So no other program can take the port between the check and the start of the service, and clients
    that connect early wait instead of being refused.

    Raises:
        OSError: another program uses the port.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ADDRESS, port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock


def listen_anywhere() -> tuple[list[socket.socket], int]:
    """Listen on five consecutive free ports. Return the sockets and the first port.

    Raises:
        LabError: no five consecutive ports are free.
    """
    for base in range(FIRST_PORT_BASE, FIRST_PORT_BASE + PORT_BASE_STEP * PORT_BASE_TRIES, PORT_BASE_STEP):
        sockets: list[socket.socket] = []
        try:
            for offset in range(len(SERVICES)):
                sockets.append(listen(base + offset))  # noqa: PERF401 - after an error the opened sockets must be closed
        except OSError:
            for sock in sockets:
                sock.close()
        else:
            return sockets, base
    raise LabError(f"there are no {len(SERVICES)} consecutive free TCP ports from {FIRST_PORT_BASE} on: choose with --port-base")


def from_environment() -> Settings:
    """Return the settings of the lab that started this process. The modules of `lab.services` call this."""
    settings = load(Path(os.environ["LAB_DIR"]))
    if settings is None:
        sys.exit(f"there is no local cloud in LAB_DIR ({os.environ['LAB_DIR']}); `python3 -m lab up` creates one")
    return settings
