"""A guest in systemd-nspawn: its own systemd, cloud-init and network stack on the machine's kernel."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.guests import namespaces
from tests.guests.config_drive import write
from tests.guests.network import Network, Nic
from tests.guests.probes import wait

# Its mounts and what systemd-nspawn keeps under /run go with it. A control group hierarchy that is mounted here looks
# unified to systemd on every machine, and the group holds all of the guest's processes.
_START: Final = """
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
eval "$adaption"
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$name"
echo $$ > "/sys/fs/cgroup/$name/cgroup.procs"
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --boot --keep-unit --register=no --settings=no --link-journal=no --resolv-conf=off --timezone=off \
  --suppress-sync=yes --console=pipe --capability=CAP_NET_ADMIN --network-namespace-path=/proc/self/ns/net \
  --machine="$name" --directory="$root"
"""

# Groups of processes that no longer run are left by runs that were killed.
_CLEAR: Final = """
shopt -s nullglob
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for group in /sys/fs/cgroup/guests-*-guest; do
  process=${group##*/guests-}
  if [ "$group" = "/sys/fs/cgroup/$name" ] || [ ! -d "/proc/${process%%-*}" ]; then
    echo 1 > "$group/cgroup.kill"
    while grep --quiet --no-messages "populated 1" "$group/cgroup.events"; do sleep 0.05; done
    find "$group" -depth -type d -exec rmdir {} +
  fi
done
"""

_APART: Final = ("unshare", "--mount", "--propagation=private")

_REBOOT: Final = 133
"""How systemd-nspawn ends, kept in its unit, when the guest wants to be started again."""


@dataclass
class NspawnGuest:
    """A guest in a container; a context manager. Each boot gives it new interfaces, as a machine would.

    Attributes:
        layers: Its root file system, as overlayfs takes it.
        adaption: Shell commands that make it, $root, fit for a container.
        network: Where its ports are.
        nics: The ports that it boots with.
        drive: Files of its config drive, which stand in cloud-init's seed folder.
        folder: Where it writes.
        booted_at: When it was last started, in seconds of Unix time.
    """

    layers: str
    adaption: str
    network: Network
    nics: Sequence[Nic]
    drive: Mapping[str, str]
    folder: Path
    booted_at: float = field(init=False, default=0.0)
    _namespace: str = field(init=False, default="")
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __enter__(self) -> Self:
        for each in ("upper", "work", "root"):
            (self.folder / each).mkdir(parents=True)
        write(self.drive, self.folder / "upper/var/lib/cloud/seed/config_drive")
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._clear()

    def run(self, command: str) -> tuple[int, str]:
        """Run a shell command in the guest; return its status and what it printed."""
        answer = subprocess.run(
            ["nsenter", f"--target={self._leader()}", "--all", "bash", "-c", command],
            check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return answer.returncode, answer.stdout

    def clock(self) -> float:
        """How much its clock is ahead of ours, in seconds: it has ours."""
        return 0.0

    def reboot(self) -> None:
        """Have it reboot, and wait until it boots again."""
        self.run("systemctl reboot")
        if (status := self._started().wait(60)) != _REBOOT:
            raise RuntimeError(f"systemd-nspawn ended with {status} instead of {_REBOOT}\n{self.console()}")
        self._clear()
        self._boot()

    def plug(self, nic: Nic) -> None:
        """Attach a port; the guest sees the interface at once."""
        number = len(self.nics) + 1
        namespaces.run(
            *("ip", "-n", self.network.router, "link", "add", nic.port, "type", "veth"),
            *("peer", "name", f"eth{number}", "address", nic.mac, "netns", self._namespace),
        )
        self.network.attach(nic.port)

    def unplug(self, nic: Nic) -> None:
        """Detach a port."""
        namespaces.run("ip", "-n", self.network.router, "link", "delete", nic.port)

    def console(self) -> str:
        """The end of what it printed while it booted."""
        return "\n".join((self.folder / "console").read_text(errors="replace").splitlines()[-40:])

    def _boot(self) -> None:
        self._namespace = namespaces.add("guest")
        for number, nic in enumerate(self.nics):
            namespaces.run(
                *("ip", "-n", self.network.router, "link", "add", nic.port, "type", "veth"),
                *("peer", "name", f"eth{number}", "address", nic.mac, "netns", self._namespace),
            )
            self.network.attach(nic.port)
        self.booted_at = time.time()
        environment = {
            **os.environ,
            "name": self._namespace,
            "lower": self.layers,
            "adaption": self.adaption,
            **{each: str(self.folder / each) for each in ("upper", "work", "root")},
        }
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                namespaces.inside(
                    self._namespace, *_APART, "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-euc", _START
                ),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        wait(self._leader, 10, lambda: f"start of systemd-nspawn\n{self.console()}")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the guest does not run\n{self.console()}")
        return self._process

    def _leader(self) -> int | None:
        """Process number of the guest's systemd, outside."""
        process = self._started().pid  # of unshare; its child is systemd-nspawn
        for _ in range(2):
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
            if not children:
                return None
            process = int(children[0])
        return process

    def _clear(self) -> None:
        if self._namespace:
            for nic in self.nics:  # the kernel takes its time to end a namespace, and only then the pairs that lead there
                namespaces.delete_link(self.network.router, nic.port)
            subprocess.run(
                [*_APART, "bash", "-euc", _CLEAR],
                check=True,
                env={**os.environ, "name": self._namespace},
            )
            namespaces.delete(self._namespace)
            self._namespace = ""
