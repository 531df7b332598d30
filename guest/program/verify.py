"""Pings each port's gateway, and asks which address the world sees."""

import sys

from .addresses import text_of
from .apply import Outcome
from .plan import printable

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_ANSWER_CHARACTERS_MAX = 200


def verify(outcome: Outcome, echo_url: str) -> bool:
    """Print what comes back by each port; return whether all is well."""
    good = True
    for slot, port in outcome.desired.ports.by_slot.items():
        if port.link is None:
            continue
        device = port.link.name
        for version in (4, 6):
            gateway = outcome.desired.gateways.get((slot, version))
            if gateway is None:
                continue
            status, said = _run("ping", "-q", "-c", "3", "-i", "0.3", "-W", "2", "-I", device, text_of(gateway))
            good = good and status == 0
            print(f"{device}: gateway {text_of(gateway)}: {said.rpartition('statistics ---')[2].strip()}")
        if echo_url:
            status, said = _run("curl", "-sS", "-m", "10", "--interface", device, echo_url)
            good = good and status == 0
            print(f"{device}: {echo_url}: {printable(said.strip())[:_ANSWER_CHARACTERS_MAX]}")
    sys.stdout.flush()
    return good


def _run(*words: str) -> "tuple[int, str]":
    import subprocess

    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_ENVIRONMENT, check=False
        )
    except OSError as error:
        return 1, f"{words[0]}: {error.strerror}"
    return done.returncode, done.stdout.decode("utf-8", "replace")


