"""Runs the stages of `make check`, `make test` and `make proof`, and summarizes what passed, on what, and what could not run."""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

from lab import debian_packages
from lab.guests import images, stacks
from lab.packets import layer
from multiport import toolchain
from tools import evidence, fetch_check_tools

ROOT = toolchain.ROOT
REPORTS = ROOT / ".reports"
PYTHON = sys.executable
COVERAGE_MINIMUM = 95
BEAT_SECONDS = 30
HIGH_PRIORITY_NICE = -10
"""Nice value of the timing-sensitive stages."""


@dataclass
class Stage:
    """One program to run, with its log and, if it is pytest, its results.

    Attributes:
        name: Name of the stage in the summary.
        says: What it proves, for the summary.
        command: Program and arguments.
        apt: File with the Debian packages that it needs; root installs them before the stage starts.
        environment: Environment variables in addition to those of this process.
        timing_sensitive: Whether its tests measure times. Such a stage gets a higher priority than the others.
    """

    name: str
    says: str
    command: Sequence[str]
    apt: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    timing_sensitive: bool = False
    status: int | None = None
    seconds: float = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """File with everything that the program printed."""
        return REPORTS / f"{self.name}.log"

    @property
    def results(self) -> Path:
        """File with the results of pytest, in JUnit's format."""
        return REPORTS / f"{self.name}.xml"


def pytest(
    name: str,
    says: str,
    *arguments: str,
    apt: str | None = None,
    environment: dict[str, str] | None = None,
    timing_sensitive: bool = False,
) -> Stage:
    """Return a stage that runs pytest."""
    command = [PYTHON, "-m", "pytest", *arguments, "-p", "no:cacheprovider", f"--junitxml={REPORTS / name}.xml"]
    return Stage(name, says, command, None if apt is None else ROOT / apt, environment or {}, timing_sensitive)


def check_stages() -> list[list[Stage]]:
    """Return the lanes of `make check`."""
    python = [PYTHON, "-m"]
    sources = [
        path
        for path in (
            "__main__.py",
            "bench",
            "components",
            "guest",
            "installation",
            "lab",
            "multiport",
            "tests",
            "examples",
            "tools",
        )
        if (ROOT / path).exists()
    ]
    return [
        [
            Stage("lint", "ruff finds nothing", [*python, "ruff", "check", *sources]),
            Stage("format", "ruff would format nothing", [*python, "ruff", "format", "--check", *sources]),
            Stage("types", "mypy --strict finds nothing", [*python, "mypy"]),
        ],
        [
            pytest(
                "unit",
                "components on Pulumi mocks, the guest's pure functions, goldens, refused configurations, rendered files",
                "tests/unit",
                "tests/golden",
                "tests/invalid",
                "tests/rendered",
                "-n",
                "2",
                "--cov",
                f"--cov-fail-under={COVERAGE_MINIMUM}",
            )
        ],
    ]


def test_stages(lab: Path) -> list[list[Stage]]:
    """Return the lanes of `make test` that follow the check. The lanes run in parallel, the stages of a lane in sequence.

    Timing-sensitive stages fail if too many other processes want the processor. `netns` and `guests` therefore run next to light
    stages only: three workers of `engine`, of which one or two usually wait for a service, and at first `verify`, which mostly
    sleeps while it samples. `lab`, which starts services repeatedly, comes when most of `netns` has finished.
    """
    cloud = {"MULTIPORT_TEST_LAB": str(lab)}
    return [
        [
            pytest(
                "netns",
                "the script on a real kernel, behind a router that drops spoofed packets as Neutron does",
                "tests/netns",
                apt="tests/netns/apt.txt",
                timing_sensitive=True,
            ),
            pytest(
                "guests",
                "the script in booted guests on four network stacks",
                "tests/guests",
                "-k",
                "nspawn",
                apt="tests/guests/apt.txt",
                timing_sensitive=True,
            ),
        ],
        [
            pytest(
                "verify",
                "`make verify` on a guest with sshd behind the same router: it passes, or names the cause of a failure",
                "tests/verify",
                "-n",
                "3",
                apt="tests/verify/apt.txt",
            ),
            pytest(
                "installation",
                "set-up on an index with newer versions, and in bad circumstances",
                "tests/installation",
                "-n",
                "2",
            ),
            pytest(
                "review",
                "the reports that reviewers get of recorded previews",
                "tests/review",
                "--ignore=tests/review/test_mermaid.py",
                "-m",
                "not engine",
            ),
            pytest(
                "mermaid",
                "the diagrams are valid for the real Mermaid",
                "tests/review/test_mermaid.py",
                apt="tests/review/apt.txt",
            ),
            pytest("lab", "the local cloud and the direct driver", "tests/lab"),
            pytest(
                "package",
                "the package installed in three ways beside a program with folders of the same names",
                "tests/package",
                environment=cloud,
            ),
            pytest(
                "policy",
                "policies and the review pipeline with the official Pulumi engine",
                "tests/review",
                "-m",
                "engine",
                environment=cloud,
            ),
            pytest(
                "recovery",
                "what the audit reads, what recovery would do, and what asks before a change; the rest: make test-recovery",
                "tests/audit/test_reading.py",
                "tests/audit/test_locks.py",
                "tests/recover/test_actions.py",
                "tests/guard/test_approval.py",
                environment=cloud,
            ),
        ],
        [
            pytest(
                "engine",
                "the official Pulumi CLI and openstack plugin on real OpenStack services",
                "tests/engine",
                "-n",
                "3",  # on two cores: for a third of the time Pulumi's provider only sleeps between two requests
                "--dist",
                "loadfile",
                environment=cloud,
            ),
        ],
    ]


def packets_stages() -> list[list[Stage]]:
    """Return the stages of `make test` on the local cloud with packets. They run last: emulated guests need every core."""
    return [
        [
            pytest(
                "packets",
                "two ports on one subnet in guests that Nova boots on OVN, from the deployment to the echo reply, and a reboot",
                "tests/packets/test_two_ports.py",
                environment={"MULTIPORT_TEST_IMAGES": "Ubuntu-24.04"},
            )
        ]
    ]


def proof_stages(lab: Path) -> list[list[Stage]]:
    """Return the stages of `make proof`. They run one at a time, because emulated guests need every core.

    The first stage starts and stops labs of its own, the others share one.
    """
    cloud = {"MULTIPORT_TEST_PACKETS": str(lab)}
    others = [f"--ignore=tests/packets/test_{name}.py" for name in ("machine", "life", "soak")]
    return [
        [
            pytest(
                "machine",
                "the local cloud leaves the machine unchanged, and two labs do not disturb each other",
                "tests/packets/test_machine.py",
            ),
            pytest(
                "topologies",
                "the guide's topologies, from the deployment to the echo reply",
                "tests/packets",
                *others,
                environment=cloud,
            ),
            pytest(
                "life",
                "reboots, replacement and network restarts on four stacks",
                "tests/packets/test_life.py",
                environment=cloud,
            ),
            pytest(
                "soak",
                "random faults: no packet with another port's source address, and every address recovers",
                "tests/packets/test_soak.py",
                environment=cloud,
            ),
        ]
    ]


def main() -> int:
    """Run the lanes of `check`, `test` or `proof` and print the summary. Return 0 if every stage passed, else 1."""
    REPORTS.mkdir(exist_ok=True)
    started = time.monotonic()
    if sys.argv[1:] == ["proof"]:
        return _proof(os.environ.get("ONLY", "").split())
    subprocess.run([PYTHON, "-m", "tools.fetch_check_tools"], check=True, cwd=ROOT)
    stages = _run(check_stages())
    if sys.argv[1:] == ["test"] and not any(stage.status for stage in stages):
        lab = REPORTS / "lab"
        try:
            stages += _run(test_stages(lab))
        finally:
            subprocess.run([PYTHON, "-m", "lab", "--dir", str(lab), "reset"], check=False, cwd=ROOT)
        stages += _run(packets_stages())
    return _summary(stages, time.monotonic() - started)


def _proof(only: Sequence[str]) -> int:
    """Run all stages of `make proof` or those named, and write docs/proof.md from their records and those of former runs."""
    started = time.monotonic()
    lab = REPORTS / "packets"
    lanes = [[stage for stage in lane if not only or stage.name in only] for lane in proof_stages(lab)]
    try:
        stages = _run(lanes)
    finally:
        subprocess.run([PYTHON, "-m", "lab", "--mode", "packets", "--dir", str(lab), "reset"], check=False, cwd=ROOT)
    status = _summary(stages, time.monotonic() - started)
    left_out = {f"{stage.name}: {why}": count for stage in stages for why, count in _counts(stage)[2].items()}
    left_out |= {f"{stage.name}: FAILED, see .reports/{stage.name}.log": _counts(stage)[1] for stage in stages if stage.status}
    if found := evidence.load(evidence.RECORDS):
        _record_installed()
        text = evidence.page(found, [*_versions(), *_below()], left_out, evidence.load(evidence.INSTALLED))
        (ROOT / "docs" / "proof.md").write_text(text)
        print("The results and their evidence are in docs/proof.md")
    else:
        print("Nothing was recorded; docs/proof.md stays as it is")
    return status


def _run(lanes: list[list[Stage]]) -> list[Stage]:
    for stage in (stage for lane in lanes for stage in lane):
        _install(stage)
    threads = [threading.Thread(target=_lane, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    stages = [stage for lane in lanes for stage in lane]
    beat = time.monotonic()
    try:
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            if time.monotonic() - beat > BEAT_SECONDS:
                beat = time.monotonic()
                for stage in stages:
                    if stage.log.exists() and stage.status is None and stage.seconds:
                        print(f"    {stage.name}: {_last_line(stage.log)}", flush=True)
    except KeyboardInterrupt:
        for stage in stages:
            if stage.timing_sensitive and stage.process is not None:
                stage.process.send_signal(signal.SIGINT)  # its session does not get the terminal's SIGINT
        raise
    return stages


def _lane(lane: list[Stage]) -> None:
    for stage in lane:
        print(f"==> {stage.name}: {stage.says}", flush=True)
        stage.results.unlink(missing_ok=True)
        started = time.monotonic()
        stage.seconds = 0.1  # not zero: the stage is running
        with stage.log.open("w") as log:
            stage.process = subprocess.Popen(
                stage.command,
                cwd=ROOT,
                env=_environment(stage),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=stage.timing_sensitive,
            )
            if stage.timing_sensitive:
                _raise_priority(stage.process.pid)
            status = stage.process.wait()
        stage.seconds = time.monotonic() - started
        stage.status = status
        print(f"==> {stage.name}: {'passed' if status == 0 else f'FAILED ({status})'} in {stage.seconds:.0f} s", flush=True)
        if status != 0:
            print("\n".join(stage.log.read_text(errors="replace").splitlines()[-80:]), flush=True)


def _environment(stage: Stage) -> dict[str, str]:
    # Pulumi starts the same program hundreds of times. With this variable set, Python would compile all modules each time.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **stage.environment, "COVERAGE_FILE": str(REPORTS / f".coverage.{stage.name}")}


def _raise_priority(pid: int) -> None:
    """Give a process and its session a higher priority, if this is root.

    With autogroups the kernel divides the processor among sessions first, so the nice value of the process alone has no effect.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, HIGH_PRIORITY_NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(HIGH_PRIORITY_NICE))


def _install(stage: Stage) -> None:
    """Install the Debian packages that the stage needs. Without root or apt its tests skip and name what is missing."""
    if stage.apt is None or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    wanted = [line.split("#")[0].strip() for line in stage.apt.read_text().splitlines()]
    missing = [package for package in wanted if package and not _installed(package)]
    if missing:
        print(f"==> {stage.name}: installing the Debian packages {' '.join(missing)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing],
        ):
            with stage.log.open("a") as log:
                subprocess.run(command, check=False, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _installed(package: str) -> bool:
    if shutil.which(package) is not None:
        return True  # possibly not from Debian, as is common for Node.js; Debian's package could replace it
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], check=False, capture_output=True, text=True)
    return answer.stdout == "install ok installed"


def _debian_version(package: str) -> str | None:
    if shutil.which("dpkg-query") is None:
        return None
    words = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    return subprocess.run(words, check=False, capture_output=True, text=True).stdout or None


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:120] if lines else "starting"


def _counts(stage: Stage) -> tuple[int, int, dict[str, int]]:
    """Return the number of tests that passed and failed, and the number that did not run by reason."""
    if not stage.results.exists():
        return (0, 0, {})
    passed = failed = 0
    not_run: dict[str, int] = {}
    for case in ET.parse(stage.results).iter("testcase"):  # noqa: S314 - pytest has written it
        skipped = case.find("skipped")
        if skipped is not None:
            reason = skipped.get("message", "no reason given")
            not_run[reason] = not_run.get(reason, 0) + 1
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        else:
            passed += 1
    return passed, failed, not_run


def _summary(stages: list[Stage], seconds: float) -> int:
    print("\nWhat was proved", flush=True)
    total_passed = total_failed = total_not_run = 0
    reasons: dict[str, int] = {}
    for stage in stages:
        passed, failed, not_run = _counts(stage)
        total_passed, total_failed = total_passed + passed, total_failed + failed
        total_not_run += sum(not_run.values())
        for reason, count in not_run.items():
            reasons[f"{stage.name}: {reason}"] = count
        verdict = "ok" if stage.status == 0 else "FAILED"
        counts = f"{passed} passed, {failed} failed, {sum(not_run.values())} not run" if stage.results.exists() else ""
        print(f"  {verdict:6}  {stage.name:8}  {stage.seconds:5.0f} s  {stage.says}{f' ({counts})' if counts else ''}")
    print("\nAgainst what")
    for line in _versions():
        print(f"  {line}")
    if reasons:
        print("\nNOT RUN")
        for reason, count in sorted(reasons.items()):
            print(f"  {count:3} x {reason}")
    print(f"\n{seconds / 60:.1f} minutes")
    print(f"{total_passed} passed, {total_failed} failed, {total_not_run} skipped", flush=True)
    return 1 if any(stage.status != 0 for stage in stages) else 0


def _versions() -> list[str]:
    lines = [f"Python {sys.version.split()[0]}, pulumi {version('pulumi')}, pulumi-openstack {version('pulumi-openstack')}"]
    try:
        found = toolchain.find(lambda _: None, fetch=False)
        lines.append(f"Pulumi CLI {found.version}, openstack plugin {found.plugin}")
    except toolchain.ToolchainError as error:
        lines.append(f"NO Pulumi CLI: {error}; everything that needs it was not run")
    lock = ROOT / "lab" / "requirements.lock"
    services = ("keystone", "glance", "openstack-placement", "neutron", "nova")
    pins = dict(line.split(" ")[0].split("==") for line in lock.read_text().splitlines() if "==" in line) if lock.exists() else {}
    lines.append("OpenStack: " + ", ".join(f"{name} {pins.get(name, 'unknown')}" for name in services))
    lines.append(f"Kernel {os.uname().release}")
    tools = fetch_check_tools.fetched()
    tools += [f"{name} {installed}" for name in ("chromium",) if (installed := _debian_version(name))]
    if tools:
        lines.append("Tools from Debian: " + ", ".join(tools))
    return lines


def _below() -> list[str]:
    """Return a line about the machine under the local cloud with packets."""
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return [f"{os.cpu_count()} cores, {memory / 2**20:.0f} GiB of memory; guests are emulated by QEMU (TCG)"]


def _record_installed() -> None:
    """Record which Debian packages the local cloud with packets and its guests have."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")
    machine = debian_packages.installed(Path("/"))
    found = {}
    for folder in layer.CACHE.glob("layer-*"):
        added = debian_packages.installed(folder).items() - machine.items()
        found["local-cloud"] = {"suite": release, "packages": dict(sorted(added))}
    for stack in stacks.STACKS:
        for folder in images.CACHE.glob(f"rootfs-{stack.name}-*"):
            packages = debian_packages.installed(folder / "layer")
            found[f"guest-{stack.name}"] = {"suite": images.SUITE, "packages": dict(sorted(packages.items()))}
    evidence.INSTALLED.mkdir(parents=True, exist_ok=True)
    for name, each in found.items():
        (evidence.INSTALLED / f"{name}.json").write_text(json.dumps(each, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
