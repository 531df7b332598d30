"""What cloud-init says about the user data of every golden case."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden.case import case_names, rendered

USER_DATA = {name: files["user_data"] for name in case_names() if (files := rendered(name)).get("user_data")}


def schema(words: list[str], path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return subprocess.run([*words, "schema", "--config-file", str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", USER_DATA)
def test_schema(name: str, tool: Callable[[str], list[str]], tmp_path: Path) -> None:
    done = schema(tool("cloud-init"), tmp_path / "user_data", USER_DATA[name])
    assert done.returncode == 0, done.stderr
    assert "Valid" in done.stdout


def test_schema_finds_faults(tool: Callable[[str], list[str]], tmp_path: Path) -> None:
    # Without Python's jsonschema cloud-init calls everything valid.
    done = schema(tool("cloud-init"), tmp_path / "user_data", "#cloud-config\nwrite_files: [{content: no path}]\n")
    assert done.returncode == 1
    assert "path" in done.stderr
