"""Record previews again: `python -m tests.review.record [case ...]`, with the official CLI on a local cloud.

Uses the local cloud in MULTIPORT_TEST_LAB, else one of its own that it takes down again. Cases that start from the same stack
share one deployment. Writes tests/review/recorded/<case>/; `python -m tests.review.expect` then writes what is expected of them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from multiport import toolchain
from multiport.review.preview import read as read_preview
from multiport.review.redaction import Redaction, prelude_config, secrets_of
from multiport.review.rendered import rendered
from tests.engine.stack import PROJECT, ROOT, Stack
from tests.review import recording
from tests.review.cases import CASES, Case

NAME = "review"
POLICIES = ROOT / "multiport" / "policy"


def main() -> int:
    """Record the named cases, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.review.record", description=__doc__)
    parser.add_argument("case", nargs="*", choices=[[], *CASES], help="default: all")
    wanted = parser.parse_args().case or list(CASES)
    pulumi = toolchain.find(print, fetch=False).pulumi
    with tempfile.TemporaryDirectory(prefix="multiport-record-") as folder, _cloud(Path(folder) / "lab") as cloud:
        groups: dict[str, list[str]] = {}
        for name in wanted:
            groups.setdefault(json.dumps(CASES[name].before, sort_keys=True), []).append(name)
        for number, (before, names) in enumerate(groups.items()):
            _record(Stack(Path(folder) / f"stack{number}", NAME, cloud, ROOT, pulumi), json.loads(before), names)
    for path in recording.unused_texts() if not parser.parse_args().case else ():
        path.unlink()
    return 0


@contextmanager
def _cloud(folder: Path) -> Iterator[dict[str, str]]:
    shared = os.environ.get("MULTIPORT_TEST_LAB")
    place = Path(shared) if shared else folder
    lab = [sys.executable, "-m", "lab", "--dir", str(place)]
    subprocess.run([*lab, "up"], check=True, cwd=ROOT)
    try:
        yield {"OS_CLIENT_CONFIG_FILE": str(place / "clouds.yaml"), "OS_CLOUD": "local"}
    finally:
        if not shared:
            subprocess.run([*lab, "down"], check=True, cwd=ROOT)


def _record(stack: Stack, before: dict[str, Any] | None, names: list[str]) -> None:
    try:
        if before is not None:
            stack.configure(before)
            stack.up()
        for name in names:
            print(f"==> {name}: {CASES[name].says}", flush=True)
            _record_case(stack, name, CASES[name])
    finally:
        if before is not None:
            stack.destroy()


def _record_case(stack: Stack, name: str, case: Case) -> None:
    stack.configure(case.after)
    for path, value in case.secrets:
        stack._call("config", "set", "--secret", "--path", f"{PROJECT}:{path}", value)
    environment = {} if case.script is None else {"PYTHONPATH": str(_other_guest(stack.folder, case.script))}
    events, preview, shown = preview_of(stack, environment, policies=case.policies)
    redaction = Redaction(secrets_of(prelude_config(events), shown))
    folder = recording.FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    kept, described = recording.normalised(events, preview, stack.folder)
    plain = "".join(json.dumps(event) + "\n" for event in kept)
    recording.write(folder, kept, described, rendered(read_preview(plain, json.dumps(described), redaction)))
    configs = {"before": case.before, "after": case.after} | ({"secrets": dict(case.secrets)} if case.secrets else {})
    (folder / "config.yaml").write_text(yaml.safe_dump(configs, sort_keys=True, allow_unicode=False))


def preview_of(stack: Stack, environment: dict[str, str], *, policies: bool) -> tuple[str, str, dict[str, Any]]:
    """Events, JSON, and the configuration with its secrets shown."""
    log = stack.folder / "events.log"
    log.unlink(missing_ok=True)
    packs = ["--policy-pack", str(POLICIES)] if policies and POLICIES.is_dir() else []
    answer = subprocess.run(
        [
            stack.pulumi,
            "preview",
            "--json",
            "--event-log",
            log,
            "--non-interactive",
            "--color",
            "never",
            "--stack",
            stack.name,
            *packs,
        ],
        cwd=stack.folder,
        env={**stack.environment, "PULUMI_DEBUG_COMMANDS": "true", **environment},
        text=True,
        capture_output=True,
        check=False,
    )
    config = subprocess.run(
        [stack.pulumi, "config", "--json", "--show-secrets", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        text=True,
        capture_output=True,
        check=True,
    )
    if not log.exists():
        raise RuntimeError(answer.stdout + answer.stderr)
    return log.read_text(), answer.stdout, json.loads(config.stdout)


def _other_guest(folder: Path, line: str) -> Path:
    """Make a copy of the package whose guest program has one more line, and pack it again."""
    other = folder / "other"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(ROOT / "multiport", other / "multiport", ignore=shutil.ignore_patterns("__pycache__"))
    module = other / "multiport" / "guest" / "program" / "verify.py"
    module.write_text(f"{module.read_text()}\n# {line}\n")
    subprocess.run([sys.executable, "-m", "multiport.guest.packing"], cwd=other, check=True)
    return other


if __name__ == "__main__":
    sys.exit(main())
