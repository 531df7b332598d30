"""A guest in QEMU without KVM: its own kernel, udev and PCI hot-plug. It is spoken to over its second serial port."""

import json
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from lab.guests.images import Disk
from tests.guests.config_drive import write
from tests.guests.namespaces import inside, run
from tests.guests.network import Network, Nic
from tests.guests.probes import wait

MEGABYTES: Final = 768
"""Memory of the guest; QEMU itself then uses 0.65 GB (measured)."""

TRANSLATIONS_MEGABYTES: Final = 256
"""Memory for translated code; QEMU would take 1 GB of it."""

PATIENCE: Final = 300
"""Seconds that a command in the guest, or its reboot, may take."""

HOT_SLOT: Final = "hot"
"""A PCIe port that is empty when the guest boots."""


class Lines:
    """JSON objects, one per line, to and from a socket of QEMU's; a thread reads them."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self.received: queue.Queue[dict[str, object]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, message: Mapping[str, object]) -> None:
        """Send one object."""
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def next(self, *keys: str) -> dict[str, object]:
        """Wait for an object that has one of these keys; those before it are dropped."""
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self.received.get(timeout=max(0.0, deadline - time.monotonic()))
            if any(key in message for key in keys):
                return message

    def _read(self) -> None:
        for line in self._lines():
            try:
                message = json.loads(line)
            except ValueError:  # what a kernel that starts or a tty that is not set up yet says
                continue
            if isinstance(message, dict):
                self.received.put(message | {"at": time.time()})

    def _lines(self) -> Iterator[bytes]:
        received = b""
        with suppress(ConnectionResetError):  # QEMU was ended
            while chunk := self._socket.recv(65536):
                *lines, received = (received + chunk).split(b"\n")
                yield from lines


@dataclass
class QemuGuest:
    """A guest in a virtual machine; a context manager.

    Attributes:
        disk: What it boots; it writes to a copy that lasts as long as QEMU runs.
        network: Where its ports are.
        nics: The ports that it boots with.
        drive: Files of its config drive.
        folder: Where it writes.
        booted_at: When it was last started, in seconds of Unix time.
    """

    disk: Disk
    network: Network
    nics: Sequence[Nic]
    drive: Mapping[str, str]
    folder: Path
    booted_at: float = field(init=False, default=0.0)
    _process: subprocess.Popen[bytes] = field(init=False)
    _control: Lines = field(init=False)
    _monitor: Lines = field(init=False)
    _commands: int = field(init=False, default=0)

    def __enter__(self) -> Self:
        write(self.drive, self.folder / "drive")
        drive, image = str(self.folder / "drive"), str(self.folder / "drive.iso")
        run("genisoimage", "-quiet", "-J", "-r", "-V", "config-2", "-o", image, drive)
        for nic in self.nics:
            self._make_tap(nic)
        self._start()
        try:
            monitor, control = self.folder / "monitor", self.folder / "control"
            wait(lambda: monitor.is_socket() and control.is_socket(), 30, (self.folder / "qemu.log").read_text)
            self._monitor, self._control = Lines(monitor), Lines(control)
            self._call("qmp_capabilities")
            self._control.next("boot_id")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def run(self, command: str) -> tuple[int, str]:
        """Run a shell command in the guest; return its status and what it printed."""
        self._commands += 1
        self._control.send({"id": self._commands, "command": command})
        while (reply := self._control.next("status"))["id"] != self._commands:
            pass
        return int(str(reply["status"])), str(reply["output"])

    def clock(self) -> float:
        """How much its clock is ahead of ours, in seconds."""
        before = time.time()
        theirs = float(self.run("date +%s.%N")[1])
        return theirs - (before + time.time()) / 2

    def reboot(self) -> None:
        """Have it reboot, and wait until it boots again."""
        self.run("systemctl --no-block reboot")
        self.booted_at = self._event("RESET")
        self._control.next("boot_id")

    def plug(self, nic: Nic) -> None:
        """Attach a port, as Nova does: a network card is put into the running machine."""
        self._make_tap(nic)
        self._call("netdev_add", type="tap", id=nic.port, ifname=nic.port, script="no", downscript="no")
        self._call("device_add", driver="virtio-net-pci", id=f"card-{nic.key}", netdev=nic.port, mac=nic.mac, bus=HOT_SLOT)

    def unplug(self, nic: Nic) -> None:
        """Detach a port; the guest's kernel has let go of the card when this returns."""
        self._call("device_del", id=f"card-{nic.key}")
        self._event("DEVICE_DELETED")
        self._call("netdev_del", id=nic.port)
        run("ip", "-n", self.network.router, "link", "delete", nic.port)

    def console(self) -> str:
        """The end of what it printed while it booted."""
        console = self.folder / "console"
        return "\n".join(console.read_text(errors="replace").splitlines()[-40:]) if console.exists() else ""

    def memory(self) -> int:
        """The most memory that QEMU has used, in megabytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def _make_tap(self, nic: Nic) -> None:
        run("ip", "-n", self.network.router, "tuntap", "add", nic.port, "mode", "tap")
        self.network.attach(nic.port)

    def _start(self) -> None:
        command = [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-cpu", "max"),
            *("-accel", f"tcg,thread=multi,tb-size={TRANSLATIONS_MEGABYTES}", "-smp", "2", "-m", str(MEGABYTES)),
            *("-kernel", str(self.disk.kernel), "-initrd", str(self.disk.initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 loglevel=4"),
            *("-drive", f"if=virtio,format=raw,snapshot=on,cache=unsafe,file={self.disk.image}"),
            # The cloud kernel has no AHCI: the config drive is a virtio disk.
            *("-drive", f"if=virtio,format=raw,readonly=on,file={self.folder / 'drive.iso'}"),
            *("-device", "virtio-rng-pci", "-device", f"pcie-root-port,id={HOT_SLOT},chassis=1"),
            *("-serial", f"file:{self.folder / 'console'}"),
            *("-serial", f"unix:{self.folder / 'control'},server=on,wait=off"),
            *("-qmp", f"unix:{self.folder / 'monitor'},server=on,wait=off"),
        ]
        for nic in self.nics:
            command += ["-netdev", f"tap,id={nic.port},ifname={nic.port},script=no,downscript=no"]
            command += ["-device", f"virtio-net-pci,netdev={nic.port},mac={nic.mac}"]
        self.booted_at = time.time()
        with (self.folder / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(
                inside(self.network.router, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _call(self, name: str, **arguments: str) -> None:
        self._monitor.send({"execute": name, "arguments": arguments})
        reply = self._monitor.next("return", "error")
        if "error" in reply:
            raise RuntimeError(f"{name}: {reply['error']}")

    def _event(self, name: str) -> float:
        """Wait for an event and return when it came."""
        while (message := self._monitor.next("event"))["event"] != name:
            pass
        return float(str(message["at"]))
