"""The shell text, run by real shells with stand-ins on PATH that record what was asked of them."""

import os
import subprocess
from pathlib import Path

import pytest

from multiport.guest.files import CHECK_TIMER, PLAN_PATH, SCRIPT_PATH, SERVICE, packed_files
from multiport.guest.first_boot import BOOTCMD, RUNCMD

UNITS = f"{SERVICE} {CHECK_TIMER}"
RECORD = '#!/bin/sh\nprintf "%s\\n" "${0##*/} $*" | head -n 1 >> "$LOG"\n'
STAND_INS = {
    "policy-routing": RECORD,
    "systemctl": RECORD,
    "cloud-init-per": f'{RECORD}shift 2\n"$@"\n',
    "systemd-run": f'{RECORD}while test "${{1#--}}" != "$1"; do shift; done\n"$@"\n',
    # Each time that something waits, cloud-init's write_files comes a step further: an empty file, then its content.
    "sleep": f'{RECORD}if test -e "$PLAN"; then echo multiport-plan 1 > "$PLAN"; else : > "$PLAN"; fi\n',
}


def recorded(shell: str, script: str, folder: Path) -> list[str]:
    for name, text in STAND_INS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    plan, log = folder / "plan", folder / "log"
    plan.write_text("of the server that the image was made from\n")
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(log), "PLAN": str(plan)}
    script = script.replace(PLAN_PATH, str(plan)).replace(SCRIPT_PATH, str(folder / "policy-routing"))
    subprocess.run([shell, "-c", script], check=True, env=environment, timeout=60)
    return log.read_text().splitlines()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_bootcmd_starts_policy_routing_when_the_new_plan_is_there(shell: str, tmp_path: Path) -> None:
    assert recorded(shell, BOOTCMD, tmp_path) == [
        "cloud-init-per instance policy-routing sh -c ",
        (
            "systemd-run --no-block --collect --unit=policy-routing-first-boot --description=Start of policy routing"
            " --property=DefaultDependencies=no --property=RuntimeMaxSec=900 sh -c "
        ),
        "sleep 0.1",
        "sleep 0.1",
        "policy-routing apply",
        f"systemctl enable --no-reload {UNITS}",
        "systemctl daemon-reload",
        f"systemctl restart --no-block {UNITS}",
    ]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_runcmd_starts_policy_routing_if_it_does_not_run(shell: str, tmp_path: Path) -> None:
    assert recorded(shell, RUNCMD, tmp_path) == [
        "policy-routing apply",
        "systemctl daemon-reload",
        f"systemctl enable {UNITS}",
        f"systemctl start --no-block {UNITS}",
    ]


def test_units_that_are_enabled_can_be() -> None:
    contents = {file.path.rsplit("/", 1)[1]: file.content for file in packed_files()}
    for unit in UNITS.split():
        assert "\n[Install]\nWantedBy=" in contents[unit], unit
