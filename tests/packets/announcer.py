"""Runs in a guest, and adds or deletes a virtual IP as keepalived does. The words on standard input are its commands.

`take` adds the address and sends gratuitous ARP, `leave` deletes it. Both use netlink directly, because an emulated guest needs a
quarter of a second to start `ip`. It uses the standard library only.
"""

import socket
import struct
import sys

ETHERTYPE_ARP = 0x0806
ANNOUNCEMENTS = 5  # keepalived sends this many in a row
# linux/rtnetlink.h, linux/netlink.h, linux/if_addr.h
RTM_NEWADDR, RTM_DELADDR = 20, 21
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x400
IFA_ADDRESS, IFA_LOCAL = 1, 2


def main() -> None:
    """Execute the commands until the input ends."""
    mac, address = sys.argv[1:]
    nic = next(name for _, name in socket.if_nameindex() if _mac(name) == mac)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((nic, ETHERTYPE_ARP))
    hardware, own = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
    request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + hardware + own + bytes(6) + own
    frame = b"\xff" * 6 + hardware + struct.pack("!H", ETHERTYPE_ARP) + request
    print("ready", flush=True)
    for line in sys.stdin:
        kind, flags = {"take": (RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE), "leave": (RTM_DELADDR, 0)}[line.strip()]
        _change_address(kind, flags, socket.if_nametoindex(nic), own)
        if kind == RTM_NEWADDR:
            for _ in range(ANNOUNCEMENTS):
                packets.send(frame)
        print("done", flush=True)


def _change_address(kind: int, flags: int, index: int, address: bytes) -> None:
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, index)
    body += b"".join(struct.pack("=HH4s", 8, attribute, address) for attribute in (IFA_LOCAL, IFA_ADDRESS))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        (error,) = struct.unpack_from("=i", kernel.recv(4096), 16)
    if error:
        raise OSError(-error, f"netlink request {kind}")


def _mac(nic: str) -> str:
    with open(f"/sys/class/net/{nic}/address") as file:  # noqa: PTH123 - importing pathlib takes an emulated guest a second
        return file.read().strip()


if __name__ == "__main__":
    main()
