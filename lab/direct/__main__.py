"""Command line: `python -m lab.direct up|preview|down|outputs --project DIR --stack NAME`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import deployment
from .errors import DirectError
from .project import load
from .report import Report
from .state import Store, locked
from .values import masked, plain

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 after a failure or refusal, 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    report = Report()
    try:
        project = load(options.project, options.stack)
        path = options.state or default_state(project.name, project.stack)
        if options.verb == "outputs":
            _print_outputs(Store(path).state.outputs, report, as_json=options.json, show_secrets=options.show_secrets)
            return 0
        if options.verb == "preview":
            return deployment.preview(project, Store(path), report)
        if options.verb == "down" and not path.parent.exists():
            report.line("Resources: nothing to delete")
            return 0
        with locked(path) as store:
            if options.verb == "down":
                return deployment.down(project, store, report)
            if not store.state.resources and not _previewed(options, path, report):
                return 1
            return deployment.up(project, store, report)
    except DirectError as error:
        report.problem(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        report.problem("interrupted.")
        return deployment.INTERRUPTED


def default_state(project: str, stack: str) -> Path:
    """Return the state file of a stack. It is among the lab's data, so that a reset of the lab deletes it too."""
    return Path(os.environ.get("LAB_DIR") or CHECKOUT / ".lab") / "data" / "direct" / project / f"{stack}.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.direct", description=sys.modules["lab.direct"].__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up|preview|down|outputs")
    texts = {
        "up": "create the stack, or find that it is unchanged",
        "preview": "show what `up` would do",
        "down": "delete the resources of the stack",
        "outputs": "print the stack's outputs",
    }
    for verb, text in texts.items():
        command = verbs.add_parser(verb, help=text, description=text)
        command.add_argument("--project", type=Path, required=True, help="folder with Pulumi.yaml")
        command.add_argument("--stack", required=True, help="name of the stack")
        command.add_argument(
            "--state", type=Path, help="state file (default: data/direct/<project>/<stack>.json in the lab's folder)"
        )
        if verb == "outputs":
            command.add_argument("--json", action="store_true", help="print JSON")
            command.add_argument("--show-secrets", action="store_true", help="print secret values")
    return parser


def _previewed(options: argparse.Namespace, path: Path, report: Report) -> bool:
    """Preview a stack before its first resource is created, so that errors in the program are found before that.

    The preview runs in another process: the modules of a program keep their state, and the real run must import them again.
    """
    report.line("Checking the program ...")
    where = ["--project", str(options.project.resolve()), "--stack", options.stack, "--state", str(path.resolve())]
    command = [sys.executable, "-m", "lab.direct", "preview", *where]
    outcome = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if outcome.returncode:
        report.problem((outcome.stdout + outcome.stderr).rstrip())
    return outcome.returncode == 0


def _print_outputs(outputs: dict[str, object], report: Report, *, as_json: bool, show_secrets: bool) -> None:
    shown = plain(outputs) if show_secrets else masked(outputs)
    if as_json:
        report.line(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        report.outputs(shown)


if __name__ == "__main__":
    sys.exit(main())
