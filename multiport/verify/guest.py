"""What is run inside the guests: POSIX shell, one script per ssh, with the tools that the guide uses.

Cloud images often lack tcpdump or curl; Python, which cloud-init needs, then does the same and writes the same lines.
"""

from collections.abc import Iterable
from shlex import quote

SECTION = "== "
"""Begins a line that says what the following ones are."""

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
"""All that the verdict needs to know of the guest, read without changing anything."""

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
    """The guide's `ping -I`, by NIC."""
    return f"{_HEAD}\nping -n -c 5 -i 0.5 -W 2 -I {quote(nic)} {quote(gateway)}"


def curl(address: str, url: str) -> str:
    """The guide's `curl --interface`, by address, for a port may have several."""
    fetch = f"$python -c {quote(_FETCH)} {quote(address)} {quote(url)}"
    return f"{_HEAD}\nif has curl; then curl --interface {quote(address)} -sS -m 10 {quote(url)}; else {fetch}; fi"


def capture(nics: Iterable[str], seconds: int) -> str:
    """The guide's tcpdump, on all NICs at once, so that a reply is seen wherever it leaves."""
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
"""Which of its addresses the guest was asked on, and that it is the guest that was meant."""
