"""Test equipment inside a guest: runs commands that come in over the second serial port, answers on TCP port 7.

Neither has anything to do with what is tested: commands do not come over the network that they break, and the answer to a TCP
connection is the address that it was made to.
"""

import json
import socket
import subprocess
import threading
import tty
from pathlib import Path

SERIAL_PORT = Path("/dev/ttyS1")
TCP_PORT = 7


def answer_connections() -> None:
    """Tell everyone who connects which of our addresses he reached."""
    with socket.create_server(("", TCP_PORT), backlog=64) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.getsockname()[0].encode())


def run_commands() -> None:
    """Run one shell command per line of JSON, and answer with its status and output in one line."""
    with SERIAL_PORT.open("r+b", buffering=0) as port:
        tty.setraw(port.fileno())
        hello = {"boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip()}
        port.write(json.dumps(hello).encode() + b"\n")
        received = b""
        while True:
            received += port.read(4096)
            *lines, received = received.split(b"\n")
            for line in lines:
                request = json.loads(line)
                run = subprocess.run(
                    ["bash", "-c", request["command"]],
                    check=False,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
                reply = {"id": request["id"], "status": run.returncode, "output": run.stdout.decode(errors="replace")}
                port.write(json.dumps(reply).encode() + b"\n")


if __name__ == "__main__":
    threading.Thread(target=answer_connections).start()
    if SERIAL_PORT.is_char_device():
        run_commands()
