"""What shells and shellcheck say about our shell text."""

import subprocess
from collections.abc import Callable

import pytest

from multiport.guest.first_boot import BOOTCMD, RUNCMD

# cloud-init makes one script of each list, with this first line.
FIRST_BOOT = [f"#!/bin/sh\n{text}" for text in (BOOTCMD, RUNCMD)]


def shellcheck(words: list[str], *arguments: str, text: str | None = None) -> str:
    """Return every finding down to style."""
    done = subprocess.run([*words, "--norc", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("text", FIRST_BOOT, ids=["bootcmd", "runcmd"])
def test_first_boot(tool: Callable[[str], list[str]], text: str) -> None:
    assert shellcheck(tool("shellcheck"), "--shell=sh", "-", text=text) == ""


def test_shellcheck_finds_faults(tool: Callable[[str], list[str]]) -> None:
    assert "SC2086" in shellcheck(tool("shellcheck"), "--shell=bash", "-", text="echo $1\n")


@pytest.mark.parametrize("text", FIRST_BOOT, ids=["bootcmd", "runcmd"])
def test_sh_reads_first_boot(text: str) -> None:
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
