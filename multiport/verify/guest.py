"""The scripts that run inside the guests: POSIX shell, one script for each ssh call, with the tools that the guide uses.

Cloud images often lack tcpdump or curl. Python, which cloud-init needs anyway, then does the same and prints the same lines.
"""

from collections.abc import Iterable
from shlex import quote

SECTION = "== "
"""Prefix of a line that names the section of output that follows."""

_HEAD = """
PATH=$PATH:/usr/sbin:/sbin
as_root=; [ "$(id -u)" = 0 ] || as_root="sudo -n"
python=$(command -v python3 || ls /usr/libexec/platform-python 2>/dev/null)
has() { command -v "$1" >/dev/null; }
"""

LOOK = f"""{_HEAD}
echo "{SECTION}nics"
for nic in /sys/class/net/*; do [ ! -e "$nic/address" ] || echo "${{nic##*/}} $(cat "$nic/address")"; done
echo "{SECTION}addresses"; ip -o -4 addr show
echo "{SECTION}routes"; ip -4 route show table all
echo "{SECTION}rules"; ip -4 rule show
echo "{SECTION}rp_filter"; (cd /proc/sys/net/ipv4/conf && grep . ./*/rp_filter)
echo "{SECTION}plan"; $as_root cat /var/lib/policy-routing/metadata 2>/dev/null
echo "{SECTION}root"; $as_root id -u
echo "{SECTION}policy-routing"; command -v policy-routing /usr/local/sbin/policy-routing | head -n 1
echo "{SECTION}end"
"""
"""Prints everything that the verdict needs to know about the guest, and changes nothing."""

_FETCH = """
import http.client, sys, urllib.parse
address, url = sys.argv[1:]
parts = urllib.parse.urlsplit(url)
kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
connection = kind(parts.hostname, parts.port, timeout=10, source_address=(address, 0))
connection.request("GET", parts.path or "/", headers={"User-Agent": "curl"})
print(connection.getresponse().read().decode().strip())
"""

_CAPTURE = """
import socket, struct, sys, time
nic, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
packets.bind((nic, 3))
while (left := until - time.monotonic()) > 0:
    packets.settimeout(left)
    try:
        packet = packets.recv(2048)
    except TimeoutError:
        break
    if packet[0] >> 4 != 4 or packet[9] != 1:
        continue
    kind, _, _, number, sequence = struct.unpack("!BBHHH", packet[(packet[0] & 15) * 4 :][:8])
    source, target = (socket.inet_ntoa(packet[at : at + 4]) for at in (12, 16))
    word = {8: "request", 0: "reply"}.get(kind)
    if word:
        stamp = time.strftime("%H:%M:%S")
        print(f"{stamp} IP {source} > {target}: ICMP echo {word}, id {number}, seq {sequence}, length {len(packet) - 20}")
"""


def ping_gateway(nic: str, gateway: str) -> str:
    """Return the guide's `ping -I` for a NIC."""
    return f"{_HEAD}\nping -n -c 5 -i 0.5 -W 2 -I {quote(nic)} {quote(gateway)}"


def curl(address: str, url: str) -> str:
    """Return the guide's `curl --interface`, with an address instead of a NIC, because a port may have several addresses."""
    fetch = f"$python -c {quote(_FETCH)} {quote(address)} {quote(url)}"
    return f"{_HEAD}\nif has curl; then curl --interface {quote(address)} -sS -m 10 {quote(url)}; else {fetch}; fi"


def capture(nics: Iterable[str], seconds: int) -> str:
    """Return the guide's tcpdump on all NICs at the same time, so that a reply is seen no matter by which NIC it leaves."""
    lines = [_HEAD, "folder=$(mktemp -d)"]
    for nic in nics:
        name = quote(nic)
        dump = f"$as_root timeout {seconds} tcpdump -nn -l -i {name} icmp"
        python = f"$as_root $python -c {quote(_CAPTURE)} {name} {seconds}"
        lines += [f'(if has tcpdump; then {dump}; else {python}; fi) >"$folder/{name}" 2>"$folder/{name}.err" &']
    lines += ["wait"]
    for nic in nics:
        name = quote(nic)
        lines += [f'echo "{SECTION}{name}"; cat "$folder/{name}" "$folder/{name}.err"']
    return "\n".join([*lines, 'rm -r "$folder"', f'echo "{SECTION}end"'])


LOGIN = f"""
echo "{SECTION}connection"; echo "$SSH_CONNECTION"
echo "{SECTION}macs"; cat /sys/class/net/*/address
echo "{SECTION}end"
"""
"""Prints the address of the guest to which the connection was made, and the guest's MAC addresses, which identify it."""
