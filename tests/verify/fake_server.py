"""Turns a namespace into a server with logins. Debian's sshd and tcpdump are unpacked for it, not installed.

Installing them would start an sshd on this machine, and the packages would have to be removed afterwards.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock

from tests.netns.namespace import wait_until
from tests.netns.topology import Cloud, Guest

PACKAGES: Final = ("openssh-server", "libwrap0", "tcpdump", "libpcap0.8")
UNPACKED: Final = Path(__file__).resolve().parents[2] / ".tools" / "verify"

ECHO_PORT: Final = 8080
ECHO: Final = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.client_address[0].encode() + b"\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("198.51.100.2", 8080), Echo).serve_forever()
"""


def unpacked() -> Path:
    """Return the folder with the unpacked packages. They are downloaded once.

    Raises:
        OSError: apt or its mirror is missing.
    """
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with FileLock(UNPACKED.with_suffix(".lock")):  # several workers of pytest may run this at the same time
        done = UNPACKED / "done"
        if not done.exists():
            for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "download", *PACKAGES]):
                answer = subprocess.run(command, cwd=UNPACKED, check=False, capture_output=True, text=True)
                if answer.returncode != 0:
                    raise OSError(f"{' '.join(command)}: {answer.stderr.strip()}")
            for package in sorted(UNPACKED.glob("*.deb")):
                subprocess.run(["dpkg-deb", "--extract", package, UNPACKED], check=True)
            done.touch()
    return UNPACKED


def log_in(guest: Guest, folder: Path) -> Path:
    """Start an sshd on every address of the guest. Return the file of the private key with which root can log in."""
    files = unpacked()
    for name in {"identity", "host_key"} - {file.name for file in folder.iterdir()}:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    libraries = files / "usr/lib/x86_64-linux-gnu"
    guest.write(
        "/etc/ssh/sshd_config",
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/identity.pub\nStrictModes no\nUsePAM no\nUseDNS no\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\nPidFile none\n"
        f"SetEnv PATH={files}/usr/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LD_LIBRARY_PATH={libraries}\n",
    )
    # The users to which sshd and tcpdump drop their privileges.
    guest.sh(
        "sed -i 's|^root:.*|root:x:0:0::/run:/bin/sh|' /etc/passwd;"  # so that root's shell does not read this machine's profile
        "mkdir -p /run/sshd; for user in sshd tcpdump; do"
        " grep -q ^$user: /etc/passwd || echo $user:x:999:65534::/run/sshd:/bin/false >>/etc/passwd; done"
    )
    guest.start("env", f"LD_LIBRARY_PATH={libraries}", f"{files}/usr/sbin/sshd", "-D", "-f", "/etc/ssh/sshd_config")
    wait_until(lambda: ":22 " in guest.sh("ss -ltn"))
    return folder / "identity"


@contextmanager
def echo_service(cloud: Cloud, folder: Path) -> Iterator[str]:
    """Run a service outside that answers with the client's address; yield its URL."""
    script = folder / "echo.py"
    script.write_text(ECHO)
    service = cloud.client.start("python3", str(script))
    wait_until(lambda: f":{ECHO_PORT} " in cloud.client.sh("ss -ltn"))
    yield f"http://198.51.100.2:{ECHO_PORT}/"
    service.stop()
