"""Pings each port's gateway, and asks which address the world sees."""

from .addresses import text_of
from .apply import Outcome
from .options import run
from .plan import printable


def verify(outcome: Outcome, echo_url: str) -> "tuple[bool, list[str]]":
    """Return whether all is well, and a line for each port and gateway."""
    good, lines = True, []
    for slot, (_, link) in outcome.desired.managed.items():
        for version in (4, 6):
            gateway = outcome.desired.gateways.get((slot, version))
            if gateway is not None:
                said = run(["ping", "-q", "-c", "3", "-i", "0.3", "-W", "2", "-I", link.name, text_of(gateway)])
                good = good and said is not None
                lines.append(
                    f"{link.name}: gateway {text_of(gateway)}: {(said or 'no answer').rpartition('statistics ---')[2].strip()}"
                )
        if echo_url:
            said = run(["curl", "-sS", "-m", "10", "--interface", link.name, echo_url])
            good = good and said is not None
            lines.append(f"{link.name}: {echo_url}: {printable(said or 'no answer').strip('? ')}")
    return good, lines
