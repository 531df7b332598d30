"""Daemons of the compute host: MariaDB, OVN central and host, Open vSwitch, libvirt."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import processes
from lab.packets.namespaces import HOST, holder, inside, run
from lab.settings import HOST as CHASSIS
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.processes import Process
    from lab.settings import Settings

MARIADB_SOCKET = "/run/mysqld/mysqld.sock"
NORTHBOUND = "/run/ovn/ovnnb_db.sock"
SOUTHBOUND = "/run/ovn/ovnsb_db.sock"
OPEN_VSWITCH = "/run/openvswitch/db.sock"
LIBVIRT = "/run/libvirt/libvirt-sock"
BRIDGES = {"publicnet": "br-public", "publicnet-routed": "br-routed"}
"""The bridge to each physical network, by the network's name."""
_READY_SECONDS = 60.0

QEMU_CONF = """\
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
seccomp_sandbox = 0
"""
LIBVIRTD_CONF = 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'


@dataclass(frozen=True)
class Daemon:
    """One daemon, which runs in the foreground.

    Attributes:
        name: name of its pid file and its log.
        command: program and arguments.
        socket: Unix socket that exists once the daemon serves; None if nothing waits for it.
    """

    name: str
    command: tuple[str, ...]
    socket: str | None = None


def names() -> tuple[str, ...]:
    """Return the names of all daemons in the order in which they start."""
    return ("mariadb", "ovn-nb", "ovn-sb", "ovsdb", "northd", "vswitchd", "ovn-controller", "virtlogd", "libvirtd")


def start(settings: Settings, say: Callable[[str], None]) -> None:
    """Start all daemons and configure Open vSwitch as an OVN chassis.

    Raises:
        LabError: a daemon ended or does not answer.
    """
    started = time.monotonic()
    data = settings.data("ovn")
    data.mkdir(parents=True, exist_ok=True)
    etc = Path(f"/proc/{holder(settings, HOST).pid}/root/etc/libvirt")
    etc.joinpath("qemu.conf").write_text(QEMU_CONF)
    etc.joinpath("libvirtd.conf").write_text(LIBVIRTD_CONF)
    daemons = _daemons(settings)
    _make_mariadb(settings)
    for name, schema in (("nb", "ovn-nb"), ("sb", "ovn-sb")):
        if not (data / f"{name}.db").exists():
            run(settings, HOST, "ovsdb-tool", "create", str(data / f"{name}.db"), f"/usr/share/ovn/{schema}.ovsschema")
    # The database of a former run is replaced: Nova plugs every NIC again.
    run(settings, HOST, "ovsdb-tool", "create", "/run/openvswitch/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
    for name in ("mariadb", "ovn-nb", "ovn-sb", "ovsdb", "virtlogd", "libvirtd"):
        _start(settings, daemons[name])
    _await(settings, daemons["ovsdb"])
    _configure(settings)
    for name in ("northd", "vswitchd", "ovn-controller"):
        _start(settings, daemons[name])
    for bridge in BRIDGES.values():
        run(settings, HOST, "ovs-vsctl", "--may-exist", "add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
    for name in ("mariadb", "libvirtd"):
        _await(settings, daemons[name])
    say(f"  MariaDB, OVN, Open vSwitch and libvirt ready after {time.monotonic() - started:.0f} s")


def restart(settings: Settings, name: str) -> None:
    """Stop one daemon and start it again, as an upgrade of its package would. Guests keep running.

    Args:
        settings: the lab.
        name: one of `names()`.
    """
    processes.stop([process for daemon, process in running(settings).items() if daemon == name])
    _start(settings, _daemons(settings)[name])


def running(settings: Settings) -> dict[str, Process]:
    """Return the processes of the daemons that run, by name."""
    found = {name: processes.read(_record(settings, name)) for name in names()}
    return {name: process for name, process in found.items() if process is not None and process.alive}


def stop(settings: Settings) -> None:
    """Stop the daemons that must write data first. The others end with their namespace."""
    recorded = running(settings)
    processes.stop([recorded[name] for name in ("mariadb", "ovn-nb", "ovn-sb") if name in recorded])


def forget(settings: Settings) -> None:
    """Remove the pid files of all daemons."""
    for name in names():
        _record(settings, name).unlink(missing_ok=True)


def _daemons(settings: Settings) -> dict[str, Daemon]:
    data = settings.data("ovn")
    found = (
        _mariadb(settings),
        _ovsdb("ovn-nb", str(data / "nb.db"), NORTHBOUND, "OVN_Northbound,NB_Global"),
        _ovsdb("ovn-sb", str(data / "sb.db"), SOUTHBOUND, "OVN_Southbound,SB_Global"),
        _ovsdb("ovsdb", "/run/openvswitch/conf.db", OPEN_VSWITCH, "Open_vSwitch,Open_vSwitch"),
        Daemon("northd", ("ovn-northd", f"--ovnnb-db=unix:{NORTHBOUND}", f"--ovnsb-db=unix:{SOUTHBOUND}")),
        # Debian 12's version sometimes aborts in its connection tracking. --monitor restarts it, as in Debian's own service.
        Daemon("vswitchd", ("ovs-vswitchd", f"unix:{OPEN_VSWITCH}", "--pidfile", "--monitor")),
        Daemon("ovn-controller", ("ovn-controller", f"unix:{OPEN_VSWITCH}")),
        Daemon("virtlogd", ("virtlogd",)),
        Daemon("libvirtd", ("libvirtd",), LIBVIRT),
    )
    return {daemon.name: daemon for daemon in found}


def _make_mariadb(settings: Settings) -> None:
    data = settings.data("mariadb")
    if not (data / "made").exists():
        run(
            settings,
            HOST,
            *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )
        (data / "made").touch()


def _mariadb(settings: Settings) -> Daemon:
    data = settings.data("mariadb")
    options = [
        "--no-defaults",
        "--user=root",
        f"--datadir={data}",
        f"--socket={MARIADB_SOCKET}",
        "--pid-file=/run/mysqld/mysqld.pid",
        "--skip-networking",
        "--skip-grant-tables",  # no other program can reach the socket
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--max-connections=300",
    ]
    return Daemon("mariadb", ("mariadbd", *options), MARIADB_SOCKET)


def _ovsdb(name: str, database: str, socket: str, remotes: str) -> Daemon:
    table = f"db:{remotes},{'manager_options' if name == 'ovsdb' else 'connections'}"
    control = f"--unixctl={Path(socket).parent}/{name}.ctl"
    return Daemon(name, ("ovsdb-server", database, f"--remote=punix:{socket}", f"--remote={table}", control), socket)


def _configure(settings: Settings) -> None:
    options = {
        "system-id": CHASSIS,
        "hostname": CHASSIS,  # must equal Nova's option host
        "ovn-remote": f"unix:{SOUTHBOUND}",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge-datapath-type": "netdev",  # needs no kernel module
        "ovn-bridge-mappings": ",".join(f"{network}:{bridge}" for network, bridge in BRIDGES.items()),
        "ovn-cms-options": "enable-chassis-as-gw",
    }
    run(settings, HOST, "ovs-vsctl", "--no-wait", "init")
    external_ids = [f'external_ids:{name}="{value}"' for name, value in options.items()]
    run(settings, HOST, "ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", *external_ids)


def _record(settings: Settings, name: str) -> Path:
    return settings.directory / "run" / f"{name}.json"


def _start(settings: Settings, daemon: Daemon) -> None:
    log = settings.log(daemon.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        child = subprocess.Popen(
            [*inside(settings, HOST), *daemon.command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = processes.identify(child.pid)
    processes.write(_record(settings, daemon.name), started)
    processes.prefer(started)


def _await(settings: Settings, daemon: Daemon) -> None:
    """Wait until the socket of a daemon exists in the mount namespace of the host."""
    deadline = time.monotonic() + _READY_SECONDS
    seen = Path(f"/proc/{holder(settings, HOST).pid}/root{daemon.socket}")
    while not seen.exists():
        if daemon.name not in running(settings):
            raise LabError(f"{daemon.name} ended while starting; its log is {settings.log(daemon.name)}")
        if time.monotonic() > deadline:
            raise LabError(f"{daemon.name} did not answer within {_READY_SECONDS:.0f} s; its log is {settings.log(daemon.name)}")
        time.sleep(0.05)
