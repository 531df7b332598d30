"""What commands write: plain where there is no terminal, and never folded."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from multiport import terminal

ROOT = Path(__file__).resolve().parents[3]
ROWS = [("web", "x" * 300), ("", "ü [red]b[/red]")]
SCRIPT = """
from multiport import terminal
import sys
with terminal.progress("Previewing dev") as say:
    say("Updating [dev]")
print(terminal.painted("red", "done", colours=terminal.coloured(sys.stdout)))
"""


def test_a_table_without_colours() -> None:
    assert terminal.table(("server", "evidence"), ROWS).splitlines() == [
        "server  evidence",
        f"------  {'-' * 300}",
        f"web     {'x' * 300}",
        "        ü [red]b[/red]",
    ]
    assert terminal.table(("server", "evidence"), ROWS, rule=False).splitlines() == [
        "server  evidence",
        f"web     {'x' * 300}",
        "        ü [red]b[/red]",
    ]


def test_a_table_in_colours() -> None:
    lines = terminal.table(("result",), [("ok",), ("FAILED",)], ["green", "red"]).splitlines()
    assert lines[0].startswith("\x1b[1m")
    assert lines[2].startswith("\x1b[32m")
    assert lines[3].startswith("\x1b[31m")


def test_text_in_colours() -> None:
    assert terminal.painted("bold red", "a\tb", colours=True) == "\x1b[1;31ma\tb\x1b[0m"
    assert terminal.painted("bold red", "a\tb", colours=False) == "a\tb"
    assert terminal.painted("", "a", colours=True) == "a"


def test_progress_where_there_is_no_terminal() -> None:
    answer = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stderr == "==> Previewing dev\n==> Updating [dev]\n"
    assert answer.stdout == "done\n"


@pytest.mark.parametrize("no_color", ["", "1"])
def test_progress_on_a_terminal(no_color: str) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_color}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(ours, 4096):
                said += chunk
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    text = said.decode()
    assert ("\x1b[31mdone\x1b[0m" in text) is (no_color == "")
    assert ("==> Previewing dev" in text) is (no_color != "")
    assert "Updating [dev]" in text
