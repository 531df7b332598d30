"""Runs in a guest: takes a virtual address and gives it up again, as keepalived does; a word on standard input for each.

`take` adds the address and sends gratuitous ARP, `leave` deletes it. Standard library only.
"""

import socket
import struct
import subprocess
import sys

ETHERTYPE_ARP = 0x0806
ANNOUNCEMENTS = 5  # as many as keepalived sends at once


def main() -> None:
    """Obey until the input ends."""
    mac, address = sys.argv[1:]
    nic = next(name for _, name in socket.if_nameindex() if _mac(name) == mac)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((nic, ETHERTYPE_ARP))
    hardware, own = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
    request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + hardware + own + bytes(6) + own
    frame = b"\xff" * 6 + hardware + struct.pack("!H", ETHERTYPE_ARP) + request
    print("ready", flush=True)
    for line in sys.stdin:
        verb = {"take": "replace", "leave": "delete"}[line.strip()]
        subprocess.run(["ip", "address", verb, f"{address}/32", "dev", nic], check=True)
        if verb == "replace":
            for _ in range(ANNOUNCEMENTS):
                packets.send(frame)
        print("done", flush=True)


def _mac(nic: str) -> str:
    with open(f"/sys/class/net/{nic}/address") as file:  # noqa: PTH123 - pathlib takes an emulated guest a second to import
        return file.read().strip()


if __name__ == "__main__":
    main()
