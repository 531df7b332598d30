"""The expected report of each recording: `python -m tests.review.expect` writes it; read the diff before you commit it."""

import sys
from functools import cache
from pathlib import Path

import yaml

from multiport.review.markdown import markdown
from multiport.review.preview import read
from multiport.review.redaction import Redaction
from multiport.review.report import Report, report
from multiport.review.terminal import terminal
from multiport.review.topology import Topology
from tests.review import recording


@cache
def rendered(name: str) -> tuple[Report, Topology]:
    """The report of a recording."""
    events, preview, texts = recording.read(recording.FOLDER / name)
    redaction = Redaction(secrets(name))
    return report(read(events, preview, redaction), redaction.values(texts))


def secrets(name: str) -> frozenset[str]:
    """Secret values of a recorded stack."""
    config = yaml.safe_load((recording.FOLDER / name / "config.yaml").read_text())
    return frozenset(config.get("secrets", {}).values())


def expectations(name: str) -> dict[str, str]:
    """What is expected, by file name."""
    made, topology = rendered(name)
    return {
        "expected.md": markdown(made, topology),
        "expected.json": made.json(),
        "expected.txt": terminal(made, colours=False),
    }


def main() -> int:
    """Write all expectations."""
    for folder in sorted(Path(recording.FOLDER).iterdir()):
        if folder != recording.TEXTS:
            for name, text in expectations(folder.name).items():
                (folder / name).write_text(text, newline="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
