"""The mode with packets: package layer, namespaces, daemons, guest images, outside network and metadata agent."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import configuration, processes
from lab.packets import configuration as options
from lab.packets import daemons, guest_images, layer, namespaces, outside
from lab.plane import Plane, ServiceState
from lab.settings import PACKETS, SERVICES, LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from lab.configuration import Section
    from lab.settings import Settings

PROGRAMS = ("apt-get", "unshare", "nsenter", "ip", "sysctl", "useradd")
METADATA_AGENT = "metadata-agent"
AGENT_SECONDS = 60.0


class Packets(Plane):
    """The mode with booted guests and a data plane.

    Args:
        directory: directory of the lab.
        say: is called with each line of progress.
        images: names of the guest images to provide.
    """

    mode = PACKETS
    lacks = "no volumes (no Cinder), no load balancers, no VNC; emulated guests are slow"

    def __init__(self, directory: Path, say: Callable[[str], None], images: Collection[str] = tuple(guest_images.STACKS)) -> None:
        self._directory = directory
        self._say = say
        self._images = images
        self._layer: layer.Layer | None = None

    def require_machine(self) -> None:
        """Check that this machine can run the mode. Nothing is changed.

        Raises:
            LabError: something is missing; the message is one line.
        """
        if os.geteuid() != 0:
            raise LabError("LAB=packets needs root: it creates namespaces, mounts and network interfaces")
        if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
            raise LabError(f"LAB=packets needs {', '.join(missing)}: it installs Debian packages into its own overlay layer")
        if not Path("/dev/net/tun").exists():
            raise LabError("LAB=packets needs /dev/net/tun: Open vSwitch and QEMU create TAP devices")
        if "overlay" not in Path("/proc/filesystems").read_text():
            raise LabError("LAB=packets needs overlayfs, which /proc/filesystems does not list")
        hidden = next((folder for folder in (*namespaces.OVERLAID, "run") if self._directory.is_relative_to(f"/{folder}")), None)
        if hidden:
            raise LabError(
                f"LAB=packets cannot keep its data below /{hidden}, because its namespace mounts a layer over it: set LAB_DIR"
            )

    def prepare(self, settings: Settings) -> None:
        """Install the packages and build the guest images that are missing."""
        self._layer = layer.ensure(settings.python, self._say)
        guest_images.ensure(settings, self._layer, self._images, self._say)

    def complete(self, settings: Settings) -> bool:
        """Tell whether the lab has all wanted images."""
        return set(self._images) <= guest_images.load(settings).keys()

    def start(self, settings: Settings) -> None:
        """Create the namespaces, start the daemons, connect the outside network."""
        if self._layer is None:
            raise LabError("nothing is prepared")
        namespaces.make(settings, self._layer)
        daemons.start(settings, self._say)
        outside.start(settings)

    def finish(self, settings: Settings) -> None:
        """Start the metadata agent, and prefer the services to the guests, whose boots must not keep Nova and Neutron waiting."""
        options.write_agent(settings)
        environment = {**configuration.environment(settings), **self.environment(settings)}
        log = settings.log(METADATA_AGENT)
        with log.open("ab") as file:
            child = subprocess.Popen(
                [
                    *namespaces.inside(settings, namespaces.HOST),
                    str(settings.venv / "bin" / "neutron-ovn-metadata-agent"),
                    f"--config-file={options.agent_file(settings)}",
                ],
                # The agent finds its privsep helper through PATH.
                env={**environment, "PATH": f"{settings.venv / 'bin'}{os.pathsep}{environment['PATH']}"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        agent = processes.identify(child.pid)
        processes.write(_agent_record(settings), agent)
        for process in (agent, *filter(None, (processes.read(settings.directory / "run" / f"{name}.json") for name in SERVICES))):
            processes.prefer(process)
        socket = Path(f"/proc/{namespaces.holder(settings, namespaces.HOST).pid}/root/run/metadata-proxy")
        deadline = time.monotonic() + AGENT_SECONDS
        while not socket.exists():
            if child.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"the metadata agent does not answer; its log is {log}")
            time.sleep(0.1)

    def options(self, settings: Settings) -> Mapping[str, Mapping[str, Section]]:
        """Return the options of `lab.packets.configuration`."""
        return options.changes(settings)

    def environment(self, settings: Settings) -> Mapping[str, str]:
        """Return variables that add the Python packages of the layer and limit OVN's hash ring to one worker."""
        if self._layer is None:
            raise LabError("nothing is prepared")
        path = configuration.environment(settings)["PYTHONPATH"]
        return {"PYTHONPATH": os.pathsep.join([path, str(self._layer.python)]), "ASGI_WORKERS": "1"}

    def command(self, settings: Settings, service: str) -> list[str]:
        """Return words that give Neutron and Nova the host's sockets and programs, but the machine's own loopback."""
        return namespaces.inside(settings, None) if service in ("neutron", "nova") else []

    def states(self, settings: Settings) -> list[ServiceState]:
        """Return the states of the daemons, the metadata agent and the echo service."""
        recorded = {name: processes.read(settings.directory / "run" / f"{name}.json") for name in daemons.names()}
        recorded[METADATA_AGENT] = processes.read(_agent_record(settings))
        recorded[outside.ECHO] = processes.read(outside.record(settings))
        return [
            ServiceState(
                service=name,
                state="up" if process and process.alive else "down",
                pid=process.pid if process and process.alive else None,
                url=f"http://{outside.ECHO_ADDRESS}/" if name == outside.ECHO else "",
                memory_mib=process.rss_kib // 1024 if process else 0,
                log=str(settings.log(name)),
            )
            for name, process in recorded.items()
        ]

    def stop(self, settings: Settings) -> bool:
        """Stop the daemons, then every other process in the namespaces."""
        daemons.stop(settings)
        ran = namespaces.end(settings)
        daemons.forget(settings)
        for file in (_agent_record(settings), outside.record(settings)):
            file.unlink(missing_ok=True)
        return ran


def _agent_record(settings: Settings) -> Path:
    return settings.directory / "run" / f"{METADATA_AGENT}.json"
