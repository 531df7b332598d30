"""`make test-fresh`: the project on machines that have never seen it, one step after the other, and a record of what was seen.

A machine is a root file system that mmdebstrap makes of a Debian suite: its Python, make, and nothing else of ours, no git, empty
caches, a home folder of its own. The checkout is what the last commit holds. A plain user deploys and takes down; root runs the
tests, as far as the machine goes. Pulumi's CLI and plugin are those of this machine: without them the direct driver deploys.

A step that is recorded for the commit is not run again: a run that was interrupted goes on from there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from multiport import toolchain
from multiport.toolchain import ROOT

PLACE: Final = ROOT / ".tools" / "fresh"
RECORDS: Final = ROOT / "docs" / "fresh"
PAGE: Final = ROOT / "docs" / "fresh.md"

SUITES: Final = {"bookworm": "Debian 12", "trixie": "Debian 13"}
PACKAGES: Final = ("python3", "python3-venv", "make", "ca-certificates", "bsdextrautils", "procps", "iproute2")
"""What a machine has before us; bsdextrautils holds the `column` of `make help`."""

USER: Final = 1000
CHECKOUT: Final = "/home/user/multiport"
TAIL_LINES: Final = 40


@dataclass(frozen=True)
class Step:
    """One command on the fresh machine.

    Attributes:
        name: What it is called in the record.
        words: The command.
        as_root: Whether root runs it; else a plain user does.
    """

    name: str
    words: tuple[str, ...]
    as_root: bool = False


STEPS: Final = (
    Step("first `make up`", ("make", "up")),
    Step("second `make up`", ("make", "up")),
    Step("`make down`", ("make", "down")),
    Step("`make check`", ("make", "check")),
    Step("`make test`", ("make", "test"), as_root=True),
)

HEAD: Final = """# Seen on fresh machines

Written by `make test-fresh`: root file systems that mmdebstrap makes of a Debian suite, with that suite's Python, without git,
with empty caches and a home folder of their own. A plain user runs `make up`, `make up` again, `make down` and
`make check`; root runs `make test`. What cannot run there is counted as not run, with its reason.
"""


def main() -> int:
    """Take the steps on each suite that is named, or on all; 0 only if every step that was taken passed."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        print("make test-fresh needs root and mmdebstrap: `apt-get install mmdebstrap`, then run it as root", file=sys.stderr)
        return 1
    wanted = os.environ.get("ONLY", "").split()
    steps = [step for step in STEPS if not wanted or any(word in step.name for word in wanted)]
    commit = _git("rev-parse", "--short=12", "HEAD").decode().strip()
    failed = False
    for suite in sys.argv[1:] or SUITES:
        machine = _machine(suite, commit)
        record = _load(suite, commit, machine)
        for step in steps:
            if step.name in record["steps"]:
                continue
            print(f"==> {SUITES[suite]}: {step.name}", flush=True)
            record["steps"][step.name] = _take(machine, step)
            failed |= record["steps"][step.name]["status"] != 0
            _write(suite, record)
    return int(failed)


def page(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of all records, by suite: plain data in, text out."""
    parts = [HEAD]
    for suite, record in records.items():
        versions = f"- Python {record['python']}, pip {record['pip']}\n- {record['engine']}"
        parts.append(f"## {SUITES[suite]}\n\n{versions}")
        rows = ["| step | as | started (UTC) | seconds | exit status | what it said at the end |", "|---|---|---|---|---|---|"]
        for step in STEPS:
            user = "root" if step.as_root else "a plain user"
            if step.name not in record["steps"]:
                rows.append(f"| {step.name} | {user} | | | not run | |")
                continue
            seen = record["steps"][step.name]
            said = "<br>".join(line.replace("|", "\\|").replace("<", "&lt;") for line in seen["said"])
            rows.append(f"| {step.name} | {user} | {seen['started']} | {seen['seconds']} | {seen['status']} | {said} |")
        parts.append("\n".join(rows))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _machine(suite: str, commit: str) -> Path:
    """The root file system of a suite with the checkout of a commit."""
    machine = PLACE / suite
    if not (machine / "made").exists():
        shutil.rmtree(machine, ignore_errors=True)
        PLACE.mkdir(parents=True, exist_ok=True)
        print(f"==> {SUITES[suite]}: making its root file system", flush=True)
        words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(machine)]
        subprocess.run(words, check=True)
        with (machine / "etc" / "passwd").open("a") as users:
            users.write(f"user:x:{USER}:{USER}::/home/user:/bin/sh\n")
        (machine / "made").touch()
    home = machine / "home" / "user"
    seen = home / "commit"
    if not seen.exists() or seen.read_text() != commit:
        if (machine / CHECKOUT.lstrip("/") / ".lab").exists():  # a former commit's, whose services may run
            words = _inside(machine, (".venv/bin/python", "-m", "lab", "down"), as_root=False)
            subprocess.run(words, env=_environment(as_root=False), check=False)
        shutil.rmtree(home, ignore_errors=True)
        (machine / CHECKOUT.lstrip("/")).mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", machine / CHECKOUT.lstrip("/")], input=_git("archive", "HEAD"), check=True)
        _bring_engine(machine)
        seen.write_text(commit)
        subprocess.run(["chown", "-R", f"{USER}:{USER}", home], check=True)
    return machine


def _bring_engine(machine: Path) -> None:
    """Copy this machine's CLI, its language hosts and the plugin; without them the fresh machine has to find its own."""
    try:
        found = toolchain.find(print, fetch=False)
    except toolchain.ToolchainError as error:
        print(f"    no Pulumi CLI to bring along: {error}", flush=True)
        return
    for program in found.pulumi.resolve().parent.glob("pulumi*"):
        shutil.copy(program, machine / "usr" / "local" / "bin")
    plugins = Path(toolchain.home(toolchain.OWN / "home")) / "plugins"
    for home in (machine / "home" / "user", machine / "root"):
        if plugins.exists():
            shutil.copytree(plugins, home / ".pulumi" / "plugins", dirs_exist_ok=True)


def _inside(machine: Path, words: tuple[str, ...], *, as_root: bool) -> list[str]:
    """The words that run a command on the fresh machine; what it leaves running ends with it only if it is the last step."""
    script = (
        'for each in proc sys dev; do mount --rbind "/$each" "$machine/$each"; done\n'
        'for each in etc/resolv.conf etc/hosts etc/ssl/certs etc/pip.conf; do if [ -e "/$each" ]; then\n'
        '  [ -e "$machine/$each" ] || touch "$machine/$each"; mount --bind "/$each" "$machine/$each"; fi; done\n'
        'exec chroot $identity "$machine" sh -c \'cd "$0" && exec "$@"\' "$@"\n'
    )
    identity = "" if as_root else f"--userspec={USER}:{USER} --groups="
    variables = [f"machine={machine}", f"identity={identity}"]
    return ["unshare", "--mount", "env", *variables, "bash", "-euc", script, "bash", CHECKOUT, *words]


def _environment(*, as_root: bool) -> dict[str, str]:
    """Where packages come from is this machine's business; nothing else of its environment goes along."""
    passed = ("_proxy", "_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    kept = {name: value for name, value in os.environ.items() if name.endswith(passed)}
    home = "/root" if as_root else "/home/user"
    return {**kept, "HOME": home, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def _take(machine: Path, step: Step) -> dict[str, Any]:
    started, clock = datetime.now(UTC), time.monotonic()
    log = PLACE / f"{machine.name}-{re.sub('[^a-z]+', '-', step.name).strip('-')}.log"
    with log.open("w") as output:
        status = subprocess.run(
            _inside(machine, step.words, as_root=step.as_root),
            env=_environment(as_root=step.as_root),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    said = _said(log.read_text(errors="replace"))
    print(f"    {status} after {time.monotonic() - clock:.0f} s; {log}", flush=True)
    return {
        "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(time.monotonic() - clock),
        "status": status,
        "said": said,
    }


def _said(log: str) -> list[str]:
    """What a summary says, or the last lines that a command printed."""
    start = log.find("\nWhat was proved")
    lines = [line.strip() for line in (log[start:] if start >= 0 else log).splitlines() if line.strip()]
    return lines[-TAIL_LINES:] if start >= 0 else [line for line in lines if line.startswith("==>")][-6:] or lines[-3:]


def _load(suite: str, commit: str, machine: Path) -> dict[str, Any]:
    place = RECORDS / f"{suite}.json"
    known: dict[str, Any] = json.loads(place.read_text()) if place.exists() else {}
    if (PLACE / f"{suite}.commit").exists() and (PLACE / f"{suite}.commit").read_text() == commit and known:
        return known
    code = "import sys, ensurepip; print(sys.version.split()[0], ensurepip.version())"
    words = _inside(machine, ("python3", "-c", code), as_root=True)
    python, pip = subprocess.run(words, env=_environment(as_root=True), capture_output=True, text=True, check=True).stdout.split()
    (PLACE / f"{suite}.commit").write_text(commit)
    try:
        found = toolchain.find(print, fetch=False)
        engine = f"Pulumi CLI {found.version}, openstack plugin {found.plugin}"
    except toolchain.ToolchainError as error:
        engine = f"the direct driver ({error})"
    return {"python": python, "pip": pip, "engine": engine, "steps": {}}


def _write(suite: str, record: Mapping[str, Any]) -> None:
    RECORDS.mkdir(parents=True, exist_ok=True)
    (RECORDS / f"{suite}.json").write_text(json.dumps(record, indent=2) + "\n")
    records = {name: RECORDS / f"{name}.json" for name in SUITES}
    PAGE.write_text(page({name: json.loads(place.read_text()) for name, place in records.items() if place.exists()}))


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
